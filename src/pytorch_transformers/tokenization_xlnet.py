"""What this module had in the 1.x releases is in :mod:`transformers.models.xlnet.tokenization_xlnet`."""

from transformers.models.xlnet.tokenization_xlnet import *  # noqa: F403
