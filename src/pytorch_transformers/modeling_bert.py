"""What this module had in the 1.x releases is in
:mod:`transformers.models.bert.configuration_bert`,
:mod:`transformers.models.bert.modeling_bert`.
"""

from transformers.models.bert.configuration_bert import *  # noqa: F403
from transformers.models.bert.modeling_bert import *  # noqa: F403
