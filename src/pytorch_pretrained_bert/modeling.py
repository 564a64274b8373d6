"""BERT: the configuration, the base model and seven heads, called as in pytorch-pretrained-bert 0.6."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from transformers.models.bert import configuration_bert, modeling_bert
from transformers.nn.activations import gelu
from transformers.nn.losses import IGNORED, span_loss

from ._bert_layers import (
    ACT2FN,
    BertLayerNorm,
    BertLMPredictionHead,
    BertOnlyMLMHead,
    BertOnlyNSPHead,
    BertPooler,
    BertPreTrainingHeads,
    swish,
)
from ._configurations import OlderConfig, StrPath, vocabulary_or_file
from ._losses import token_loss
from ._models import TF_WEIGHTS_NAME, OlderModel, load_original_weights
from .file_utils import CONFIG_NAME, WEIGHTS_NAME, cached_path

__all__ = [
    "ACT2FN", "BERT_CONFIG_NAME", "CONFIG_NAME", "TF_WEIGHTS_NAME", "WEIGHTS_NAME", "BertConfig", "BertForMaskedLM",
    "BertForMultipleChoice", "BertForNextSentencePrediction", "BertForPreTraining", "BertForQuestionAnswering",
    "BertForSequenceClassification", "BertForTokenClassification", "BertLMPredictionHead", "BertLayerNorm",
    "BertModel", "BertOnlyMLMHead", "BertOnlyNSPHead", "BertPooler", "BertPreTrainedModel", "BertPreTrainingHeads",
    "cached_path", "gelu", "load_tf_weights_in_bert", "swish",
]  # fmt: skip

BERT_CONFIG_NAME = "bert_config.json"


class BertConfig(OlderConfig, configuration_bert.BertConfig):
    """Hyper-parameters of a BERT model.

    Args:
        vocab_size_or_config_json_file: Number of word pieces, or the path of a JSON file with all the fields.
        hidden_size: Width of the hidden states.
        num_hidden_layers: Number of layers.
        num_attention_heads: Number of attention heads.
        intermediate_size: Width of the feed-forward layers.
        hidden_act: "gelu" (here always the exact form), "relu" or "swish".
        hidden_dropout_prob: Dropout of embeddings and layer outputs.
        attention_probs_dropout_prob: Dropout of the attention weights.
        max_position_embeddings: The longest sequence.
        type_vocab_size: Number of segments.
        initializer_range: Standard deviation of new weights.
    """

    stored_fields: ClassVar[tuple[str, ...]] = (
        "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "hidden_act", "intermediate_size",
        "hidden_dropout_prob", "attention_probs_dropout_prob", "max_position_embeddings", "type_vocab_size",
        "initializer_range",
    )  # fmt: skip

    def __init__(
        self,
        vocab_size_or_config_json_file: int | StrPath,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
    ) -> None:
        vocab_size, stored = vocabulary_or_file(vocab_size_or_config_json_file)
        super().__init__(
            vocab_size,
            hidden_size,
            num_hidden_layers,
            num_attention_heads,
            intermediate_size,
            hidden_act,
            hidden_dropout_prob,
            attention_probs_dropout_prob,
            max_position_embeddings,
            type_vocab_size,
            initializer_range,
        )
        self.update(stored)


class BertPreTrainedModel(OlderModel, modeling_bert.BertPreTrainedModel):
    """The base class of BERT models, also of a script's own: weights are loaded and initialised here."""

    config_class = BertConfig  # type: ignore[assignment]  # whose constructor is another
    config_names = (CONFIG_NAME, BERT_CONFIG_NAME)
    # Today's masked-word head has the bias of the words a second time.
    ignored_on_load = (*modeling_bert.BertPreTrainedModel.ignored_on_load, "cls.predictions.decoder.bias")

    config: BertConfig

    def init_bert_weights(self, module: nn.Module) -> None:
        """Initialises the parameters that a module itself owns; ``model.apply`` takes it."""
        self._init_weights(module)


class BertModel(BertPreTrainedModel, modeling_bert.BertModel):
    """The encoder with its pooler.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, add_pooling_layer=True)

    def forward(  # type: ignore[override]
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        output_all_encoded_layers: bool = True,
    ) -> tuple[Any, Tensor]:
        """Encodes texts.

        Args:
            input_ids: ``[batch, time]``.
            token_type_ids: ``[batch, time]`` segments; all 0 if None.
            attention_mask: ``[batch, time]``, 1 for real tokens and 0 for padding.
            output_all_encoded_layers: Whether the states of all layers are returned, and not only the last.

        Returns:
            The list of the states after each layer, or the last of them, each ``[batch, time, hidden]``; and the
            pooled output ``[batch, hidden]``.
        """
        output = super().forward(
            input_ids,
            attention_mask,
            token_type_ids,
            output_hidden_states=output_all_encoded_layers,
            return_dict=True,
        )
        encoded = list(output.hidden_states[1:]) if output_all_encoded_layers else output.last_hidden_state
        return encoded, output.pooler_output


class _Head(BertPreTrainedModel):
    """A BERT model with a head on it, which begins with the base model."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config)

    @property
    def _word_embeddings(self) -> Tensor:
        return self.bert.get_input_embeddings().get_parameter("weight")

    def _encode(
        self, input_ids: Tensor, token_type_ids: Tensor | None, attention_mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The last states ``[batch, time, hidden]`` and the pooled output ``[batch, hidden]``."""
        encoded: tuple[Tensor, Tensor] = self.bert(
            input_ids, token_type_ids, attention_mask, output_all_encoded_layers=False
        )
        return encoded


class BertForPreTraining(_Head):
    """BERT with both heads of its pre-training.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.cls = BertPreTrainingHeads(config, self._word_embeddings)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        masked_lm_labels: Tensor | None = None,
        next_sentence_label: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """The sum of both losses if both have labels, else the scores of words and sentences.

        Args:
            input_ids: See :class:`BertModel`, as for the two that follow.
            token_type_ids: ``[batch, time]``.
            attention_mask: ``[batch, time]``.
            masked_lm_labels: ``[batch, time]`` word ids, -1 where nothing is to be predicted.
            next_sentence_label: ``[batch]``, 0 if the second segment follows the first, 1 if not.
        """
        words, sentences = self.cls(*self._encode(input_ids, token_type_ids, attention_mask))
        if masked_lm_labels is None or next_sentence_label is None:
            return words, sentences
        return token_loss(words, masked_lm_labels) + token_loss(sentences, next_sentence_label)


class BertForMaskedLM(_Head):
    """BERT with the head of the masked words.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.cls = BertOnlyMLMHead(config, self._word_embeddings)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        masked_lm_labels: Tensor | None = None,
    ) -> Tensor:
        """The loss if there are labels (see :class:`BertForPreTraining`), else the scores of the words."""
        words: Tensor = self.cls(self._encode(input_ids, token_type_ids, attention_mask)[0])
        return words if masked_lm_labels is None else token_loss(words, masked_lm_labels)


class BertForNextSentencePrediction(_Head):
    """BERT with the head of the next sentence.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.cls = BertOnlyNSPHead(config)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        next_sentence_label: Tensor | None = None,
    ) -> Tensor:
        """The loss if there are labels (see :class:`BertForPreTraining`), else the scores ``[batch, 2]``."""
        scores: Tensor = self.cls(self._encode(input_ids, token_type_ids, attention_mask)[1])
        return scores if next_sentence_label is None else token_loss(scores, next_sentence_label)


class BertForSequenceClassification(_Head):
    """BERT with a classifier of whole inputs.

    Args:
        config: The hyper-parameters.
        num_labels: Number of classes.
    """

    def __init__(self, config: BertConfig, num_labels: int) -> None:
        super().__init__(config)
        self.num_labels = num_labels
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> Tensor:
        """The cross-entropy with ``labels`` ``[batch]`` if there are any, else the scores ``[batch, num_labels]``."""
        pooled = self._encode(input_ids, token_type_ids, attention_mask)[1]
        logits: Tensor = self.classifier(self.dropout(pooled))
        return logits if labels is None else token_loss(logits, labels)


class BertForMultipleChoice(_Head):
    """BERT with a score for each choice.

    Args:
        config: The hyper-parameters.
        num_choices: Number of choices of each example.
    """

    def __init__(self, config: BertConfig, num_choices: int) -> None:
        super().__init__(config)
        self.num_choices = num_choices
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, 1)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> Tensor:
        """The loss of ``labels`` ``[batch]`` if there are any, else the scores ``[batch, choices]``.

        The inputs are ``[batch, choices, time]``.
        """
        rows = [None if given is None else given.flatten(0, -2) for given in (token_type_ids, attention_mask)]
        pooled = self._encode(input_ids.flatten(0, -2), *rows)[1]
        logits = self.classifier(self.dropout(pooled)).view(-1, self.num_choices)
        return logits if labels is None else token_loss(logits, labels)


class BertForTokenClassification(_Head):
    """BERT with a classifier of every token.

    Args:
        config: The hyper-parameters.
        num_labels: Number of classes.
    """

    def __init__(self, config: BertConfig, num_labels: int) -> None:
        super().__init__(config)
        self.num_labels = num_labels
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> Tensor:
        """The loss of ``labels`` ``[batch, time]``, padding left out, else the scores ``[batch, time, num_labels]``."""
        states = self._encode(input_ids, token_type_ids, attention_mask)[0]
        logits: Tensor = self.classifier(self.dropout(states))
        if labels is None:
            return logits
        return token_loss(
            logits, labels if attention_mask is None else labels.masked_fill(attention_mask != 1, IGNORED)
        )


class BertForQuestionAnswering(_Head):
    """BERT with the scores of the first and the last token of an answer.

    Args:
        config: The hyper-parameters.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """The loss of the positions ``[batch]`` if both are given, else the scores of both ends, ``[batch, time]``.

        Positions behind the input (the answer was cut off) count for nothing.
        """
        states = self._encode(input_ids, token_type_ids, attention_mask)[0]
        start, end = self.qa_outputs(states).unbind(-1)
        if start_positions is None or end_positions is None:
            return start, end
        return span_loss(start, end, start_positions, end_positions)


def load_tf_weights_in_bert(model: BertPreTrainedModel, tf_checkpoint_path: StrPath) -> BertPreTrainedModel:
    """Copies the weights of a TensorFlow checkpoint into a model, and returns the model. TensorFlow is not needed.

    Args:
        model: The model.
        tf_checkpoint_path: The checkpoint: its prefix, one of its files, or its folder.

    Raises:
        UserError: The checkpoint cannot be read, or nothing of it fits.
        RuntimeError: It does not have the shapes of the model.
    """
    load_original_weights(model, tf_checkpoint_path)
    return model
