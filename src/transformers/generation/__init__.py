"""Text from models: decoding strategies over any model with a step."""

from .._lazy import lazy_names

PUBLIC_NAMES = {
    "configuration": ("GenerationConfig",),
    "mixin": ("GenerationMixin",),
    "outputs": (
        "GenerateBeamDecoderOnlyOutput",
        "GenerateBeamEncoderDecoderOutput",
        "GenerateDecoderOnlyOutput",
        "GenerateEncoderDecoderOutput",
    ),
    "logits_base": ("LogitsProcessor", "LogitsProcessorList"),
    "logits_constraints": (
        "ExponentialDecayLengthPenalty",
        "ForcedBOSTokenLogitsProcessor",
        "ForcedEOSTokenLogitsProcessor",
        "InfNanRemoveLogitsProcessor",
        "MinLengthLogitsProcessor",
        "MinNewTokensLengthLogitsProcessor",
        "PrefixConstrainedLogitsProcessor",
        "SuppressTokensAtBeginLogitsProcessor",
        "SuppressTokensLogitsProcessor",
    ),
    "logits_repetition": (
        "EncoderNoRepeatNGramLogitsProcessor",
        "EncoderRepetitionPenaltyLogitsProcessor",
        "NoBadWordsLogitsProcessor",
        "NoRepeatNGramLogitsProcessor",
        "RepetitionPenaltyLogitsProcessor",
        "SequenceBiasLogitsProcessor",
    ),
    "logits_warpers": (
        "EpsilonLogitsWarper",
        "EtaLogitsWarper",
        "LogitNormalization",
        "MinPLogitsWarper",
        "TemperatureLogitsWarper",
        "TopKLogitsWarper",
        "TopPLogitsWarper",
        "TypicalLogitsWarper",
    ),
    "stopping_criteria": (
        "EosTokenCriteria",
        "MaxLengthCriteria",
        "MaxTimeCriteria",
        "StopStringCriteria",
        "StoppingCriteria",
        "StoppingCriteriaList",
    ),
    "streamers": ("BaseStreamer", "TextIteratorStreamer", "TextStreamer"),
}

__getattr__, __dir__ = lazy_names(__name__, PUBLIC_NAMES)
