"""An attack: from what a coalition saw to a whole picture."""

import numpy as np

from pedbench import Attack


class Grey(Attack):
    """Mid-grey everywhere. A useful attack would look at the observation."""

    summary = "mid-grey everywhere"
    kind = "inversion"

    def reconstruct(self, observation):
        return np.full((*observation.frame_size, 3), 128, dtype=np.uint8)
