"""What differs between a file and a model is one table."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_ann.state_table import MISSING, Difference, compare, counts, require_same_state, table


def arrays(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def test_the_table_line_by_line() -> None:
    own = arrays(cls=(5, 3, 1, 1), bias=(5,), stem=(3, 7), count=())
    state = {**arrays(cls=(21, 3, 1, 1), fc=(2, 11), stem=(3, 7)), "count": np.zeros((), np.int64)}
    state["bias"] = {"a": 1}
    rows = compare(own, state)
    assert table(rows).splitlines() == [
        "  key    in the file    in the model  what is wrong",
        "  cls    [21, 3, 1, 1]  [5, 3, 1, 1]  other shape",
        "  bias   a dict         [5]           other shape",
        "  count  [] int64       []            other type",
        "  fc     [2, 11]        -             not in the model",
    ]
    assert counts(rows) == "other shape: 2, other type: 1, not in the model: 1"


def test_equal_states_have_no_rows_and_half_precision_is_floating_point() -> None:
    own = arrays(a=(3, 5))
    assert compare(own, {"a": np.zeros((3, 5), np.float16)}) == []
    assert compare(own, {"a": paddle.zeros([3, 5], "bfloat16")}) == []
    assert compare(own, {"a": paddle.zeros([3, 5]), "StructuredToParameterName@@": {}}) == []


def test_long_lists_are_counted_kind_by_kind() -> None:
    rows = compare(arrays(**{f"m{i}": (3,) for i in range(13)}), arrays(x=(2,), y=(7,)))
    lines = table(rows, shown=1).splitlines()
    assert [line.split()[0] for line in lines] == ["key", "m0", "...", "x", "..."]
    assert lines[2] == "  ... and 12 more: missing" and lines[4].endswith(
        "1 more: not in the model"
    )
    assert "..." not in table([Difference("a", None, (3,), MISSING)])


def test_what_paddles_flops_counts_in_is_no_weight() -> None:
    """paddle.flops, at the end of PaddleSeg's train, leaves buffers of these names."""
    own = arrays(a=(3,))
    assert compare({**own, **arrays(total_ops=(1,))}, {**own, **{"l.total_params": own["a"]}}) == []


def test_a_state_must_be_the_models_exactly() -> None:
    net = paddle.nn.Linear(3, 5)
    state = net.state_dict()
    require_same_state(net, state, "w.pdparams", "Take another.")
    for changed in (
        {**state, "more": state["bias"]},
        {"weight": state["weight"]},
        {**state, "bias": paddle.zeros([7])},
    ):
        with pytest.raises(
            ValueError, match=r"(?s)w.pdparams are not those of this Linear.*key .*"
        ):
            require_same_state(net, changed, "w.pdparams", "Take another.")
