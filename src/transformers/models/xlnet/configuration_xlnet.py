"""The hyper-parameters of XLNet (Yang et al., 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...configuration_utils import PretrainedConfig
from ...errors import UserError
from ...nn.activation_names import activation_problems

ATTENTION_TYPES = ("bi", "uni")


class XLNetConfig(PretrainedConfig):
    """Hyper-parameters of an XLNet model. The defaults are those of XLNet-Large.

    Args:
        vocab_size: Number of pieces (``n_token`` in the original's ``xlnet_config.json``).
        d_model: Width of the hidden states, even.
        n_layer: Number of layers.
        n_head: Number of attention heads.
        d_inner: Width of the feed-forward layers.
        ff_activation: Activation of the feed-forward layers. "gelu" is the exact form; checkpoints of the original code
            compute "gelu_new" (the tanh form), and converted ones say so.
        untie_r: Whether the layers of the original have attention biases of their own. Here they always have.
        attn_type: "bi", or "uni" for a model that sees no later positions.
        initializer_range: Standard deviation of new weights.
        layer_norm_eps: Epsilon of the layer norms.
        dropout: Dropout of embeddings, attention weights and layer outputs.
        mem_len: How many positions are remembered; all of them if None or 0.
        reuse_len: How many positions of a segment, from its start, are remembered; all of them if None or 0.
        use_mems_eval: Whether memories are returned in evaluation.
        use_mems_train: Whether memories are returned in training.
        bi_data: Whether the second half of a batch runs backwards: its distances are negated.
        clamp_len: The largest distance that is told from larger ones; -1 for no limit.
        same_length: Whether each position sees equally many, with "uni".
        summary_type: Which state the heads for whole sequences read: "last", "first" or "mean".
        summary_use_proj: Whether these heads have a linear layer.
        summary_activation: "tanh", or None for no activation after it.
        summary_last_dropout: Dropout after that.
        start_n_top: How many starts of answers are tried.
        end_n_top: How many ends are tried for each.
        pad_token_id: The id of padding.
        bos_token_id: The id of ``<s>``.
        eos_token_id: The id of ``</s>``.
        d_head: Width of an attention head; ``d_model / n_head`` if None.
        **kwargs: The fields that all families share, and any others.

    Raises:
        UserError: ``d_head`` is not given, and the heads do not divide the width.
    """

    model_type: ClassVar[str] = "xlnet"
    attribute_map: ClassVar[Mapping[str, str]] = {
        "n_token": "vocab_size",
        "hidden_size": "d_model",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }

    def __init__(
        self,
        vocab_size: int = 32000,
        d_model: int = 1024,
        n_layer: int = 24,
        n_head: int = 16,
        d_inner: int = 4096,
        ff_activation: str = "gelu",
        untie_r: bool = True,
        attn_type: str = "bi",
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        dropout: float = 0.1,
        mem_len: int | None = 512,
        reuse_len: int | None = None,
        use_mems_eval: bool = True,
        use_mems_train: bool = False,
        bi_data: bool = False,
        clamp_len: int = -1,
        same_length: bool = False,
        summary_type: str = "last",
        summary_use_proj: bool = True,
        summary_activation: str | None = "tanh",
        summary_last_dropout: float = 0.1,
        start_n_top: int = 5,
        end_n_top: int = 5,
        pad_token_id: int | None = 5,
        bos_token_id: int | None = 1,
        eos_token_id: int | list[int] | None = 2,
        d_head: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.d_model = d_model
        self.n_layer = n_layer
        self.n_head = n_head
        self.d_inner = d_inner
        self.ff_activation = ff_activation
        self.untie_r = untie_r
        self.attn_type = attn_type
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.dropout = dropout
        self.mem_len = mem_len
        self.reuse_len = reuse_len
        self.use_mems_eval = use_mems_eval
        self.use_mems_train = use_mems_train
        self.bi_data = bi_data
        self.clamp_len = clamp_len
        self.same_length = same_length
        self.summary_type = summary_type
        self.summary_use_proj = summary_use_proj
        self.summary_activation = summary_activation
        self.summary_last_dropout = summary_last_dropout
        self.start_n_top = start_n_top
        self.end_n_top = end_n_top
        self.d_head = _share_of_a_head(d_model, n_head) if d_head is None else d_head
        super().__init__(pad_token_id=pad_token_id, bos_token_id=bos_token_id, eos_token_id=eos_token_id, **kwargs)

    def check(self) -> None:
        """Refuses hyper-parameters that describe no XLNet model.

        Raises:
            UserError: All that is wrong with them.
        """
        problems = activation_problems(self, "ff_activation", "summary_activation")
        if self.d_model % 2:
            problems.append(f"d_model {self.d_model} is odd: half of a distance's encoding is sines, half is cosines")
        if self.attn_type not in ATTENTION_TYPES:
            problems.append(f'attn_type is "{self.attn_type}", but must be one of {", ".join(ATTENTION_TYPES)}')
        if problems:
            raise UserError(_NO_XLNET, problems)


_NO_XLNET = "The configuration does not describe an XLNet model:"


def _share_of_a_head(d_model: int, n_head: int) -> int:
    if n_head < 1 or d_model % n_head:
        raise UserError(_NO_XLNET, [f"d_model {d_model} is not a multiple of n_head {n_head}, and there is no d_head"])
    return d_model // n_head
