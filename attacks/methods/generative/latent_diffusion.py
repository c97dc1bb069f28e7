"""Inpainting by a latent diffusion model (Rombach et al., CVPR 2022), from the user's own files."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from attacks.base import ATTACKS, Knowledge, Unlearnable
from attacks.controls.swapped_twin import register_swapped
from attacks.features.canvas import Canvas, Pixels
from attacks.features.completion import Completion
from attacks.methods.generative.flow_inpainting import draw_seed
from attacks.networks.latent import FILES, LatentInpainter

VARIABLE = "PEDBENCH_LDM"


@ATTACKS.register("latent_diffusion")
class LatentDiffusion(Completion):
    """One draw of what may be hidden, by a latent diffusion model for inpainting.

    The environment variable ``PEDBENCH_LDM`` names a folder with the files that
    `attacks.networks.latent` describes. Whether the model's training photos are disjoint from the
    scored ones is the user's to know.
    """

    summary = f"visible windows inverted, hidden ones drawn by the models in the folder ${VARIABLE}"
    kind = "inpainting"
    setting_independent = True
    random = True
    sampled = True

    @classmethod
    def user_files(cls) -> list[Path]:
        folder = Path(os.environ.get(VARIABLE) or os.devnull)
        return [folder / name for name in FILES if (folder / name).is_file()]

    def fit(self, knowledge: Knowledge) -> None:
        super().fit(knowledge)
        self.learned["seed"] = np.array([self.seed])

    def fill(self, canvas: Canvas) -> Pixels:
        folder = os.environ.get(VARIABLE, "")
        if not folder or not Path(folder).is_dir():
            raise Unlearnable(
                f"attack '{self.name}' needs a latent diffusion model: "
                f"set {VARIABLE} to a folder with {', '.join(FILES)}"
            )
        seed = draw_seed(int(self.learned.get("seed", np.array([self.seed]))[0]), canvas)
        states = tuple((path.name, path.stat().st_mtime_ns) for path in self.user_files())
        return _loaded(folder, states).fill(canvas.pixels, canvas.known, seed)


@lru_cache(maxsize=1)
def _loaded(folder: str, _: tuple[tuple[str, int], ...]) -> LatentInpainter:
    """The model of a folder, which is read once unless a file changes."""
    return LatentInpainter.load(Path(folder))


register_swapped(LatentDiffusion)
