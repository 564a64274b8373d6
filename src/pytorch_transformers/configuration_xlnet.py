"""What this module had in the 1.x releases is in :mod:`transformers.models.xlnet.configuration_xlnet`."""

from transformers.models.xlnet.configuration_xlnet import *  # noqa: F403
