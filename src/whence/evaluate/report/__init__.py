"""Reports of evaluations: one self-contained HTML page, and the plots in it."""

from whence.evaluate.report.write import report_page, write_report

__all__ = ["report_page", "write_report"]
