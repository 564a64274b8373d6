"""What this module had in the 1.x releases is in :mod:`transformers.models.xlm.tokenization_xlm`."""

from transformers.models.xlm.tokenization_xlm import *  # noqa: F403
