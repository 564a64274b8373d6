from __future__ import annotations

import pytest
import torch

from transformers.errors import UserError
from transformers.nn.inputs import check_shapes

SIZES = {"batch": 2, "time": 5}


def test_inputs_that_fit_and_inputs_that_are_not_given_pass() -> None:
    check_shapes(
        SIZES,
        mask=(torch.ones(2, 5), ("batch", "time")),
        mapping=(torch.ones(2, 3, 5), ("batch", "predictions", "time")),
        other=(None, ("batch", "time")),
    )


def test_all_that_do_not_fit_are_named() -> None:
    with pytest.raises(UserError) as error:
        check_shapes(
            SIZES,
            mask=(torch.ones(2, 5), ("batch", "time")),
            long=(torch.ones(2, 6), ("batch", "time")),
            flat=(torch.ones(5), ("batch", "time")),
            mapping=(torch.ones(2, 3, 4), ("batch", "predictions", "time")),
        )
    assert error.value.problems == (
        "long has shape [2, 6], but must be [2, 5]",
        "flat has shape [5], but must be [2, 5]",
        "mapping has shape [2, 3, 4], but must be [2, predictions, 5]",
    )
