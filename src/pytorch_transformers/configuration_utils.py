"""What this module had in the 1.x releases is in :mod:`transformers.configuration_utils`."""

from transformers.configuration_utils import *  # noqa: F403
