from __future__ import annotations

from transformers.checkpoints import Variable
from transformers.conversion.tree import tree_lines


def lines(*names: str) -> list[str]:
    return list(tree_lines(Variable(name, (2, 3), "float32") for name in names))


def test_equal_layers_are_written_once() -> None:
    names = [f"bert/layer_{layer}/dense/{part}" for layer in range(12) for part in ("kernel", "bias")]

    assert lines(*names) == [
        "bert",
        "  layer_{0..11}/dense",
        "    bias  float32 [2, 3]",
        "    kernel  float32 [2, 3]",
    ]


def test_layers_that_are_not_there_are_not_written() -> None:
    assert lines(*(f"h{layer}/w" for layer in (0, 1, 2, 5, 13))) == ["h{0..2,5,13}/w  float32 [2, 3]"]


def test_a_layer_that_is_different_stands_alone() -> None:
    assert lines("h0/w", "h1/w", "h2/w", "h2/b") == [
        "h{0..1}/w  float32 [2, 3]",
        "h2",
        "  b  float32 [2, 3]",
        "  w  float32 [2, 3]",
    ]


def test_names_whose_number_has_no_fellow_stay_as_they_are() -> None:
    assert lines("layer_3/w", "out") == ["layer_3/w  float32 [2, 3]", "out  float32 [2, 3]"]
