"""What this module had in the 1.x releases is in :mod:`transformers.models.auto.configuration_auto`."""

from transformers.models.auto.configuration_auto import *  # noqa: F403
