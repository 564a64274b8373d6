"""What this module had in the 1.x releases is in :mod:`transformers.models.bert.configuration_bert`."""

from transformers.models.bert.configuration_bert import *  # noqa: F403
