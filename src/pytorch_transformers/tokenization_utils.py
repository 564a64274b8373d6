"""What this module had in the 1.x releases is in :mod:`transformers.tokenization_utils`."""

from transformers.tokenization_utils import *  # noqa: F403
