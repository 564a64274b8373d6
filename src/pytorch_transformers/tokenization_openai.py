"""What this module had in the 1.x releases is in :mod:`transformers.models.openai.tokenization_openai`."""

from transformers.models.openai.tokenization_openai import *  # noqa: F403
