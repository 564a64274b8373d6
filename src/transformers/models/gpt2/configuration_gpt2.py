"""The hyper-parameters of GPT-2 (Radford et al., 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...configuration_utils import PretrainedConfig
from ...errors import UserError
from ...nn.activation_names import activation_problems


class GPT2Config(PretrainedConfig):
    """Hyper-parameters of a GPT-2 model. The defaults are those of the smallest released model ("124M", "gpt2").

    Args:
        vocab_size: Number of tokens (``n_vocab`` in the original's ``hparams.json``).
        n_positions: The longest sequence (``n_ctx`` there).
        n_embd: Width of the hidden states.
        n_layer: Number of blocks.
        n_head: Number of attention heads; it must divide ``n_embd``.
        n_inner: Width of the feed-forward layers; four times ``n_embd`` if None.
        activation_function: Activation of the feed-forward layers. The original computes the tanh form, "gelu_new".
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
        scale_attn_weights: Whether attention scores are divided by the root of the head's size.
        use_cache: Whether keys and values are returned.
        bos_token_id: The id that starts a text.
        eos_token_id: The id that ends a text.
        scale_attn_by_inverse_layer_idx: Whether scores of layer l are also divided by l + 1.
        reorder_and_upcast_attn: Whether attention is computed in float32 whatever the model's dtype.
        **kwargs: The fields that all families share, and any others.
    """

    model_type: ClassVar[str] = "gpt2"
    attribute_map: ClassVar[Mapping[str, str]] = {
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }

    def __init__(
        self,
        vocab_size: int = 50257,
        n_positions: int = 1024,
        n_embd: int = 768,
        n_layer: int = 12,
        n_head: int = 12,
        n_inner: int | None = None,
        activation_function: str = "gelu_new",
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
        scale_attn_weights: bool = True,
        use_cache: bool = True,
        bos_token_id: int | None = 50256,
        eos_token_id: int | list[int] | None = 50256,
        scale_attn_by_inverse_layer_idx: bool = False,
        reorder_and_upcast_attn: bool = False,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.n_positions = n_positions
        self.n_embd = n_embd
        self.n_layer = n_layer
        self.n_head = n_head
        self.n_inner = n_inner
        self.activation_function = activation_function
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
        self.scale_attn_weights = scale_attn_weights
        self.use_cache = use_cache
        self.scale_attn_by_inverse_layer_idx = scale_attn_by_inverse_layer_idx
        self.reorder_and_upcast_attn = reorder_and_upcast_attn
        super().__init__(bos_token_id=bos_token_id, eos_token_id=eos_token_id, **kwargs)

    def check(self) -> None:
        """Refuses hyper-parameters that describe no GPT-2 model.

        Raises:
            UserError: All that is wrong with them.
        """
        problems = activation_problems(self, "activation_function", "summary_activation")
        if self.n_head < 1 or self.n_embd % self.n_head:
            problems.append(f"n_embd {self.n_embd} is not a multiple of n_head {self.n_head}")
        if problems:
            raise UserError("The configuration does not describe a GPT-2 model:", problems)
