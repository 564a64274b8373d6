"""The hyper-parameters of Transformer-XL (Dai et al., 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ...configuration_utils import PretrainedConfig
from ...errors import UserError


class TransfoXLConfig(PretrainedConfig):
    """Hyper-parameters of a Transformer-XL model. The defaults are those of the model of WikiText-103 on the hub.

    The vocabulary is cut into clusters, frequent words first; the k-th has word vectors of width
    ``d_embed // div_val ** k``. With ``div_val`` 1 all words are in one table.

    Args:
        vocab_size: Number of words.
        cutoffs: The first word of each cluster but the first one; empty for a plain softmax.
        d_model: Width of the hidden states; even.
        d_embed: Width of the word vectors of the first cluster.
        n_head: Number of attention heads.
        d_head: Width of a head; the heads together need not be as wide as the hidden states.
        d_inner: Width of the feed-forward layers.
        div_val: By how much the word vectors of each cluster are narrower than those of the one before.
        pre_lnorm: Whether layer norms stand before the layers. Only False is computed.
        n_layer: Number of layers.
        mem_len: How many hidden states of earlier segments are kept and attended to.
        clamp_len: The largest distance that is told apart; 0 or less for no limit.
        same_length: Whether all positions of a segment attend to equally many positions.
        same_length_inclusive: Whether these are the position itself and the ``mem_len`` before it, as in the TensorFlow
            code that made the released checkpoints; without it they are ``mem_len`` in all, as in the ecosystem.
        proj_share_all_but_first: Whether the softmax projects to all clusters but the first as the word vectors are
            projected; only looked at if ``tie_projs`` is None.
        attn_type: The kind of attention. Only 0, relative positions with learned biases, is computed.
        sample_softmax: Samples for the softmax in training. Only -1 or 0, none, is computed.
        adaptive: Whether the softmax is adaptive; it says nothing that the cutoffs do not say.
        dropout: Dropout of embeddings, positions and the outputs of layers.
        dropatt: Dropout of the attention weights.
        untie_r: Whether each layer has its own biases of the query.
        init: How new weights are drawn: "normal", or "uniform" between plus and minus ``init_range``.
        init_range: See ``init``.
        proj_init_std: Standard deviation of new projections.
        init_std: Standard deviation of other new weights.
        layer_norm_epsilon: Epsilon of the layer norms. The TensorFlow code has 1e-12.
        eos_token_id: The id that ends a line.
        tie_projs: For each cluster, whether the softmax projects to it as its word vectors are projected.
        **kwargs: The fields that all families share, and any others.
    """

    model_type: ClassVar[str] = "transfo-xl"
    attribute_map: ClassVar[Mapping[str, str]] = {
        "n_token": "vocab_size",
        "hidden_size": "d_model",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }

    def __init__(
        self,
        vocab_size: int = 267735,
        cutoffs: Sequence[int] = (20000, 40000, 200000),
        d_model: int = 1024,
        d_embed: int = 1024,
        n_head: int = 16,
        d_head: int = 64,
        d_inner: int = 4096,
        div_val: int = 4,
        pre_lnorm: bool = False,
        n_layer: int = 18,
        mem_len: int = 1600,
        clamp_len: int = 1000,
        same_length: bool = True,
        same_length_inclusive: bool = False,
        proj_share_all_but_first: bool = True,
        attn_type: int = 0,
        sample_softmax: int = -1,
        adaptive: bool = True,
        dropout: float = 0.1,
        dropatt: float = 0.0,
        untie_r: bool = True,
        init: str = "normal",
        init_range: float = 0.01,
        proj_init_std: float = 0.01,
        init_std: float = 0.02,
        layer_norm_epsilon: float = 1e-5,
        eos_token_id: int | list[int] | None = 0,
        tie_projs: Sequence[bool] | None = None,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.cutoffs = list(cutoffs)
        self.d_model = d_model
        self.d_embed = d_embed
        self.n_head = n_head
        self.d_head = d_head
        self.d_inner = d_inner
        self.div_val = div_val
        self.pre_lnorm = pre_lnorm
        self.n_layer = n_layer
        self.mem_len = mem_len
        self.clamp_len = clamp_len
        self.same_length = same_length
        self.same_length_inclusive = same_length_inclusive
        self.tie_projs = [False] + [proj_share_all_but_first] * len(cutoffs) if tie_projs is None else list(tie_projs)
        self.attn_type = attn_type
        self.sample_softmax = sample_softmax
        self.adaptive = adaptive
        self.dropout = dropout
        self.dropatt = dropatt
        self.untie_r = untie_r
        self.init = init
        self.init_range = init_range
        self.proj_init_std = proj_init_std
        self.init_std = init_std
        self.layer_norm_epsilon = layer_norm_epsilon
        super().__init__(eos_token_id=eos_token_id, **kwargs)

    def check(self) -> None:
        """Refuses hyper-parameters that describe no Transformer-XL model, or one that cannot be computed here.

        Raises:
            UserError: With everything that is wrong.
        """
        if problems := list(self.problems()):
            raise UserError(
                "The configuration does not describe a Transformer-XL model that can be computed:", problems
            )

    def problems(self) -> Iterator[str]:
        """What is wrong with the hyper-parameters, one line each."""
        if self.d_model % 2:
            yield f"d_model {self.d_model} is odd: half of a position's code are sines, half cosines"
        bounds = [0, *self.cutoffs, self.vocab_size]
        if not all(isinstance(bound, int) for bound in bounds) or sorted(set(bounds)) != bounds:
            yield f"cutoffs {self.cutoffs} do not rise from above 0 to below vocab_size {self.vocab_size}"
        if self.div_val < 1 or self.d_embed // self.div_val ** len(self.cutoffs) < 1:
            yield f"div_val {self.div_val} leaves nothing of d_embed {self.d_embed} for cluster {len(self.cutoffs)}"
        if len(self.tie_projs) != len(self.cutoffs) + 1:
            yield f"tie_projs has {len(self.tie_projs)} entries for {len(self.cutoffs) + 1} clusters"
        if self.mem_len < 0:
            yield f"mem_len {self.mem_len} is below 0"
        for name, known in (("pre_lnorm", (False,)), ("attn_type", (0,)), ("sample_softmax", (-1, 0))):
            if getattr(self, name) not in known:
                yield f"{name} {getattr(self, name)}: only {known[0]} can be computed, which all released models have"
