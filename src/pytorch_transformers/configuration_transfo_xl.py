"""What this module had in the 1.x releases is in :mod:`transformers.models.transfo_xl.configuration_transfo_xl`."""

from transformers.models.transfo_xl.configuration_transfo_xl import *  # noqa: F403
