"""Transformer-XL (Dai et al., 2019): a decoder that remembers the hidden states of earlier segments, and its heads.

Layer l attends from the states of its segment to those of the segment and of the memory, and both are what the layer
below gave (for l = 0 the embeddings). Positions are relative, so that a state means the same in the next segment.

Shapes: batch, time (the positions of a segment), mem (those of the memory), keys = mem + time. Memories are
``[mem, batch, d_model]``, as the original has them; all else has the batch first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from ...errors import UserError
from ...generation.memory import MemoryGenerationMixin
from ...generation.state import DecodingState
from ...modeling_embeddings import resize_tables, vocabulary_size
from ...modeling_heads import LastTokenSequenceClassification, TaskModel, called_like
from ...modeling_outputs import ModelOutput, Tensors
from ...modeling_utils import PreTrainedModel
from ...nn.dropout import Dropout
from ...nn.embeddings import embed_words
from ...nn.inputs import check_shapes
from ...nn.losses import IGNORED
from ...nn.masks import head_masks
from ...nn.memories import Memories
from ...nn.relative_distances import inverse_frequencies
from .configuration_transfo_xl import TransfoXLConfig
from .modeling_transfo_xl_layers import DecoderLayer, PositionalEmbedding, SegmentInputs, query_bias
from .modeling_transfo_xl_utilities import AdaptiveEmbedding, ProjectedAdaptiveLogSoftmax

__all__ = [
    "AdaptiveEmbedding", "ProjectedAdaptiveLogSoftmax", "TransfoXLForSequenceClassification", "TransfoXLLMHeadModel",
    "TransfoXLLMHeadModelOutput", "TransfoXLModel", "TransfoXLModelOutput", "TransfoXLPreTrainedModel",
    "TransfoXLSequenceClassifierOutputWithPast",
]  # fmt: skip


class TransfoXLPreTrainedModel(PreTrainedModel):
    """What all Transformer-XL models share: names in the state dict, the vocabulary, and how new weights begin."""

    config_class = TransfoXLConfig
    base_model_prefix = "transformer"
    supports_gradient_checkpointing = True

    config: TransfoXLConfig

    def _init_weights(self, module: nn.Module) -> None:
        """As the original begins; the frequencies of the positions get their values here."""
        if isinstance(module, PositionalEmbedding):
            with torch.no_grad():
                module.get_buffer("inv_freq").copy_(inverse_frequencies(module.size))
            return
        for name, parameter in module.named_parameters(recurse=False):
            if isinstance(module, nn.LayerNorm) and name == "weight":
                nn.init.normal_(parameter, mean=1.0, std=self.config.init_std)
            elif name in ("bias", "cluster_bias"):
                nn.init.zeros_(parameter)
            elif self.config.init == "uniform":
                nn.init.uniform_(parameter, -self.config.init_range, self.config.init_range)
            else:
                projection = isinstance(module, nn.ParameterList)
                nn.init.normal_(parameter, std=self.config.proj_init_std if projection else self.config.init_std)

    def _without_repetitions(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Keeps biases that layers share for each layer: older readers of these files do not find them elsewhere."""
        biases = {name: tensor.clone() for name, tensor in tensors.items() if name.endswith(("r_w_bias", "r_r_bias"))}
        return super()._without_repetitions(tensors) | biases

    def reset_memory_length(self, mem_len: int) -> None:
        """Keeps another number of hidden states from now on."""
        cast("TransfoXLModel", self.base_model).mem_len = mem_len

    def init_mems(self, batch_size: int) -> list[Tensor] | None:
        """The memories that a text begins with: zeros, which positions attend to. None if there are to be none."""
        mem_len = cast("TransfoXLModel", self.base_model).mem_len
        if mem_len == 0:
            return None
        zeros = torch.zeros(mem_len, batch_size, self.config.d_model, dtype=self.dtype, device=self.device)
        return [zeros] * self.config.n_layer

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None
    ) -> nn.Module:
        """Gives the last cluster of the vocabulary, to which new words belong, another size.

        Args:
            new_num_tokens: The new size of the vocabulary; the present one if None.
            pad_to_multiple_of: Rounds the size up.

        Returns:
            The word embeddings.

        Raises:
            UserError: Nothing would be left of the last cluster.
        """
        words = cast("AdaptiveEmbedding", self.get_input_embeddings())
        size = vocabulary_size(words.num_embeddings, new_num_tokens, pad_to_multiple_of)
        before = self.config.cutoffs[-1] if self.config.cutoffs else 0
        if size <= before:
            raise UserError(f"A vocabulary of {size} words has no place for the {before} before the last cluster.")
        table = cast("nn.Embedding", words.emb_layers[-1])
        others = words.num_embeddings - table.num_embeddings
        resize_tables(self, table, cast("nn.Linear | None", self.get_output_embeddings()), size - others)
        self.config.vocab_size = size
        return words


@dataclass
class TransfoXLModelOutput(ModelOutput):
    """States, and the memories for the next segment: for each layer ``[mem, batch, d_model]``."""

    last_hidden_state: Tensor | None = None
    mems: list[Tensor] | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TransfoXLLMHeadModelOutput(ModelOutput):
    """The logarithms of the words' probabilities ``[batch, time, vocabulary]``, or the losses ``[batch, time - 1]``."""

    losses: Tensor | None = None
    prediction_scores: Tensor | None = None
    mems: list[Tensor] | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    loss: Tensor | None = None

    @property
    def logits(self) -> Tensor | None:
        """Another name of ``prediction_scores``."""
        return self.prediction_scores


@dataclass
class TransfoXLSequenceClassifierOutputWithPast(ModelOutput):
    """One row of scores for each sequence, ``[batch, labels]``, and the memories."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    mems: list[Tensor] | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


class TransfoXLModel(TransfoXLPreTrainedModel):
    """The decoder without a head.

    Args:
        config: The hyper-parameters.

    Raises:
        UserError: The hyper-parameters describe no Transformer-XL model.
    """

    def __init__(self, config: TransfoXLConfig) -> None:
        super().__init__(config)
        config.check()
        self.mem_len = config.mem_len
        self.word_emb = AdaptiveEmbedding(
            config.vocab_size, config.d_embed, config.d_model, config.cutoffs, config.div_val
        )
        self.drop = Dropout(config.dropout)
        self.r_w_bias = None if config.untie_r else query_bias(config)
        self.r_r_bias = None if config.untie_r else query_bias(config)
        self.layers = nn.ModuleList(DecoderLayer(config, self.r_w_bias, self.r_r_bias) for _ in range(config.n_layer))
        self.pos_emb = PositionalEmbedding(config.d_model)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The word embeddings."""
        return self.word_emb

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replaces the word embeddings."""
        self.word_emb = cast("AdaptiveEmbedding", value)

    def forward(
        self,
        input_ids: Tensor | None = None,
        mems: Sequence[Tensor] | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> TransfoXLModelOutput | tuple[Any, ...]:
        """Reads a segment.

        Args:
            input_ids: ``[batch, time]``.
            mems: The memories that the segment before gave, for each layer ``[mem, batch, d_model]``. If None, they are
                zeros of the full length, as the original begins a text: see :meth:`init_mems`.
            head_mask: 1 for heads that count, 0 for others: ``[heads]`` or ``[layers, heads]``.
            inputs_embeds: ``[batch, time, d_model]``, scaled, in the place of ``input_ids``.
            output_attentions: Whether attention weights are returned.
            output_hidden_states: Whether the embeddings and what each layer gives are returned.
            return_dict: False for a tuple.

        Returns:
            :class:`TransfoXLModelOutput`, or a tuple. The memories carry no gradient.
        """
        config = self.config
        hidden = self.drop(embed_words(self.word_emb, input_ids, inputs_embeds))
        memories = self._memories(mems, hidden)
        inputs = self._inputs(
            hidden, memories, config.output_attentions if output_attentions is None else output_attentions
        )
        states, attentions = [hidden], []
        for layer, memory, heads in zip(self.layers, memories, head_masks(head_mask, len(self.layers)), strict=True):
            hidden, weights = self._layer_call(layer)(hidden, memory, inputs, heads)
            states.append(hidden)
            if weights is not None:
                attentions.append(weights)
        states[-1] = self.drop(hidden)
        need_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        output = TransfoXLModelOutput(
            last_hidden_state=states[-1],
            mems=self._remember(memories, states),
            hidden_states=tuple(states) if need_states else None,
            attentions=tuple(attentions) or None,
        )
        wants_dict = config.use_return_dict if return_dict is None else return_dict
        return output if wants_dict else output.to_tuple()

    def _memories(self, mems: Sequence[Tensor] | None, hidden: Tensor) -> Sequence[Tensor | None]:
        """The memory of each layer, ``[batch, mem, d_model]``."""
        if mems is None:
            mems = self.init_mems(hidden.shape[0])
        if mems is None:
            return [None] * len(self.layers)
        if len(mems) != len(self.layers):
            raise UserError(f"There are {len(mems)} mems for the {len(self.layers)} layers of the model.")
        sizes = {"mem": mems[0].shape[0], "batch": hidden.shape[0], "d_model": hidden.shape[2]}
        axes = ("mem", "batch", "d_model")
        check_shapes(sizes, **{f"mems[{layer}]": (memory, axes) for layer, memory in enumerate(mems)})
        return [memory.transpose(0, 1).to(hidden) for memory in mems]

    def _inputs(self, hidden: Tensor, memories: Sequence[Tensor | None], need_weights: bool) -> SegmentInputs:
        config, time = self.config, hidden.shape[1]
        mem = 0 if memories[0] is None else memories[0].shape[1]
        positions = torch.arange(mem + time, device=hidden.device)
        distances = positions[mem:, None] - positions
        hidden_keys = distances < 0
        if config.same_length:
            farthest = mem if config.same_length_inclusive else max(self.mem_len, 1) - 1
            hidden_keys = hidden_keys | (distances > farthest)
        coded = torch.arange(mem + time, -1, -1, device=hidden.device)
        if config.clamp_len > 0:
            coded = coded.clamp(max=config.clamp_len)
        return SegmentInputs(self.drop(self.pos_emb(coded, hidden.dtype)), hidden_keys, need_weights)

    def _remember(self, memories: Sequence[Tensor | None], states: Sequence[Tensor]) -> list[Tensor] | None:
        """The last ``mem_len`` states that went into each layer, ``[mem, batch, d_model]``."""
        if self.mem_len == 0:
            return None
        seen = (
            state if memory is None else torch.cat([memory, state], dim=1)
            for memory, state in zip(memories, states[:-1], strict=True)
        )
        return [each[:, -self.mem_len :].detach().transpose(0, 1) for each in seen]


@called_like(TransfoXLModel)
class TransfoXLLMHeadModel(MemoryGenerationMixin, TaskModel, TransfoXLPreTrainedModel):
    """Transformer-XL with the probabilities of the next word.

    To write a text it reads the prompt as one segment and each word behind it as another, and sees the segments before
    as far as its memory goes. Without memory (``mem_len`` 0) the text is one segment, which is read again at each step.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: TransfoXLConfig) -> None:
        super().__init__(config, TransfoXLModel(config))
        self.crit = ProjectedAdaptiveLogSoftmax(
            config.vocab_size, config.d_embed, config.d_model, config.cutoffs, config.div_val
        )
        self.post_init()

    def _active_ties(self) -> dict[str, str]:
        """The softmax has the tables of the word vectors and, for the clusters that ``tie_projs`` says, projections."""
        words = cast("AdaptiveEmbedding", self.get_input_embeddings())
        tables = range(len(words.emb_layers)) if self.config.tie_word_embeddings else ()
        projections = [index for index, tied in enumerate(self.config.tie_projs) if tied and len(words.emb_projs)]
        single = len(words.emb_projs) == 1
        return {f"crit.out_layers.{k}.weight": f"transformer.word_emb.emb_layers.{k}.weight" for k in tables} | {
            f"crit.out_projs.{k}": f"transformer.word_emb.emb_projs.{0 if single else k}" for k in projections
        }

    def get_output_embeddings(self) -> nn.Module:
        """The layer that scores the words of the last cluster."""
        return self.crit.out_layers[-1]

    def forward(
        self, *, labels: Tensor | None = None, logits_to_keep: int = 0, return_dict: bool | None = None, **inputs: Any
    ) -> Any:
        """Computes the probabilities or, which needs far fewer of them, the losses.

        Args:
            labels: ``[batch, time]`` input ids, shifted inside; -100 counts for nothing.
            logits_to_keep: For how many of the last positions there are probabilities; 0 means all.
            return_dict: False for a tuple; None as the configuration says.
            **inputs: The arguments of the base model.

        Returns:
            :class:`TransfoXLLMHeadModelOutput`, or a tuple: with ``prediction_scores`` if there are no labels, else
            with ``losses`` and their mean ``loss``.
        """
        base = self.run_base(inputs)
        hidden = base.last_hidden_state
        result = self.crit(hidden[:, -logits_to_keep:] if labels is None else hidden, labels)
        if labels is None:
            return self.output(TransfoXLLMHeadModelOutput, base, return_dict, prediction_scores=result)
        loss = result.sum() / (labels[:, 1:] != IGNORED).sum()
        return self.output(TransfoXLLMHeadModelOutput, base, return_dict, losses=result, loss=loss)

    @property
    def _mem_len(self) -> int:
        return cast("TransfoXLModel", self.base_model).mem_len

    def _new_state(self, rows: int, capacity: int) -> DecodingState | None:
        return Memories() if self._mem_len else None

    def _generation_step(
        self, input_ids: Tensor, state: DecodingState | None, inputs: dict[str, Any], wanted: dict[str, bool]
    ) -> tuple[Any, DecodingState | None]:
        """Reads what is not remembered yet. Without a state that is everything, in the same segments."""
        memories = self._started(state, inputs)
        known = Memories() if memories is None else memories
        prompt, mask, embeds = (
            inputs.pop("prompt_length"),
            inputs.pop("attention_mask"),
            inputs.pop("inputs_embeds", None),
        )
        inputs.pop("position_ids", None)
        options = {**inputs, **wanted, "logits_to_keep": 1, "return_dict": True}
        output = None
        if not known.get_seq_length():
            first = prompt if self._mem_len else input_ids.shape[1]
            given = {"input_ids": input_ids} if embeds is None else {"inputs_embeds": embeds}
            segment = {name: values[:, :first] for name, values in given.items()}
            output = self._read_segment(segment, None if mask is None else mask[:, :first], known.mems, options)
            known.replace(output.mems or (), first)
        for place in range(known.get_seq_length(), input_ids.shape[1]):
            output = self(input_ids[:, place : place + 1], mems=known.mems, **options)
            known.replace(output.mems, 1)
        return output, memories

    def _read_segment(
        self, segment: dict[str, Tensor], mask: Tensor | None, mems: list[Tensor] | None, options: dict[str, Any]
    ) -> TransfoXLLMHeadModelOutput:
        """Reads a segment, if there is padding row by row without it: the model knows no padding.

        Args:
            segment: ``input_ids`` or ``inputs_embeds``, ``[batch, time, …]``.
            mask: 1 for words and 0 for padding, ``[batch, time]``; None if there is none.
            mems: The memory of what comes before.
            options: Further arguments of the forward pass.

        Raises:
            UserError: What is asked for has another shape for each row.
        """
        if mask is None:
            return self(**segment, mems=mems, **options)  # type: ignore[no-any-return]
        if options.keys() & {"output_attentions", "output_hidden_states"} or (mems and len(mems[0]) < self._mem_len):
            raise UserError(
                "Padded prompts are read one by one, each in its own length.",
                advice="Give prompts of one length for hidden states, attentions, or mems shorter than mem_len.",
            )
        rows = []
        for row, real in enumerate(mask > 0):
            own = {name: values[row : row + 1, real] for name, values in segment.items()}
            before = None if mems is None else [memory[:, row : row + 1] for memory in mems]
            rows.append(self(**own, mems=before, **options))
        return TransfoXLLMHeadModelOutput(
            prediction_scores=torch.cat([output.prediction_scores for output in rows]),
            mems=[torch.cat(layer, dim=1) for layer in zip(*(output.mems or () for output in rows), strict=True)],
        )


@called_like(TransfoXLModel)
class TransfoXLForSequenceClassification(LastTokenSequenceClassification, TransfoXLPreTrainedModel):
    """Transformer-XL with a classifier on the state of the last real token.

    Args:
        config: The hyper-parameters.
    """

    output_class: ClassVar[type[ModelOutput]] = TransfoXLSequenceClassifierOutputWithPast

    def __init__(self, config: TransfoXLConfig) -> None:
        super().__init__(config, TransfoXLModel(config))
