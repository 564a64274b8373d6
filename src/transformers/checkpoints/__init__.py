"""Original file formats, read into named NumPy arrays and written back. Knows formats, knows no model."""

from .base import CheckpointError, CheckpointReader, Variable
from .bundle_writer import write_bundle
from .opening import open_checkpoint
from .state_file import write_state_file

__all__ = ["CheckpointError", "CheckpointReader", "Variable", "open_checkpoint", "write_bundle", "write_state_file"]
