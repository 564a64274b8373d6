"""What this module had in the 1.x releases is in :mod:`transformers.models.bert.tokenization_bert`."""

from transformers.models.bert.tokenization_bert import *  # noqa: F403
