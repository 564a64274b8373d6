"""The hyper-parameters of T5 (Raffel et al., 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...configuration_utils import PretrainedConfig
from ...errors import UserError
from ...nn.activation_names import activation_problems


class T5Config(PretrainedConfig):
    """Hyper-parameters of a T5 model. The defaults are those of t5-small.

    Args:
        vocab_size: Rows of the embeddings: the vocabulary, filled up to a multiple of 128.
        d_model: Width of the hidden states.
        d_kv: Width of one attention head; ``num_heads * d_kv`` need not be ``d_model``.
        d_ff: Width of the feed-forward layers.
        num_layers: Number of blocks of the encoder.
        num_decoder_layers: Number of blocks of the decoder; as many as the encoder has if None.
        num_heads: Number of attention heads.
        relative_attention_num_buckets: Rows of the table of relative positions.
        relative_attention_max_distance: The distance from which all share the last row.
        relative_attention_per_layer: Whether every block has a table of its own (the original's
            ``relative_attention_type = 'bias'``), not one for the whole stack. Other tools do not know this field.
        dropout_rate: Dropout of embeddings, attention weights, inner feed-forward states and layer outputs.
        classifier_dropout: Dropout before a classification head.
        layer_norm_epsilon: Epsilon of the norms.
        initializer_factor: Factor of the deviations of new weights.
        feed_forward_proj: The activation of the feed-forward layers; with ``gated-`` in front it multiplies a second
            projection. "gated-gelu" means the tanh form, "gated-gelu_new", as in the original.
        use_cache: Whether the decoder returns its keys and values.
        pad_token_id: The id of padding.
        eos_token_id: The id that ends a text.
        is_encoder_decoder: Whether the model has both stacks.
        **kwargs: The fields that all families share, and any others. Published models have ``decoder_start_token_id``
            0 and, since v1.1, ``tie_word_embeddings`` false.

    Raises:
        UserError: ``dense_act_fn`` or ``is_gated_act`` are given and contradict ``feed_forward_proj``.
    """

    model_type: ClassVar[str] = "t5"
    attribute_map: ClassVar[Mapping[str, str]] = {
        "hidden_size": "d_model",
        "num_attention_heads": "num_heads",
        "num_hidden_layers": "num_layers",
        "head_dim": "d_kv",
    }

    def __init__(
        self,
        vocab_size: int = 32128,
        d_model: int = 512,
        d_kv: int = 64,
        d_ff: int = 2048,
        num_layers: int = 6,
        num_decoder_layers: int | None = None,
        num_heads: int = 8,
        relative_attention_num_buckets: int = 32,
        relative_attention_max_distance: int = 128,
        relative_attention_per_layer: bool = False,
        dropout_rate: float = 0.1,
        classifier_dropout: float = 0.0,
        layer_norm_epsilon: float = 1e-6,
        initializer_factor: float = 1.0,
        feed_forward_proj: str = "relu",
        use_cache: bool = True,
        pad_token_id: int | None = 0,
        eos_token_id: int | list[int] | None = 1,
        is_encoder_decoder: bool = True,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.d_model = d_model
        self.d_kv = d_kv
        self.d_ff = d_ff
        self.num_layers = num_layers
        self.num_decoder_layers = num_layers if num_decoder_layers is None else num_decoder_layers
        self.num_heads = num_heads
        self.relative_attention_num_buckets = relative_attention_num_buckets
        self.relative_attention_max_distance = relative_attention_max_distance
        self.relative_attention_per_layer = relative_attention_per_layer
        self.dropout_rate = dropout_rate
        self.classifier_dropout = classifier_dropout
        self.layer_norm_epsilon = layer_norm_epsilon
        self.initializer_factor = initializer_factor
        self.feed_forward_proj = feed_forward_proj
        self.use_cache = use_cache
        self._take_derived(kwargs)
        super().__init__(
            pad_token_id=pad_token_id, eos_token_id=eos_token_id, is_encoder_decoder=is_encoder_decoder, **kwargs
        )

    @property
    def is_gated_act(self) -> bool:
        """Whether the feed-forward layers multiply two projections."""
        return self.feed_forward_proj.startswith("gated-")

    @property
    def dense_act_fn(self) -> str:
        """Name of the activation of the feed-forward layers."""
        if self.feed_forward_proj == "gated-gelu":
            return "gelu_new"
        return self.feed_forward_proj.removeprefix("gated-")

    def check(self) -> None:
        """Refuses hyper-parameters that describe no T5 model.

        Raises:
            UserError: All that is wrong with them.
        """
        buckets, distance = self.relative_attention_num_buckets, self.relative_attention_max_distance
        problems = [f"feed_forward_proj: {problem}" for problem in activation_problems(self, "dense_act_fn")]
        if buckets < 4 or buckets % 2:
            problems.append(f"relative_attention_num_buckets is {buckets}, but must be even and at least 4")
        if distance <= buckets // 2:
            problems.append(f"relative_attention_max_distance {distance} is not above half of the {buckets} buckets")
        if problems:
            raise UserError("The configuration does not describe a T5 model:", problems)

    def _take_derived(self, fields: dict[str, Any]) -> None:
        """Removes what other tools store and what other fields say here.

        That is what follows from ``feed_forward_proj``; and transformers 5 writes ``tie_word_embeddings`` true for all
        models, and ``scale_decoder_outputs`` false for those whose head is not tied.
        """
        if not fields.pop("scale_decoder_outputs", True):
            fields["tie_word_embeddings"] = False
        derived = {"dense_act_fn": self.dense_act_fn, "is_gated_act": self.is_gated_act}
        stored = {name: fields.pop(name) for name in derived.keys() & fields.keys()}
        wrong = [
            f"{name} is {value!r}, but feed_forward_proj {self.feed_forward_proj!r} means {derived[name]!r}"
            for name, value in sorted(stored.items())
            if value != derived[name]
        ]
        if wrong:
            raise UserError("The activation of the configuration contradicts itself:", wrong)
