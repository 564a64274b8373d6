"""The hyper-parameters of XLM (Lample and Conneau, 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...configuration_utils import PretrainedConfig
from ...errors import UserError


class XLMConfig(PretrainedConfig):
    """Hyper-parameters of an XLM model. The defaults are those of xlm-mlm-en-2048.

    Args:
        vocab_size: Number of word pieces (``n_words`` in the original).
        emb_dim: Width of the hidden states; the feed-forward layers are four times as wide.
        n_layers: Number of layers.
        n_heads: Number of attention heads; it must divide ``emb_dim``.
        dropout: Dropout of embeddings and layer outputs.
        attention_dropout: Dropout of the attention weights.
        gelu_activation: Whether the feed-forward layers compute the exact GELU; otherwise ReLU.
        sinusoidal_embeddings: Whether the table of positions is one of sines, which is not trained.
        causal: Whether a position sees no later ones (CLM). The original does not store it: it is an argument of its
            calls.
        asm: Whether the output layer is an adaptive softmax, whose scores are log-probabilities.
        n_langs: Number of languages.
        use_lang_emb: Whether languages, if there are several, have embeddings.
        max_position_embeddings: The longest sequence.
        embed_init_std: Standard deviation of new embeddings.
        layer_norm_eps: Epsilon of the layer norms.
        init_std: Standard deviation of other new weights.
        bos_index: The id of ``<s>``.
        eos_index: The id of ``</s>``, which the original puts at both ends of a sentence.
        pad_index: The id of padding; its embedding gets no gradient.
        unk_index: The id of unknown words.
        mask_index: The id of masked words.
        is_encoder: True; decoders with cross-attention are not computed.
        summary_type: Which state the classification heads read: "first", "last", "mean" or "cls_index".
        summary_use_proj: Whether these heads have a linear layer.
        summary_activation: "tanh", or None for no activation after it.
        summary_proj_to_labels: Whether it projects to the labels (otherwise to the hidden size).
        summary_first_dropout: Dropout before it.
        start_n_top: Number of starts that the beam search for answers keeps.
        end_n_top: Number of ends for each of them.
        mask_token_id: The id that stands for a word to be generated.
        lang_id: The language of generated texts.
        asm_cutoffs: The first ids of the adaptive softmax's tails.
        asm_div_value: By how much each tail is narrower than the one before.
        lang2id: Language code -> its id.
        id2lang: The id of a language -> its code.
        pad_token_id: The same as ``pad_index``, for tools that know it by this name.
        bos_token_id: The same as ``bos_index``, for tools that know it by this name.
        tie_word_embeddings: Whether the output layer's matrix is that of the word embeddings; an adaptive softmax has
            none that could be.
        **kwargs: The fields that all families share, and any others.
    """

    model_type: ClassVar[str] = "xlm"
    attribute_map: ClassVar[Mapping[str, str]] = {
        "hidden_size": "emb_dim",
        "num_attention_heads": "n_heads",
        "num_hidden_layers": "n_layers",
        "n_words": "vocab_size",
    }

    def __init__(
        self,
        vocab_size: int = 30145,
        emb_dim: int = 2048,
        n_layers: int = 12,
        n_heads: int = 16,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        gelu_activation: bool = True,
        sinusoidal_embeddings: bool = False,
        causal: bool = False,
        asm: bool = False,
        n_langs: int = 1,
        use_lang_emb: bool = True,
        max_position_embeddings: int = 512,
        embed_init_std: float = 2048**-0.5,
        layer_norm_eps: float = 1e-12,
        init_std: float = 0.02,
        bos_index: int = 0,
        eos_index: int = 1,
        pad_index: int = 2,
        unk_index: int = 3,
        mask_index: int = 5,
        is_encoder: bool = True,
        summary_type: str = "first",
        summary_use_proj: bool = True,
        summary_activation: str | None = None,
        summary_proj_to_labels: bool = True,
        summary_first_dropout: float = 0.1,
        start_n_top: int = 5,
        end_n_top: int = 5,
        mask_token_id: int = 0,
        lang_id: int | None = 0,
        asm_cutoffs: Sequence[int] | None = None,
        asm_div_value: float = 4.0,
        lang2id: Mapping[str, int] | None = None,
        id2lang: Mapping[Any, str] | None = None,
        pad_token_id: int | None = 2,
        bos_token_id: int | None = 0,
        tie_word_embeddings: bool = True,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.emb_dim = emb_dim
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.gelu_activation = gelu_activation
        self.sinusoidal_embeddings = sinusoidal_embeddings
        self.causal = causal
        self.asm = asm
        self.n_langs = n_langs
        self.use_lang_emb = use_lang_emb
        self.max_position_embeddings = max_position_embeddings
        self.embed_init_std = embed_init_std
        self.layer_norm_eps = layer_norm_eps
        self.init_std = init_std
        self.bos_index = bos_index
        self.eos_index = eos_index
        self.pad_index = pad_index
        self.unk_index = unk_index
        self.mask_index = mask_index
        self.is_encoder = is_encoder
        self.summary_type = summary_type
        self.summary_use_proj = summary_use_proj
        self.summary_activation = summary_activation
        self.summary_proj_to_labels = summary_proj_to_labels
        self.summary_first_dropout = summary_first_dropout
        self.start_n_top = start_n_top
        self.end_n_top = end_n_top
        self.mask_token_id = mask_token_id
        self.lang_id = lang_id
        self.asm_cutoffs = None if asm_cutoffs is None else list(asm_cutoffs)
        self.asm_div_value = asm_div_value
        self.lang2id = None if lang2id is None else dict(lang2id)
        self.id2lang = None if id2lang is None else {int(index): language for index, language in id2lang.items()}
        super().__init__(
            pad_token_id=pad_token_id,
            bos_token_id=bos_token_id,
            tie_word_embeddings=tie_word_embeddings and not asm,
            **kwargs,
        )

    @property
    def has_language_embeddings(self) -> bool:
        """Whether a model has a table of languages."""
        return self.n_langs > 1 and self.use_lang_emb

    def check(self) -> None:
        """Refuses hyper-parameters that describe something else than an XLM model that can be computed.

        Raises:
            UserError: All that is wrong with them.
        """
        problems = []
        if self.n_heads < 1 or self.emb_dim % self.n_heads:
            problems.append(f"emb_dim {self.emb_dim} is not a multiple of n_heads {self.n_heads}")
        if not self.is_encoder:
            problems.append("is_encoder is false: a decoder that attends to an encoder is not computed")
        if self.asm and not _are_cutoffs(self.asm_cutoffs or [], self.vocab_size):
            problems.append(
                f"asm_cutoffs is {self.asm_cutoffs}: an adaptive softmax needs ids that rise, below vocab_size "
                f"{self.vocab_size}"
            )
        if problems:
            raise UserError("The configuration does not describe an XLM model:", problems)


def _are_cutoffs(cutoffs: Sequence[int], vocab_size: int) -> bool:
    return bool(cutoffs) and list(cutoffs) == sorted(set(cutoffs)) and cutoffs[0] > 0 and cutoffs[-1] < vocab_size
