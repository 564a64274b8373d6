"""What this module had in the 1.x releases is in :mod:`transformers.models.auto.tokenization_auto`."""

from transformers.models.auto.tokenization_auto import *  # noqa: F403
