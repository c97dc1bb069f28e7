"""A recogniser: what a picture still gives away, beside how it looks."""

from dataclasses import dataclass

from bench.recognition import Truth
from pedbench import Recogniser


@dataclass(frozen=True, eq=False)
class Level(Truth):
    """The mean grey level of the original, 0 to 255."""

    level: float


class Brightness(Recogniser):
    """How well a picture tells the brightness of the original."""

    summary = "brightness of the original, 1 where it is met"
    metrics = ("brightness_match",)

    @classmethod
    def available(cls):
        return None  # or a line that says what to install

    def truth(self, sample, frame_size):
        return Level(frame_size, float(sample.image.mean()))

    def _score(self, picture, truth):
        return {"brightness_match": 1 - abs(float(picture.mean()) - truth.level) / 255}
