"""Original file formats, read into named NumPy arrays and written back. Knows formats, knows no model."""

from .base import CheckpointError, CheckpointReader, Variable

__all__ = ["CheckpointError", "CheckpointReader", "Variable"]
