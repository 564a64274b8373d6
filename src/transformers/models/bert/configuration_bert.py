"""The hyper-parameters of BERT (Devlin et al., 2018)."""

from __future__ import annotations

from typing import Any, ClassVar

from ...configuration_utils import PretrainedConfig
from ...errors import UserError
from ...nn.activation_names import activation_problems


class BertConfig(PretrainedConfig):
    """Hyper-parameters of a BERT model. The defaults are those of bert-base-uncased.

    Args:
        vocab_size: Number of word pieces.
        hidden_size: Width of the hidden states.
        num_hidden_layers: Number of layers.
        num_attention_heads: Number of attention heads; it must divide ``hidden_size``.
        intermediate_size: Width of the feed-forward layers.
        hidden_act: Activation of feed-forward layers and masked-word head. "gelu" is the exact form; checkpoints of
            the original code compute "gelu_new" (the tanh form), and converted ones say so.
        hidden_dropout_prob: Dropout of embeddings and layer outputs.
        attention_probs_dropout_prob: Dropout of the attention weights.
        max_position_embeddings: The longest sequence.
        type_vocab_size: Number of segments.
        initializer_range: Standard deviation of new weights.
        layer_norm_eps: Epsilon of the layer norms.
        pad_token_id: The id of padding; its embedding gets no gradient.
        position_embedding_type: "absolute", the only form of the original code.
        use_cache: Whether a decoder returns its keys and values.
        classifier_dropout: Dropout before a classification head; ``hidden_dropout_prob`` if None.
        **kwargs: The fields that all families share, and any others.
    """

    model_type: ClassVar[str] = "bert"

    def __init__(
        self,
        vocab_size: int = 30522,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str | None = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        pad_token_id: int | None = 0,
        position_embedding_type: str = "absolute",
        use_cache: bool = True,
        classifier_dropout: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_act = hidden_act
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.position_embedding_type = position_embedding_type
        self.use_cache = use_cache
        self.classifier_dropout = classifier_dropout
        super().__init__(pad_token_id=pad_token_id, **kwargs)

    @property
    def head_dropout(self) -> float:
        """Dropout before a classification head."""
        return self.hidden_dropout_prob if self.classifier_dropout is None else self.classifier_dropout

    def check(self) -> None:
        """Refuses hyper-parameters that describe something else than a BERT model.

        Raises:
            UserError: All that is wrong with them.
        """
        problems = activation_problems(self, "hidden_act")
        if self.hidden_size % self.num_attention_heads:
            problems.append(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {self.num_attention_heads}"
            )
        if self.position_embedding_type != "absolute":
            problems.append(f'position_embedding_type is "{self.position_embedding_type}", only "absolute" is computed')
        if self.add_cross_attention and not self.is_decoder:
            problems.append("add_cross_attention is set without is_decoder: only a decoder attends to an encoder")
        if problems:
            raise UserError("The configuration does not describe a BERT model:", problems)
