"""What a GPU does with the course; `python -m benchmarks.gpu`, see __main__.py."""

from benchmarks.gpu.report import RESULTS, table

__all__ = ["RESULTS", "table"]
