"""The HTML report of a warehouse: one file, nothing loaded from elsewhere."""

from driftlake.report.page import write_report

__all__ = ["write_report"]
