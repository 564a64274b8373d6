"""Transformer-XL: the configuration, the base model and its head, called as in pytorch-pretrained-bert 0.6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, cast

from torch import Tensor

from transformers.modeling_heads import TaskModel
from transformers.models.transfo_xl import configuration_transfo_xl, modeling_transfo_xl
from transformers.models.transfo_xl.modeling_transfo_xl_utilities import (
    AdaptiveEmbedding,
    ProjectedAdaptiveLogSoftmax,
)
from transformers.nn.losses import IGNORED

from ._configurations import OlderConfig, StrPath, vocabulary_or_file
from ._models import TF_WEIGHTS_NAME, OlderModel, StateDict, load_original_weights
from .file_utils import CONFIG_NAME, WEIGHTS_NAME, cached_path

__all__ = [
    "CONFIG_NAME", "TF_WEIGHTS_NAME", "WEIGHTS_NAME", "AdaptiveEmbedding", "ProjectedAdaptiveLogSoftmax",
    "TransfoXLConfig", "TransfoXLLMHeadModel", "TransfoXLModel", "TransfoXLPreTrainedModel", "cached_path",
    "load_tf_weights_in_transfo_xl",
]  # fmt: skip

#: The epsilon of all layer norms, which no file of the time names.
_LAYER_NORM_EPSILON = 1e-12

#: For each layer the states that went into it, ``[mem, batch, d_model]``; None for a model without memory.
Memories = list[Tensor] | None


class TransfoXLConfig(OlderConfig, configuration_transfo_xl.TransfoXLConfig):
    """Hyper-parameters of a Transformer-XL model.

    Args:
        vocab_size_or_config_json_file: Number of words, or the path of a JSON file with all the fields.
        cutoffs: The first word of each cluster but the first one.
        d_model: Width of the hidden states.
        d_embed: Width of the word vectors of the first cluster.
        n_head: Number of attention heads.
        d_head: Width of a head.
        d_inner: Width of the feed-forward layers.
        div_val: By how much the word vectors of each cluster are narrower than those of the one before.
        pre_lnorm: Whether layer norms stand before the layers. Only False is computed.
        n_layer: Number of layers.
        tgt_len: The length of a segment; a segment of any length is taken.
        ext_len: How many of the last states of a segment are left out of the memory.
        mem_len: How many hidden states of earlier segments are kept and attended to.
        clamp_len: The largest distance that is told apart.
        same_length: Whether all positions of a segment attend to equally many positions.
        proj_share_all_but_first: Whether the softmax projects to all clusters but the first as the word vectors are.
        attn_type: The kind of attention. Only 0, relative positions with learned biases, is computed.
        sample_softmax: Samples for the softmax in training. Only -1, none, is computed.
        adaptive: Whether the softmax is adaptive; the cutoffs say it.
        tie_weight: Whether the softmax shares the tables of the word vectors.
        dropout: Dropout of embeddings, positions and the outputs of layers.
        dropatt: Dropout of the attention weights.
        untie_r: Whether each layer has its own biases of the query.
        init: How new weights are drawn: "normal" or "uniform".
        init_range: The range of "uniform".
        proj_init_std: Standard deviation of new projections.
        init_std: Standard deviation of other new weights.
    """

    attribute_map: ClassVar[Mapping[str, str]] = {
        **configuration_transfo_xl.TransfoXLConfig.attribute_map,
        "tie_weight": "tie_word_embeddings",
    }
    stored_fields: ClassVar[tuple[str, ...]] = (
        "n_token", "cutoffs", "tie_projs", "d_model", "d_embed", "d_head", "d_inner", "div_val", "pre_lnorm", "n_layer",
        "n_head", "tgt_len", "ext_len", "mem_len", "same_length", "attn_type", "clamp_len", "sample_softmax",
        "adaptive", "dropout", "dropatt", "untie_r", "init", "init_range", "proj_init_std", "init_std", "tie_weight",
    )  # fmt: skip

    def __init__(
        self,
        vocab_size_or_config_json_file: int | StrPath = 267735,
        cutoffs: Sequence[int] = (20000, 40000, 200000),
        d_model: int = 1024,
        d_embed: int = 1024,
        n_head: int = 16,
        d_head: int = 64,
        d_inner: int = 4096,
        div_val: int = 4,
        pre_lnorm: bool = False,
        n_layer: int = 18,
        tgt_len: int = 128,
        ext_len: int = 0,
        mem_len: int = 1600,
        clamp_len: int = 1000,
        same_length: bool = True,
        proj_share_all_but_first: bool = True,
        attn_type: int = 0,
        sample_softmax: int = -1,
        adaptive: bool = True,
        tie_weight: bool = True,
        dropout: float = 0.1,
        dropatt: float = 0.0,
        untie_r: bool = True,
        init: str = "normal",
        init_range: float = 0.01,
        proj_init_std: float = 0.01,
        init_std: float = 0.02,
    ) -> None:
        vocab_size, stored = vocabulary_or_file(vocab_size_or_config_json_file)
        super().__init__(
            vocab_size,
            cutoffs,
            d_model,
            d_embed,
            n_head,
            d_head,
            d_inner,
            div_val,
            pre_lnorm,
            n_layer,
            mem_len,
            clamp_len,
            same_length,
            proj_share_all_but_first=proj_share_all_but_first,
            attn_type=attn_type,
            sample_softmax=sample_softmax,
            adaptive=adaptive,
            tie_word_embeddings=tie_weight,
            dropout=dropout,
            dropatt=dropatt,
            untie_r=untie_r,
            init=init,
            init_range=init_range,
            proj_init_std=proj_init_std,
            init_std=init_std,
            layer_norm_epsilon=_LAYER_NORM_EPSILON,
        )
        self.tgt_len = tgt_len
        self.ext_len = ext_len
        self.update(stored)


class TransfoXLPreTrainedModel(OlderModel, modeling_transfo_xl.TransfoXLPreTrainedModel):
    """The base class of Transformer-XL models."""

    config_class = TransfoXLConfig  # type: ignore[assignment]  # whose constructor is another

    config: TransfoXLConfig

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        pretrained_model_name_or_path: StrPath,
        state_dict: StateDict | None = None,
        cache_dir: StrPath | None = None,
        from_tf: bool = False,
        *inputs: object,
        **kwargs: object,
    ) -> Self:
        """Loads a model, see :meth:`OlderModel.from_pretrained`.

        Args:
            pretrained_model_name_or_path: See there, as for the others.
            state_dict: Tensors.
            cache_dir: A folder.
            from_tf: Whether it is an original checkpoint.
            *inputs: Further arguments of the constructor.
            **kwargs: Further arguments of the constructor.
        """
        return super().from_pretrained(
            pretrained_model_name_or_path,
            *inputs,
            state_dict=state_dict,
            cache_dir=cache_dir,
            from_tf=from_tf,
            **kwargs,
        )


class TransfoXLModel(TransfoXLPreTrainedModel, modeling_transfo_xl.TransfoXLModel):
    """The decoder without a head.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: TransfoXLConfig) -> None:
        super().__init__(config)
        self.tgt_len, self.ext_len = config.tgt_len, config.ext_len

    def reset_length(self, tgt_len: int, ext_len: int, mem_len: int) -> None:
        """Changes the lengths of the segments, of what the memory leaves out of them, and of the memory."""
        self.tgt_len, self.ext_len = tgt_len, ext_len
        self.reset_memory_length(mem_len)

    def init_mems(self, data: Tensor | int) -> Memories:
        """The memories that a text begins with, zeros; None if there are to be none.

        Args:
            data: The size of the batch, or words ``[time, batch]`` that have it.
        """
        return super().init_mems(data if isinstance(data, int) else data.shape[1])

    def _remember(self, memories: Sequence[Tensor | None], states: Sequence[Tensor]) -> Memories:
        kept = states[0].shape[1] - min(self.ext_len, states[0].shape[1])
        return super()._remember(memories, [state[:, :kept] for state in states])

    def forward(self, input_ids: Tensor, mems: Sequence[Tensor] | None = None) -> tuple[Tensor, Memories]:  # type: ignore[override]
        """Reads a segment.

        Args:
            input_ids: ``[batch, time]``.
            mems: The memories that the segment before gave; those of :meth:`init_mems` if None.

        Returns:
            The last states ``[batch, time, d_model]``, and for each layer the states that went into it, those of the
            memory included, ``[mem_len, batch, d_model]``.
        """
        output = cast("Any", super().forward(input_ids, mems, return_dict=True))
        return output.last_hidden_state, output.mems


class TransfoXLLMHeadModel(TransfoXLPreTrainedModel, modeling_transfo_xl.TransfoXLLMHeadModel):
    """Transformer-XL with the probabilities of the next word.

    Args:
        config: The hyper-parameters.
    """

    transformer: TransfoXLModel

    def __init__(self, config: TransfoXLConfig) -> None:
        TaskModel.__init__(self, config, TransfoXLModel(config))  # as today's, but on the older base model
        self.crit = ProjectedAdaptiveLogSoftmax(
            config.vocab_size, config.d_embed, config.d_model, config.cutoffs, config.div_val
        )
        self.post_init()

    def reset_length(self, tgt_len: int, ext_len: int, mem_len: int) -> None:
        """See :meth:`TransfoXLModel.reset_length`."""
        self.transformer.reset_length(tgt_len, ext_len, mem_len)

    def init_mems(self, data: Tensor | int) -> Memories:
        """See :meth:`TransfoXLModel.init_mems`."""
        return self.transformer.init_mems(data)

    def forward(  # type: ignore[override]
        self, input_ids: Tensor, target: Tensor | None = None, mems: Sequence[Tensor] | None = None
    ) -> tuple[Tensor, Memories]:
        """Reads a segment and says how likely words are to follow.

        Args:
            input_ids: ``[batch, time]``.
            target: ``[batch, time]``, the word that follows each; -1 counts for nothing.
            mems: The memories that the segment before gave.

        Returns:
            With targets minus the logarithms of their probabilities ``[batch, time]``, else the logarithms of all
            probabilities ``[batch, time, words]``; and the memories, see :class:`TransfoXLModel`.
        """
        hidden, new_mems = self.transformer(input_ids, mems)
        if target is None:
            return self.crit.log_prob(hidden), new_mems
        return self.crit.losses(hidden, target.masked_fill(target == -1, IGNORED)), new_mems


def load_tf_weights_in_transfo_xl(
    model: TransfoXLPreTrainedModel,
    config: TransfoXLConfig,  # noqa: ARG001  # the model has it, too
    tf_path: StrPath,
) -> TransfoXLPreTrainedModel:
    """Copies the weights of a TensorFlow checkpoint into a model, and returns the model. TensorFlow is not needed.

    Args:
        model: The model.
        config: The configuration of the model.
        tf_path: The checkpoint: its prefix, one of its files, or its folder.

    Raises:
        UserError: The checkpoint cannot be read, or nothing of it fits.
        RuntimeError: It does not have the shapes of the model.
    """
    load_original_weights(model, tf_path)
    return model
