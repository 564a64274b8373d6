"""Original file formats, read into named NumPy arrays and written back. Knows formats, knows no model."""

from .base import CheckpointError, CheckpointReader, Variable
from .bundle_writer import write_bundle
from .corpus_file import Corpus, is_corpus_file, read_corpus, read_vocabulary
from .opening import open_checkpoint
from .state_file import write_state_file

__all__ = [
    "CheckpointError",
    "CheckpointReader",
    "Corpus",
    "Variable",
    "is_corpus_file",
    "open_checkpoint",
    "read_corpus",
    "read_vocabulary",
    "write_bundle",
    "write_state_file",
]
