"""The hyper-parameters of OpenAI GPT (Radford et al., 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...configuration_utils import PretrainedConfig
from ...errors import UserError
from ...nn.activation_names import activation_problems


class OpenAIGPTConfig(PretrainedConfig):
    """Hyper-parameters of an OpenAI GPT model. The defaults are those of the released model.

    Args:
        vocab_size: Number of tokens, special ones of a fine-tuning included.
        n_positions: The longest sequence.
        n_embd: Width of the hidden states.
        n_layer: Number of blocks.
        n_head: Number of attention heads; it must divide ``n_embd``.
        afn: Activation of the feed-forward layers: "gelu" (in this family the tanh form, as the original computes it),
            "relu" or "swish".
        resid_pdrop: Dropout of what a block adds to the residual stream.
        embd_pdrop: Dropout of the embeddings.
        attn_pdrop: Dropout of the attention weights.
        layer_norm_epsilon: Epsilon of the layer norms.
        initializer_range: Standard deviation of new weights.
        summary_type: Which state the multiple-choice head reads: "cls_index", "last", "first" or "mean".
        summary_use_proj: Whether that head has a linear layer.
        summary_activation: "tanh", or None for no activation after it.
        summary_proj_to_labels: Whether it projects to the labels (otherwise to the hidden size).
        summary_first_dropout: Dropout before it.
        **kwargs: The fields that all families share, and any others.
    """

    model_type: ClassVar[str] = "openai-gpt"
    attribute_map: ClassVar[Mapping[str, str]] = {
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }

    def __init__(
        self,
        vocab_size: int = 40478,
        n_positions: int = 512,
        n_embd: int = 768,
        n_layer: int = 12,
        n_head: int = 12,
        afn: str = "gelu",
        resid_pdrop: float = 0.1,
        embd_pdrop: float = 0.1,
        attn_pdrop: float = 0.1,
        layer_norm_epsilon: float = 1e-5,
        initializer_range: float = 0.02,
        summary_type: str = "cls_index",
        summary_use_proj: bool = True,
        summary_activation: str | None = None,
        summary_proj_to_labels: bool = True,
        summary_first_dropout: float = 0.1,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.n_positions = n_positions
        self.n_embd = n_embd
        self.n_layer = n_layer
        self.n_head = n_head
        self.afn = afn
        self.resid_pdrop = resid_pdrop
        self.embd_pdrop = embd_pdrop
        self.attn_pdrop = attn_pdrop
        self.layer_norm_epsilon = layer_norm_epsilon
        self.initializer_range = initializer_range
        self.summary_type = summary_type
        self.summary_use_proj = summary_use_proj
        self.summary_activation = summary_activation
        self.summary_proj_to_labels = summary_proj_to_labels
        self.summary_first_dropout = summary_first_dropout
        super().__init__(**kwargs)

    @property
    def activation(self) -> str:
        """The activation under the name by which all families know it."""
        return "gelu_new" if self.afn == "gelu" else self.afn

    def check(self) -> None:
        """Refuses hyper-parameters that describe something else than a GPT model.

        Raises:
            UserError: All that is wrong with them.
        """
        problems = activation_problems(self, "afn", "summary_activation")
        if self.n_embd % self.n_head:
            problems.append(f"n_embd {self.n_embd} is not a multiple of n_head {self.n_head}")
        if problems:
            raise UserError("The configuration does not describe an OpenAI GPT model:", problems)
