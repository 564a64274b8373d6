from __future__ import annotations

from pathlib import Path

import pytest
from bench import Bench
from contest import Row
from make_checkpoints import MODELS
from peers import PEERS, Environment, our_environment
from rows import all_rows
from rows.conversion import CONVERTING_PEER, FAMILIES

from transformers.models.auto.tables import FAMILIES as ALL_FAMILIES


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, Row]:
    peers = {peer.name: Environment(peer.name, tmp_path / peer.name) for peer in PEERS}
    return {row.id: row for row in all_rows(Bench(tmp_path, our_environment(), peers))}


def test_declaring_rows_writes_nothing(rows: dict[str, Row], tmp_path: Path) -> None:
    assert rows
    assert list(tmp_path.iterdir()) == []


def test_every_family_is_converted() -> None:
    assert {MODELS[family.model].family for family in FAMILIES} == ALL_FAMILIES.keys()
    assert {family.model for family in FAMILIES} == MODELS.keys()


def test_references_and_targets_are_contestants(rows: dict[str, Row]) -> None:
    for row in rows.values():
        named = {row.reference, *(one for target in row.targets for one in (target.of, target.beside) if one)}
        assert named <= {one.name for one in row.contestants}, row.id


def test_the_older_tool_is_given_what_its_converters_want(rows: dict[str, Row], tmp_path: Path) -> None:
    def arguments(row: str, name: str = CONVERTING_PEER) -> str:
        (found,) = [one for one in rows[row].contestants if one.name == name]
        return " ".join(found.command[1:]).replace(f"{tmp_path}/", "")

    out = "output/{}/plain/peer"
    assert arguments("convert/albert-base") == (
        "convert --model_type albert --tf_checkpoint checkpoints/albert-base/model.ckpt "
        "--config checkpoints/albert-base/albert_config.json "
        f"--pytorch_dump_output {out.format('albert-base')}/pytorch_model.bin"
    )
    assert arguments("convert/gpt") == (
        f"convert --model_type gpt --tf_checkpoint checkpoints/gpt --config  --pytorch_dump_output {out.format('gpt')}"
    )
    assert arguments("convert/transfo-xl-base").startswith("-m transformers.models.deprecated.transfo_xl.convert_")


def test_what_later_rows_need_stays(rows: dict[str, Row]) -> None:
    """The output of the peer that fails on slots is compared with that of the checkpoint without them."""
    plain, slots = rows["convert/gpt2-124m"], rows["convert/gpt2-124m-adam"]
    peer = Path(plain.contestants[-1].removed_before[0])
    assert not any(peer.is_relative_to(path) for path in plain.removed_after)
    assert any(peer.is_relative_to(path) for path in slots.removed_after)
    alone = rows["convert/xlnet-base"]
    assert all(
        any(path.is_relative_to(gone) for gone in alone.removed_after)
        for one in alone.contestants
        for path in one.removed_before
    )
