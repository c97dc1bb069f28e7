"""A figure: one bar for each attack."""

from bench.report.base import ReportFigure
from bench.report.render.style import NARROW, canvas

METRIC = "mean_error"


class ErrorBars(ReportFigure):
    """The mean error of each attack."""

    title = "Mean error of each attack"
    caption = "The mean error of each attack over all photos and regions. Lower: more leakage."

    def applies(self, run):
        return METRIC in set(run.every_score["metric"])

    def draw(self, run, theme):
        rows = run.every_score
        means = rows[rows["metric"] == METRIC].groupby("attack")["value"].mean()
        figure = canvas(NARROW, 0.8 + 0.2 * len(means), self.title)
        figure.subplots().barh(list(means.index), means, color=theme.series[0])
        return figure
