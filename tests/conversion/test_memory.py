"""What a conversion takes of the memory, and what it reads of the disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.shared.synthetic_checkpoint import synthetic_arrays

from transformers import convert_checkpoint
from transformers.checkpoints import write_bundle
from transformers.errors import UserError
from transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch import FAMILY

MIB = 1 << 20

#: A table of 32 MiB, and small things.
SIZES = {"V": 32768, "H": 256, "P": 8, "T": 2, "I": 1024, "i": 2}

#: Does a work, and prints by how many KiB the process grew at its peak: without and with the pages of mapped files.
MEASURED = """
from contextlib import contextmanager
from pathlib import Path
from transformers import convert_checkpoint
from transformers.models.auto.exporting import export_checkpoint

most = 0

def kib(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))

def watch(done):
    global most
    most = max(most, kib("RssAnon"))

@contextmanager
def watched(total):
    yield watch

def work(source, output):
    {work}

work({small!r}, {folder!r} + "/x/model.ckpt")  # everything is imported by now
before, most = kib("RssAnon"), 0
resident = kib("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
work({large!r}, {folder!r} + "/y/model.ckpt")
print(most - before, kib("VmHWM") - resident)
"""

measured_on_linux = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="memory is measured in the way of Linux"
)


def assert_small_pieces(work: str, small: Path, large: Path, folder: Path) -> None:
    """Makes sure that a work on something large takes little memory."""
    code = MEASURED.format(work=work, small=str(small), large=str(large), folder=str(folder))

    finished = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    own, resident = (1024 * int(number) for number in finished.stdout.split())
    print(f"{own / MIB:.1f} MiB of its own, {resident / MIB:.1f} MiB resident")
    assert own < 16 * MIB, "pieces of 4 MiB, not tensors"
    assert resident < 80 * MIB, "mapped pages are given back"


def checkpoint(prefix: Path, sizes: dict[str, int], *, slots: bool) -> int:
    """Writes a checkpoint and returns the size of its data."""
    arrays = synthetic_arrays(FAMILY, "BertModel", sizes)
    names = list(arrays)
    if slots:
        arrays |= {f"{name}/{slot}": arrays[name] for name in names for slot in ("adam_m", "adam_v")}
    prefix.parent.mkdir(exist_ok=True)
    write_bundle(prefix, arrays)
    return Path(f"{prefix}.data-00000-of-00001").stat().st_size


@measured_on_linux
@pytest.mark.parametrize("slots", [False, True], ids=["weights", "with slots"])
def test_the_memory_does_not_grow_with_the_checkpoint(slots: bool, tmp_path: Path) -> None:
    checkpoint(tmp_path / "a" / "small", {**SIZES, "V": 8, "H": 8, "I": 8}, slots=slots)
    size = checkpoint(tmp_path / "b" / "large", SIZES, slots=slots)

    assert size > 35 * MIB * (3 if slots else 1)
    work = 'convert_checkpoint(source, output, config={"num_attention_heads": 4}, progress=watch)'
    assert_small_pieces(work, tmp_path / "a", tmp_path / "b", tmp_path)


@measured_on_linux
@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_the_memory_of_an_export_does_not_grow_with_the_model(name: str, tmp_path: Path) -> None:
    for kind, sizes in (("small", {**SIZES, "V": 8, "H": 8, "I": 8}), ("large", SIZES)):
        checkpoint(tmp_path / "source" / kind, sizes, slots=False)
        source = tmp_path / "source" / f"{kind}.index"
        convert_checkpoint(source, tmp_path / kind / name, config={"num_attention_heads": 4})

    assert (tmp_path / "large" / name).stat().st_size > 35 * MIB
    work = "export_checkpoint(source, output, show_progress=watched)"
    assert_small_pieces(work, tmp_path / "small", tmp_path / "large", tmp_path)


def test_slots_are_not_even_read(tmp_path: Path) -> None:
    """Their bytes are damaged: reading one would be an error."""
    slot = np.full(100, 3, np.float32)
    arrays = synthetic_arrays(FAMILY, "BertModel", {"V": 8, "H": 8, "P": 8, "T": 2, "I": 8, "i": 1})
    index, data = write_bundle(tmp_path / "model.ckpt", {**arrays, "bert/pooler/dense/bias/adam_m": slot})
    content = data.read_bytes()
    assert content.count(slot.tobytes()) == 1
    data.write_bytes(content.replace(slot.tobytes(), b"\1" * slot.nbytes))

    convert_checkpoint(index, tmp_path / "out", config={"num_attention_heads": 2})

    data.write_bytes(bytes(byte ^ 1 for byte in content))
    with pytest.raises(UserError, match="damaged"):
        convert_checkpoint(index, tmp_path / "two", config={"num_attention_heads": 2})
