"""What models compute: forward passes, training steps and generation, with random parameters of released sizes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench import HERE, Bench, call, compare
from contest import Contestant, OutputsDifferError, Row, Target
from measure import measure
from peers import CONVERTING_PEER, NEWEST_PEER, OURS, Environment

_PROGRAM = str(HERE / "timed" / "computing.py")

#: Real tokens of each row: 495 of 8 x 128, as when sentence pairs of very different lengths are padded to the longest.
PADDED = (128, 97, 74, 61, 49, 38, 28, 20)
FULL = (128,) * 8


@dataclass(frozen=True, slots=True)
class Model:
    """A model of which the folder is written once.

    Attributes:
        name: Name of its folder.
        class_name: The class that is saved.
        fields: Fields of its configuration that are not the defaults.
    """

    name: str
    class_name: str
    fields: Mapping[str, Any] = field(default_factory=dict)


_BERT = Model("bert-classifier", "BertForSequenceClassification")
_ALBERT = Model(
    "albert-base",
    "AlbertModel",
    {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072, "hidden_act": "gelu_new"},
)
_XLM = Model("xlm-6-1024", "XLMModel", {"vocab_size": 30145, "emb_dim": 1024, "n_layers": 6, "n_heads": 8})
_XLNET = Model("xlnet-base", "XLNetLMHeadModel", {"d_model": 768, "n_layer": 12, "n_head": 12, "d_inner": 3072})
_GPT = Model("gpt", "OpenAIGPTModel")
_GPT2 = Model("gpt2-124m", "GPT2LMHeadModel", {"eos_token_id": None, "bos_token_id": None})
_T5 = Model(
    "t5-small",
    "T5ForConditionalGeneration",
    {"eos_token_id": None, "decoder_start_token_id": 0, "num_layers": 6, "d_model": 512},
)
_TRANSFO_XL = Model(
    "transfo-xl",
    "TransfoXLLMHeadModel",
    {
        "d_model": 410, "d_embed": 410, "n_head": 10, "d_head": 41, "d_inner": 2100, "n_layer": 16, "mem_len": 150,
        "div_val": 1, "adaptive": True, "same_length": False, "clamp_len": -1, "vocab_size": 267735,
    },
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A job, and who does it.

    Attributes:
        id: Id of the row.
        title: What is done.
        model: With which model.
        job: What ``computing.py`` is told, without class and folder.
        at_most: The wall time for which the row is built, beside the reference's.
        class_name: The class that it is loaded as, if not the one that was saved.
        load: Arguments of ``from_pretrained`` of ours.
        tolerance: How much the outputs may differ.
        reference: The peer.
        repeat: Timed runs inside of a process.
        notes: What a reader must know.
    """

    id: str
    title: str
    model: Model
    job: Mapping[str, Any]
    at_most: float
    class_name: str = ""
    load: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 2e-4
    reference: str = NEWEST_PEER
    repeat: int = 3
    notes: Sequence[str] = ()


def _forward(lengths: Sequence[int], output: str = "last_hidden_state") -> dict[str, Any]:
    return {"work": "forward", "lengths": lengths, "time": 128, "output": output}


def _generate(batch: int, prompt: int, new: int, **options: Any) -> dict[str, Any]:
    return {
        "work": "generate",
        "batch": batch,
        "prompt": prompt,
        "max_new_tokens": new,
        "pad_token_id": 0,
        "do_sample": False,
        **options,
    }


_GREEDY_NOTE = "All contestants must write the same tokens."

CASES = (
    Case(
        id="encode/bert-padded-classifier",
        title="BERT-base sequence classifier as it comes, 8 x 128, 495 of 1024 tokens real",
        model=_BERT,
        job=_forward(PADDED, "logits"),
        at_most=0.55,
    ),
    Case(
        id="encode/bert-padded",
        title="BERT-base, `skip_padding=True`, 8 x 128, 495 of 1024 tokens real",
        model=_BERT,
        class_name="BertModel",
        job=_forward(PADDED),
        load={"skip_padding": True},
        at_most=0.55,
    ),
    Case("encode/bert-full", "BERT-base, 8 x 128", _BERT, _forward(FULL), 1.0, "BertModel"),
    Case("encode/albert", "ALBERT-base, 4 x 128", _ALBERT, _forward(FULL[:4]), 1.0),
    Case("encode/xlm", "XLM, 6 layers of 1024, 4 x 128", _XLM, _forward(FULL[:4]), 1.0),
    Case("encode/xlnet", "XLNet-base, 4 x 128", _XLNET, _forward(FULL[:4]), 1.0, "XLNetModel"),
    Case("encode/gpt", "OpenAI GPT, 4 x 128", _GPT, _forward(FULL[:4]), 1.0),
    Case(
        id="train/bert-padded",
        title="training step of the BERT-base sequence classifier with AdamW, 8 x 128, 495 of 1024 tokens real",
        model=_BERT,
        job={"work": "train", "lengths": PADDED, "time": 128},
        at_most=0.70,
        tolerance=1e-3,
        notes=("Compared without dropout: loss and norm of the gradient. Timed with it.",),
    ),
    *(
        Case(
            id=f"generate/gpt2-{name}",
            title=f"GPT-2 124M, 32 + 64 tokens, {title}",
            model=_GPT2,
            job=_generate(batch, 32, 64, **options),
            at_most=at_most,
            tolerance=0,
            repeat=2,
            notes=(_GREEDY_NOTE,),
        )
        for name, title, batch, options, at_most in (
            ("greedy-1", "greedy, batch 1", 1, {}, 0.93),
            ("greedy-8", "greedy, batch 8", 8, {}, 0.80),
            ("beam-4", "4 beams", 1, {"num_beams": 4}, 0.80),
        )
    ),
    *(
        Case(
            id=f"generate/t5-{name}",
            title=f"T5-small, 64 -> 32 tokens, {title}",
            model=_T5,
            job=_generate(batch, 64, 32, **options),
            at_most=0.85,
            tolerance=0,
            notes=(_GREEDY_NOTE,),
        )
        for name, title, batch, options in (
            ("greedy-8", "greedy, batch 8", 8, {}),
            ("beam-4", "4 beams", 1, {"num_beams": 4}),
        )
    ),
    Case(
        id="evaluate/transfo-xl",
        title="Transformer-XL, 16 layers, 4 x 150 tokens after a memory of 150, losses included",
        model=_TRANSFO_XL,
        job={"work": "evaluate", "batch": 4, "segment": 150, "segments": 3},
        at_most=0.9,
        reference=CONVERTING_PEER,
        repeat=2,
        notes=("The peer's forward pass fails in one call, which is repaired for it.",),
    ),
    Case(
        id="evaluate/xlnet-two-streams",
        title="XLNet-base, both streams, 4 x 128 tokens of which 21 are predicted",
        model=_XLNET,
        job={"work": "two_streams", "batch": 4, "time": 128, "targets": 21},
        at_most=0.9,
        reference=CONVERTING_PEER,
        tolerance=1e-3,
    ),
)


def rows(bench: Bench) -> Iterator[Row]:
    """Every case, once for each number of threads."""
    for case in CASES:
        environments = [one for one in bench.environments if one.name in (OURS, case.reference)]
        contestants = [_contestant(bench, case, one) for one in environments]
        yield Row(
            id=case.id,
            title=case.title,
            contestants=contestants,
            reference=case.reference,
            targets=(Target("wall_s", OURS, case.at_most, beside=case.reference),),
            notes=case.notes,
            prepare=partial(_prepare, bench, case.model),
            check=partial(_check, bench, case, contestants),
            check_runs=True,
            per_threads=True,
        )


def _folder(bench: Bench, model: Model) -> Path:
    return bench.work / "models" / model.name


def _contestant(bench: Bench, case: Case, environment: Environment) -> Contestant:
    job = {
        **case.job,
        "class": case.class_name or case.model.class_name,
        "folder": str(_folder(bench, case.model)),
        "load": case.load if environment.name == OURS else {},
    }
    command = (environment.program("python"), _PROGRAM, json.dumps(job), "--repeat", str(case.repeat))
    return Contestant(environment.name, command, times_itself=True, unavailable=environment.unavailable)


def _prepare(bench: Bench, model: Model) -> None:
    folder = _folder(bench, model)
    if not folder.exists():
        program = (bench.ours.program("python"), str(HERE / "make_models.py"))
        call((*program, model.class_name, json.dumps(model.fields), str(folder)))


def _check(bench: Bench, case: Case, contestants: Sequence[Contestant], ran: frozenset[str]) -> list[str]:
    """What the contestants compute must be the same."""
    files = []
    for one in contestants:
        if one.name in ran:
            files.append(str(bench.output("computed", f"{case.id.replace('/', '-')}-{one.name.replace(' ', '-')}.npz")))
            finished = measure([*one.command, "--outputs", files[-1]], one.variables)
            if finished.status != 0:
                raise OutputsDifferError(f"{one.name}: {finished.last_words}")
    if len(files) < 2:
        return []
    return [compare((sys.executable, str(HERE / "compare_outputs.py"), str(case.tolerance), *files))]
