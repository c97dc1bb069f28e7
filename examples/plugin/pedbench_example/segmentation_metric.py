"""A segmentation metric: how well one mask agrees with the true one."""

from pedbench import SegmentationMetric


class Dice(SegmentationMetric):
    """The Dice coefficient of two masks."""

    summary = "Dice coefficient of masks"
    label = "Dice"

    def score(self, prediction, truth):
        return 2 * (prediction & truth).sum() / (prediction.sum() + truth.sum())
