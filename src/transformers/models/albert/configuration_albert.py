"""The hyper-parameters of ALBERT (Lan et al., 2019)."""

from __future__ import annotations

from typing import Any, ClassVar

from ...configuration_utils import PretrainedConfig
from ...errors import UserError
from ...nn.activation_names import activation_problems


class AlbertConfig(PretrainedConfig):
    """Hyper-parameters of an ALBERT model. The defaults are those of albert-xxlarge.

    Args:
        vocab_size: Number of pieces.
        embedding_size: Width of the embeddings.
        hidden_size: Width of the hidden states.
        num_hidden_layers: Number of layers.
        num_hidden_groups: Number of groups of layers that share their parameters.
        num_attention_heads: Number of attention heads; it must divide ``hidden_size``.
        intermediate_size: Width of the feed-forward layers.
        inner_group_num: Number of blocks in a layer, one after the other.
        hidden_act: Activation of feed-forward layers and masked-word head.
        hidden_dropout_prob: Dropout of embeddings and layer outputs.
        attention_probs_dropout_prob: Dropout of the attention weights.
        max_position_embeddings: The longest sequence.
        type_vocab_size: Number of segments.
        initializer_range: Standard deviation of new weights.
        layer_norm_eps: Epsilon of the layer norms.
        classifier_dropout_prob: Dropout before a classification head.
        position_embedding_type: "absolute", the only form of the original code.
        pad_token_id: The id of padding; its embedding gets no gradient.
        bos_token_id: The id of ``[CLS]``.
        eos_token_id: The id of ``[SEP]``.
        **kwargs: The fields that all families share, and any others.
    """

    model_type: ClassVar[str] = "albert"

    def __init__(
        self,
        vocab_size: int = 30000,
        embedding_size: int = 128,
        hidden_size: int = 4096,
        num_hidden_layers: int = 12,
        num_hidden_groups: int = 1,
        num_attention_heads: int = 64,
        intermediate_size: int = 16384,
        inner_group_num: int = 1,
        hidden_act: str | None = "gelu_new",
        hidden_dropout_prob: float = 0.0,
        attention_probs_dropout_prob: float = 0.0,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        classifier_dropout_prob: float = 0.1,
        position_embedding_type: str = "absolute",
        pad_token_id: int | None = 0,
        bos_token_id: int | None = 2,
        eos_token_id: int | None = 3,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.embedding_size = embedding_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_hidden_groups = num_hidden_groups
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.inner_group_num = inner_group_num
        self.hidden_act = hidden_act
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.classifier_dropout_prob = classifier_dropout_prob
        self.position_embedding_type = position_embedding_type
        super().__init__(pad_token_id=pad_token_id, bos_token_id=bos_token_id, eos_token_id=eos_token_id, **kwargs)

    def group_of(self, layer: int) -> int:
        """The group whose parameters a layer uses: the original's expression, whose rounding decides.

        With 18 layers in 14 groups, layer 9 uses group 7, where exact arithmetic gives 7 and another order of the same
        operations 6; with 22 of both, group 15 is never used.
        """
        return int(layer / self.num_hidden_layers * self.num_hidden_groups)

    def check(self) -> None:
        """Refuses hyper-parameters that describe something else than an ALBERT model.

        Raises:
            UserError: All that is wrong with them.
        """
        problems = activation_problems(self, "hidden_act")
        if self.hidden_size % self.num_attention_heads:
            problems.append(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {self.num_attention_heads}"
            )
        if not 1 <= self.num_hidden_groups <= self.num_hidden_layers:
            problems.append(
                f"num_hidden_groups {self.num_hidden_groups} for num_hidden_layers {self.num_hidden_layers}"
            )
        if self.position_embedding_type != "absolute":
            problems.append(f'position_embedding_type is "{self.position_embedding_type}", only "absolute" is computed')
        if problems:
            raise UserError("The configuration does not describe an ALBERT model:", problems)
