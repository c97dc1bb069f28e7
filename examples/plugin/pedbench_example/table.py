"""A table: how many records have each status."""

from bench.report.base import ReportTable
from bench.report.render.table import Column


class Statuses(ReportTable):
    """Records by status."""

    title = "Records by status"

    def build(self, run):
        frame = run.records.groupby("status").size().rename("records").reset_index()
        return self.table(frame, [Column("status", "Status"), Column("records", "Records", 0)])
