from __future__ import annotations

from types import SimpleNamespace

import pytest

from transformers import BertConfig, GPT2Config, UserError
from transformers.nn.activation_names import ACTIVATION_NAMES, activation_problems
from transformers.nn.activations import ACTIVATIONS


def test_every_activation_has_its_name_and_every_name_its_activation() -> None:
    assert set(ACTIVATION_NAMES) == ACTIVATIONS.keys()


def test_names_that_are_none_are_told_by_field() -> None:
    config = SimpleNamespace(hidden_act="glue", summary_activation=None, output_act="", ff_activation="relu")

    (problem,) = activation_problems(config, *vars(config))

    assert problem.startswith("hidden_act is 'glue', which is no activation (gelu, ")


@pytest.mark.parametrize(
    ("config", "field"),
    [(BertConfig(hidden_act="glue"), "hidden_act"), (GPT2Config(activation_function="glue"), "activation_function")],
)
def test_configurations_hold_their_activations_against_the_names(config: BertConfig | GPT2Config, field: str) -> None:
    with pytest.raises(UserError, match=f"{field} is 'glue'"):
        config.check()
