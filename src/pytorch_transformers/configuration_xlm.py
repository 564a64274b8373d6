"""What this module had in the 1.x releases is in :mod:`transformers.models.xlm.configuration_xlm`."""

from transformers.models.xlm.configuration_xlm import *  # noqa: F403
