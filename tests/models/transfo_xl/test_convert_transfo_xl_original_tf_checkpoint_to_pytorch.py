from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from tests.models.transfo_xl.reference import Array, Flags, Original, Segment
from tests.shared.converter_tester import ConverterTester, contents
from tests.shared.memory_checkpoint import MemoryCheckpoint
from tests.shared.synthetic_checkpoint import with_training_state

import transformers
from transformers import TransfoXLLMHeadModel, TransfoXLModel
from transformers.checkpoints import Variable, open_checkpoint, read_corpus, write_bundle
from transformers.conversion import ConversionPlan, PlanRequest, make_plan
from transformers.conversion.configs import ConfigSource
from transformers.errors import UserError
from transformers.models.auto.exporting import export_checkpoint
from transformers.models.transfo_xl.clusters import Clusters
from transformers.models.transfo_xl.convert_transfo_xl_original_tf_checkpoint_to_pytorch import FAMILY
from transformers.models.transfo_xl.way_back import read_flags

#: What the flags of the original are called here, as far as they are not in the checkpoint.
RUN_TIME = ("mem_len", "clamp_len", "same_length")


class TestTransfoXLConversion(ConverterTester):
    family = FAMILY
    sizes: ClassVar[dict[str, int]] = {
        "M": 6, "H": 2, "D": 2, "I": 5, "l": 2, "k": 3, "C": 2, "n0": 3, "n1": 2, "n2": 4, "e0": 8, "e1": 4, "e2": 2,
        "N": 3,
    }  # fmt: skip
    config_file = "config.json"
    config: ClassVar[dict[str, Any]] = {
        "n_token": 9, "cutoffs": [3, 5], "d_model": 6, "d_embed": 8, "n_head": 2, "d_head": 2, "d_inner": 5,
        "n_layer": 2, "div_val": 2, "untie_r": True, "proj_share_all_but_first": False, "mem_len": 3,
    }  # fmt: skip


# -------------------------------------------------------------------------------------------------------- all layouts

CLUSTERED = [
    Flags(div_val=div_val, d_embed=d_embed, proj_share_all_but_first=share, proj_same_dim=same_dim, untie_r=untie)
    for div_val, d_embed in ((1, 12), (1, 8), (2, 12), (2, 24), (3, 20), (4, 16))
    for share in (True, False)
    for same_dim in ((True, False) if div_val != 1 else (True,))
    for untie in (True, False)
]
LAYOUTS = [
    *CLUSTERED,
    Flags(cutoffs=(), div_val=1),
    Flags(cutoffs=(), div_val=1, d_embed=8),
    Flags(cutoffs=(), div_val=1, untie_r=False),
    Flags(n_layer=1),
    Flags(n_layer=1, untie_r=False),
    Flags(n_layer=11),
    Flags(cutoffs=(9,)),
    Flags(cutoffs=(2, 4, 6, 9), div_val=1, d_embed=6),
    Flags(n_head=3, d_head=4),
    Flags(n_head=4, d_head=3),
    Flags(d_embed=10, div_val=4, cutoffs=(7,)),
]
RUNS = [
    Flags(mem_len=0),
    Flags(mem_len=0, same_length=True),
    Flags(mem_len=2, same_length=True),
    Flags(mem_len=5, same_length=True, clamp_len=3),
    Flags(mem_len=9, same_length=True),
    Flags(clamp_len=2),
    Flags(mem_len=1),
    Flags(mem_len=20, clamp_len=100),
]
SEGMENTS = [np.random.default_rng(seed).integers(0, 23, (3, time)) for seed, time in ((1, 4), (2, 6), (3, 1), (4, 4))]


def differing(flags: Flags) -> str:
    """What is special about flags, as the name of a test."""
    standard = asdict(Flags())
    special = [f"{name}={value}" for name, value in asdict(flags).items() if value != standard[name]]
    return ",".join(special).replace(" ", "") or "standard"


def saved(folder: Path, variables: Mapping[str, Array]) -> Path:
    folder.mkdir(exist_ok=True)
    write_bundle(folder / "model.ckpt-0", variables)
    return folder / "model.ckpt-0.index"


def loaded(path: Path, **settings: Any) -> TransfoXLLMHeadModel:
    """The model, all of whose parameters and buffers come from the file."""
    model, info = TransfoXLLMHeadModel.from_pretrained(path, output_loading_info=True, **settings)
    assert not any(info.values()), info
    return model


def assert_computes(model: TransfoXLLMHeadModel, expected: list[Segment]) -> None:
    """Holds scores, losses, states and memories against the original's, segment by segment."""
    mems = None
    with torch.no_grad():
        for ids, wanted in zip(map(torch.from_numpy, SEGMENTS), expected, strict=True):
            output = model(ids, mems=mems, output_hidden_states=True)
            losses = model(ids, mems=mems, labels=ids).losses
            assert_close(output.prediction_scores, wanted.log_probs)
            assert_close(torch.stack(output.hidden_states), wanted.states)
            next_words = np.take_along_axis(wanted.log_probs[:, :-1], ids.numpy()[:, 1:, None], axis=-1)
            assert_close(losses, -next_words[..., 0])
            mems = output.mems
            if mems is not None:
                assert_close(torch.stack(mems), wanted.mems)
            assert (mems is None) == (wanted.mems.size == 0)


def assert_close(actual: torch.Tensor, expected: Array) -> None:
    assert actual.shape == expected.shape
    if expected.size:
        assert np.abs(actual.numpy() - expected).max() < 3e-5


def run_settings(flags: Flags) -> dict[str, Any]:
    return {name: value for name, value in asdict(flags).items() if name in RUN_TIME}


@pytest.mark.parametrize("flags", [*LAYOUTS, *RUNS], ids=differing)
def test_every_layout_computes_what_the_original_computes(flags: Flags, tmp_path: Path) -> None:
    variables = flags.variables()
    model = loaded(saved(tmp_path / "source", variables), **run_settings(flags))
    assert_computes(model, Original(flags, variables).run(SEGMENTS))
    model.save_pretrained(tmp_path / "model")
    assert_computes(loaded(tmp_path / "model"), Original(flags, variables).run(SEGMENTS))


@pytest.mark.parametrize("flags", LAYOUTS, ids=differing)
def test_the_structure_is_inferred_and_agrees_with_a_configuration_in_either_dialect(flags: Flags) -> None:
    variables = with_training_state(flags.variables())
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(flags).items()}
    ecosystem = {**fields, "vocab_size": fields["n_token"], "model_type": "transfo-xl", "tgt_len": 4, "ext_len": 0}
    del ecosystem["n_token"], ecosystem["proj_same_dim"]
    inferred = plan(variables, run_settings(flags)).config
    assert plan(variables, fields).config == inferred
    given = plan(variables, ecosystem).config
    assert {name: given[name] for name in inferred} == inferred
    assert (given["tgt_len"], given["ext_len"]) == (4, 0)
    for name in ("d_model", "d_embed", "n_head", "d_head", "d_inner", "n_layer", "untie_r", "cutoffs"):
        assert inferred[name] == fields[name]
    assert inferred["vocab_size"] == flags.n_token
    assert (inferred["layer_norm_epsilon"], inferred["same_length_inclusive"]) == (1e-12, True)


def plan(variables: Mapping[str, Array], config: Mapping[str, Any], name: str = "config.json") -> ConversionPlan:
    literal = "model_type" in config
    return make_plan(FAMILY, MemoryCheckpoint(variables), PlanRequest(configs=[ConfigSource(name, config, literal)]))


# ------------------------------------------------------------------------------------------------------- configuration


def test_what_no_tensor_shows_is_the_originals_default_and_is_said() -> None:
    assumed = plan(Flags().variables(), {}).assumed
    assert {line.split(" (")[0] for line in assumed} == {
        "mem_len = 70",
        "clamp_len = -1",
        "same_length = false",
        "same_length_inclusive = true",
        "layer_norm_epsilon = 1e-12",
    }


@pytest.mark.parametrize(
    ("name", "value", "evidence"),
    [
        ("n_layer", 3, "2"),
        ("d_model", 14, "12"),
        ("d_embed", 14, "12"),
        ("n_head", 5, "2, 2, 5"),
        ("d_head", 2, "2, 2, 5"),
        ("d_inner", 10, "9"),
        ("div_val", 4, r"\[12, 6, 3\]"),
        ("untie_r", False, "2, 2, 5"),
        ("n_token", 24, "23"),
        ("cutoffs", [7], r"\[7, 5, 11\]"),
        ("cutoffs", [7, 13], r"\[7, 5, 11\]"),
        ("cutoffs", 7, "a list"),
        ("proj_share_all_but_first", False, "no .*cutoff_1/proj"),
        ("proj_same_dim", False, "cutoff_0/proj_W"),
        ("tie_projs", [False, True, False], "cluster 2"),
        ("tie_projs", [False], "3 clusters"),
        ("tie_word_embeddings", False, "word vectors"),
        ("pre_lnorm", True, "only False"),
        ("attn_type", 1, "only 0"),
        ("mem_len", -1, "from 0"),
    ],
)
def test_a_configuration_that_contradicts_the_tensors_is_refused(name: str, value: Any, evidence: str) -> None:
    config = {**asdict(Flags()), "cutoffs": [7, 12], name: value}
    with pytest.raises(UserError, match=rf"{name}\b.*{evidence}"):
        plan(Flags().variables(), config)


@pytest.mark.parametrize("ties", [[False, True, True], [False, False, False]])
def test_ties_that_make_no_difference_are_not_held_against_a_configuration(ties: list[bool]) -> None:
    plan(Flags(div_val=1).variables(), {"tie_projs": ties})


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UserError) as error:
        plan(Flags().variables(), {"n_layer": 3, "d_inner": 10, "cutoffs": [1]})
    assert all(f"{name} " in str(error.value) for name in ("n_layer", "d_inner", "cutoffs"))


@pytest.mark.parametrize("bounds", [[0, 7, 12, 23], [0, 7, 13, 23]])
def test_the_description_of_the_data_set_is_read(bounds: list[int], tmp_path: Path) -> None:
    path = saved(tmp_path, Flags().variables())
    (tmp_path / "corpus-info.json").write_text(json.dumps({"vocab_size": 23, "cutoffs": bounds, "dataset": "wt103"}))
    if bounds[2] == 12:
        loaded(path)
    else:
        with pytest.raises(UserError, match=r"cutoffs.*corpus-info.json says \[7, 13\]"):
            loaded(path)


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        (Flags(267735, (20000, 40000, 200000), 1024, 1024, 16, 64, 8, 18, 4), (1600, 1000, True)),
        (
            Flags(793471, (60000, 100000, 640000), 1280, 1280, 16, 80, 8, 24, 4, True, False, False),
            (128, -1, True),
        ),
        (Flags(204, (), 1024, 1024, 8, 128, 3072, 24, 1, False), (3800, 1000, True)),
        (Flags(27, (), 1024, 1024, 8, 128, 3072, 24, 1, False), (3800, 1000, True)),
        (Flags(267735, (20000, 40000, 200000), 410, 410, 10, 41, 2100, 16, 1), (70, -1, False)),
    ],
    ids=["wt103", "lm1b", "enwik8", "text8", "wt103_base"],
)
def test_released_models_are_run_as_they_were_evaluated(flags: Flags, settings: tuple[Any, ...]) -> None:
    variables = {name: np.broadcast_to(np.float32(0), shape) for name, shape in flags.shapes()}
    made = plan(variables, {}, "nothing")
    assert tuple(made.config[name] for name in RUN_TIME) == settings
    assert made.config["vocab_size"] == flags.n_token
    assert made.config["tie_projs"][1:] == [
        bool(flags.cutoffs) and flags.div_val != 1 and flags.d_model != 1280
    ] * 3 or (not flags.cutoffs)


# ------------------------------------------------------------------------------------------------- variables, as stored


def without(variables: Mapping[str, Array], *names: str) -> dict[str, Array]:
    assert set(names) <= set(variables)
    return {name: values for name, values in variables.items() if name not in names}


EMBED, SOFTMAX = "transformer/adaptive_embed", "transformer/adaptive_softmax"


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (Flags(), f"{EMBED}/cutoff_0/proj_W"),
        (Flags(), f"{EMBED}/cutoff_1/proj_W"),
        (Flags(), f"{EMBED}/cutoff_2/lookup_table"),
        (Flags(), f"{SOFTMAX}/cutoff_0/proj"),
        (Flags(), f"{SOFTMAX}/cutoff_0/cluster_W"),
        (Flags(), f"{SOFTMAX}/cutoff_1/b"),
        (Flags(), f"{SOFTMAX}/cutoff_2/b"),
        (Flags(), "transformer/r_r_bias"),
        (Flags(untie_r=False), "transformer/r_w_bias"),
        (Flags(), "transformer/layer_1/rel_attn/r/kernel"),
        (Flags(proj_share_all_but_first=False), f"{SOFTMAX}/cutoff_1/proj"),
        (Flags(proj_share_all_but_first=False), f"{SOFTMAX}/cutoff_2/proj"),
        (Flags(proj_share_all_but_first=False, proj_same_dim=False), f"{EMBED}/cutoff_2/proj_W"),
        (Flags(div_val=1, d_embed=8), f"{EMBED}/proj_W"),
        (Flags(div_val=1, d_embed=8), f"{SOFTMAX}/cutoff_0/proj"),
        (Flags(div_val=1, d_embed=8, proj_share_all_but_first=False), f"{SOFTMAX}/cutoff_2/proj"),
        (Flags(div_val=1), f"{SOFTMAX}/cutoff_2/b"),
        (Flags(cutoffs=(), div_val=1, d_embed=8), f"{SOFTMAX}/bias"),
    ],
)
def test_a_variable_that_is_missing_is_an_error_that_names_it(flags: Flags, name: str) -> None:
    with pytest.raises(UserError, match=rf"{name}\b"):
        plan_for_lm(without(flags.variables(), name))


def plan_for_lm(variables: Mapping[str, Array]) -> ConversionPlan:
    request = PlanRequest(architecture="TransfoXLLMHeadModel")
    return make_plan(FAMILY, MemoryCheckpoint(variables), request)


def test_widths_that_no_division_gives_are_refused() -> None:
    variables = Flags().variables()
    for name in (f"{EMBED}/cutoff_2/lookup_table", f"{EMBED}/cutoff_2/proj_W"):
        axis = int(name.endswith("table"))
        variables[name] = np.concatenate([variables[name]] * 2, axis=axis)
    with pytest.raises(UserError, match=r"\[12, 6, 6\]"):
        plan(variables, {})


@given(st.integers(4, 2000), st.integers(2, 50), st.integers(1, 3))
def test_by_how_much_the_clusters_narrow_follows_from_their_widths(first: int, div_val: int, others: int) -> None:
    widths = [first // div_val**cluster for cluster in range(others + 1)]
    assume(widths[-1] > 0)
    shapes = {f"{EMBED}/cutoff_{k}/lookup_table": (2, width) for k, width in enumerate(widths)}
    clusters = Clusters.of({name: Variable(name, shape, "float32") for name, shape in shapes.items()})
    fitting = [v for v in range(2, first + 1) if all(w == first // v**k for k, w in enumerate(widths))]
    assert list(clusters.narrowings) == fitting
    assert div_val in fitting


def test_a_width_that_cannot_be_costs_no_time() -> None:
    names = [f"{EMBED}/cutoff_{k}/lookup_table" for k in range(2)]
    clusters = Clusters.of(
        {names[0]: Variable(names[0], (1, 2**60), "float32"), names[1]: Variable(names[1], (1, 1), "float32")}
    )
    assert clusters.narrowings == range(2**59 + 1, 2**60 + 1)


def test_a_decoder_without_its_softmax_is_a_base_model(tmp_path: Path) -> None:
    flags = Flags(untie_r=False)
    variables = {name: each for name, each in flags.variables().items() if not name.startswith(SOFTMAX)}
    report = transformers.convert_checkpoint(saved(tmp_path / "source", variables), tmp_path / "model")
    assert report.architecture == "TransfoXLModel"
    model, info = TransfoXLModel.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not any(info.values())
    expected = Original(replace(flags, mem_len=70), flags.variables()).run(SEGMENTS[:1])[0]
    assert_close(model(torch.from_numpy(SEGMENTS[0])).last_hidden_state.detach(), expected.states[-1])


def test_averaged_checkpoints_with_their_slots_are_read(tmp_path: Path) -> None:
    variables = Flags().variables()
    everything = with_training_state(variables)
    report = transformers.convert_checkpoint(
        saved(tmp_path / "source", everything), tmp_path / "model", "transfo_xl", config={"mem_len": 5}
    )
    assert {name for names in report.skipped.values() for name in names} == set(everything) - set(variables)
    assert_computes(loaded(tmp_path / "model"), Original(Flags(), variables).run(SEGMENTS))


def test_a_new_head_on_an_original_checkpoint(tmp_path: Path) -> None:
    path = saved(tmp_path, Flags().variables())
    model, info = transformers.TransfoXLForSequenceClassification.from_pretrained(path, output_loading_info=True)
    assert info["missing_keys"] == ["score.weight"]
    assert not info["unexpected_keys"]
    assert model.score.weight.shape == (2, 12)


# -------------------------------------------------------------------------------------------------------- the way back


def exported(model: Path, output: Path) -> dict[str, Array]:
    """The variables of an export."""
    export_checkpoint(model, output / "model.ckpt-0", "transfo_xl")
    with open_checkpoint(output) as checkpoint:
        return {name: np.array(checkpoint.read(name)) for name in checkpoint.variables}


def flags_in(path: Path) -> dict[str, str]:
    """The flags in a file, as their program reads them."""
    return dict(line.removeprefix("--").split("=", 1) for line in path.read_text().splitlines())


@pytest.mark.parametrize("flags", [*LAYOUTS, *RUNS], ids=differing)
def test_every_layout_comes_back(flags: Flags, tmp_path: Path) -> None:
    variables = flags.variables()
    source = saved(tmp_path / "source", variables)
    transformers.convert_checkpoint(source, tmp_path / "one", "transfo_xl", run_settings(flags))

    found = exported(tmp_path / "one", tmp_path / "back")

    assert found.keys() == variables.keys()
    assert all(np.array_equal(values, variables[name]) for name, values in found.items())
    said = flags_in(tmp_path / "back" / "flags.txt")
    wanted = asdict(flags)
    for name in ("n_layer", "d_model", "d_embed", "n_head", "d_head", "d_inner", "div_val", *RUN_TIME, "untie_r"):
        assert said[name] == str(wanted[name]).lower(), name
    if flags.cutoffs and flags.div_val != 1:
        assert said["proj_share_all_but_first"] == str(flags.proj_share_all_but_first).lower()
    info = json.loads((tmp_path / "back" / "corpus-info.json").read_text())
    assert info == {"vocab_size": 23, "cutoffs": [0, *flags.cutoffs, 23] if flags.cutoffs else []}
    transformers.convert_checkpoint(tmp_path / "back", tmp_path / "two", "transfo_xl")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize("flags", [Flags(untie_r=False), Flags(div_val=1, d_embed=8), Flags(cutoffs=(), div_val=1)])
def test_a_model_that_was_saved_again_comes_back(flags: Flags, tmp_path: Path) -> None:
    variables = flags.variables()
    loaded(saved(tmp_path / "source", variables)).save_pretrained(tmp_path / "model")

    found = exported(tmp_path / "model", tmp_path / "back")

    assert found.keys() == variables.keys()
    assert all(np.array_equal(values, variables[name]) for name, values in found.items())


@pytest.mark.parametrize(("rounding", "accepted"), [(1e-7, True), (1e-3, False)])
def test_the_frequencies_may_be_rounded_otherwise_but_not_be_others(
    rounding: float, accepted: bool, tmp_path: Path
) -> None:
    variables = Flags().variables()
    transformers.convert_checkpoint(saved(tmp_path / "source", variables), tmp_path / "one", "transfo_xl")
    weights = tmp_path / "one" / "model.safetensors"
    tensors = load_file(weights)
    tensors["transformer.pos_emb.inv_freq"] = tensors["transformer.pos_emb.inv_freq"] * np.float32(1 + rounding)
    save_file(tensors, weights, metadata={"format": "pt"})

    if accepted:
        assert exported(tmp_path / "one", tmp_path / "back").keys() == variables.keys()
    else:
        with pytest.raises(UserError, match="inv_freq is not what the original, .* implies: constant frequencies"):
            exported(tmp_path / "one", tmp_path / "back")


def test_a_vocabulary_becomes_the_cache_of_a_data_set(tmp_path: Path) -> None:
    tokenizer = transformers.TransfoXLTokenizer(special=["<eos>"], lower_case=True, original_tokenization=True)
    tokenizer.count_sents([[f"w{number}" for number in range(22)], ["w3", "w7", "w3"]])
    tokenizer.build_vocab()
    transformers.convert_checkpoint(saved(tmp_path / "source", Flags().variables()), tmp_path / "one", "transfo_xl")
    tokenizer.save_pretrained(tmp_path / "one")

    exported(tmp_path / "one", tmp_path / "back")

    corpus = read_corpus(tmp_path / "back" / "cache.pkl")
    assert corpus.vocabulary["idx2sym"] == tokenizer.idx2sym
    assert corpus.vocabulary["counter"] == {f"w{n}": {3: 3, 7: 2}.get(n, 1) for n in range(22)}
    assert (corpus.vocabulary["lower_case"], corpus.vocabulary["eos_idx"]) == (True, 0)
    assert corpus.cutoffs == [0, 7, 12, 23]
    transformers.convert_checkpoint(tmp_path / "back", tmp_path / "two", "transfo_xl")
    for name in ("vocab.json", "config.json", "model.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"layer_norm_epsilon": 1e-5}, "layer_norm_epsilon is 1e-05"),
        ({"same_length": True, "same_length_inclusive": False}, "same_length_inclusive is false"),
        ({"tie_projs": [True, True, True]}, "never ties cluster 0"),
        ({"tie_projs": [False, False, True]}, "crit.out_projs.1 is not stored"),
        ({"cutoffs": [7, 13]}, r"crit.out_layers.1.bias is \[5\], the configuration says \[6\]"),
        ({"mem_len": -3}, "mem_len -3 is below 0"),
    ],
)
def test_what_the_original_cannot_express_is_named(fields: dict[str, Any], said: str, tmp_path: Path) -> None:
    transformers.convert_checkpoint(saved(tmp_path / "source", Flags().variables()), tmp_path / "one", "transfo_xl")
    config = tmp_path / "one" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | fields))

    with pytest.raises(UserError, match=said):
        exported(tmp_path / "one", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_vocabulary_of_another_size_is_refused(tmp_path: Path) -> None:
    transformers.convert_checkpoint(saved(tmp_path / "source", Flags().variables()), tmp_path / "one", "transfo_xl")
    (tmp_path / "one" / "vocab.json").write_text(json.dumps({"idx2sym": ["<eos>", "a"]}))

    with pytest.raises(UserError, match="vocab_size is 23, but the vocabulary has 2 words"):
        exported(tmp_path / "one", tmp_path / "back")


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("--mem_len=9\n\n# a remark\n--same_length\n", {"mem_len": 9, "same_length": True}),
        ("--undefok=ext_len\n--ext_len=0\n--dataset=wt103", {"ext_len": 0, "dataset": "wt103"}),
    ],
)
def test_flags_are_read(text: str, flags: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "flags.txt").write_text(text)

    assert read_flags(tmp_path / "flags.txt") == flags


def test_what_is_no_flag_is_named_with_its_line(tmp_path: Path) -> None:
    path = saved(tmp_path, Flags().variables())
    (tmp_path / "flags.txt").write_text("--mem_len=9\nmem_len 9\n")

    with pytest.raises(UserError, match=r"flags.txt, line 2: 'mem_len 9' is no flag"):
        loaded(path)
