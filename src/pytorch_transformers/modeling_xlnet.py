"""What this module had in the 1.x releases is in
:mod:`transformers.models.xlnet.configuration_xlnet`,
:mod:`transformers.models.xlnet.modeling_xlnet`.
"""

from transformers.models.xlnet.configuration_xlnet import *  # noqa: F403
from transformers.models.xlnet.modeling_xlnet import *  # noqa: F403
