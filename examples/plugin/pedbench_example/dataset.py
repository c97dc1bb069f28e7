"""A data set: photos with masks, named by a scheme such as ``disc:3``."""

import numpy as np

from pedbench import Dataset, Sample

SIDE = 96


class Disc(Dataset):
    """Pictures of one disc each, with its mask; the background grows lighter."""

    summary = "one disc on a plain background"
    usage = "disc:N"

    def __init__(self, count):
        self.name = f"disc:{count}"
        self._ids = tuple(f"disc-{n}" for n in range(count))

    @classmethod
    def open(cls, argument, **options):
        return cls(int(argument or 1))

    @property
    def ids(self):
        return self._ids

    @property
    def fingerprint(self):
        return f"disc{len(self._ids):08x}"

    def load(self, image_id):
        shade = 40 * (self._ids.index(image_id) % 4)
        y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
        mask = x**2 + y**2 < (SIDE // 4) ** 2
        image = np.full((SIDE, SIDE, 3), shade, dtype=np.uint8)
        image[mask] = (200, 120, 40)
        return Sample(image_id, image, mask[None], ("disc",), scene=f"disc/{image_id}")
