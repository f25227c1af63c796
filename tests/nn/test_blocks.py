"""AFNB, APNB and the dense block: against each other, and against PaddleSeg's own."""

import numpy as np
import paddle
import pytest
from paddleseg.models import ann as paddleseg_ann

from paddle_ann.nn import AFNB, APNB, NonLocalBlock
from tests.helpers import (
    assert_close,
    assert_close_in_float32,
    compare_with,
    copy_state,
    gradients,
    in_mode,
    randomize,
    without_dropout,
)


def afnb_pair():
    args = dict(low_in_channels=11, high_in_channels=13, out_channels=17, key_channels=5,
                value_channels=7)  # fmt: skip
    return paddleseg_ann.AFNB(**args, dropout_prob=0.05), AFNB(**args)


def apnb_pair():
    args = dict(in_channels=11, out_channels=11, key_channels=5, value_channels=7)
    return paddleseg_ann.APNB(**args, dropout_prob=0.05), APNB(**args)


AFNB_INPUTS = [((2, 11, 7, 5), (2, 13, 7, 5)), ((1, 11, 13, 9), (1, 13, 7, 5)),
               ((3, 11, 2, 1), (3, 13, 2, 3))]  # fmt: skip
APNB_INPUTS = [((2, 11, 7, 5),), ((1, 11, 16, 16),), ((3, 11, 1, 2),)]
CASES = [(afnb_pair, s) for s in AFNB_INPUTS] + [(apnb_pair, s) for s in APNB_INPUTS]


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize(("pair", "shapes"), CASES)
def test_equals_paddleseg_with_all_gradients(pair, shapes, training):
    ours, theirs, in_float64 = compare_with(pair, shapes, training)
    assert_close_in_float32(ours, theirs)
    assert_close(*in_float64, 1e-10)


@pytest.mark.parametrize("pair", [afnb_pair, apnb_pair])
def test_state_dict_is_paddlesegs(pair):
    theirs, ours = pair()
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: v.shape for k, v in theirs.state_dict().items()
    }
    assert len(ours.parameters()) == len(theirs.parameters())


def test_shared_projection_moves_its_statistics_once_a_step():
    block = APNB(5, 5, 3, 3)
    norm = block.stages[0].f_key._batch_norm
    block(paddle.randn([2, 5, 7, 11]))
    moved = norm._variance.numpy()
    # One update at momentum 0.9 leaves 0.9 of the initial 1; two would leave 0.81.
    x_variance = (moved - 0.9) / 0.1
    assert (x_variance > 0).all()
    assert (moved > 0.85).all()


def test_pool_size_of_the_map_gives_the_dense_block(float64):
    dense = without_dropout(NonLocalBlock(5, 7, 3, 11))
    sampled = without_dropout(APNB(5, 7, 3, 11, pool_sizes=(13,)))
    randomize(dense)
    copy_state(dense, sampled)
    x = paddle.randn([2, 5, 13, 13])
    actual, expected = (gradients(in_mode(block, True), [x]) for block in (sampled, dense))
    assert_close(actual, expected, 1e-10)


def test_pool_sizes_change_the_output():
    x = paddle.randn([1, 5, 11, 7])
    block = in_mode(APNB(5, 5, 3, 3), False)
    other = in_mode(APNB(5, 5, 3, 3, pool_sizes=(1, 2)), False)
    copy_state(block, other)
    assert float((block(x) - other(x)).abs().max()) > 1e-4


def test_every_parameter_gets_a_gradient():
    for block, inputs in ((AFNB(3, 5, 7, 11, 13), [[2, 3, 7, 5], [2, 5, 7, 5]]),
                          (APNB(3, 7, 11, 13), [[2, 3, 7, 5]])):  # fmt: skip
        # Not the sum: batch norm makes the sum of its outputs constant.
        block(*(paddle.randn(s) for s in inputs)).square().sum().backward()
        missing = [n for n, p in block.named_parameters() if not p.stop_gradient and p.grad is None]
        assert not missing


def test_zero_init_starts_without_context():
    x, other = paddle.randn([1, 5, 7, 11]), paddle.randn([1, 3, 7, 11])
    block = in_mode(AFNB(3, 5, 5, 3, 3, zero_init=True), False)
    assert float(block.stages[0].W.weight.abs().max()) == 0
    np.testing.assert_array_equal(block(other, x).numpy(), block(other * 2, x).numpy())


def test_channel_dropout_drops_whole_channels():
    block = APNB(5, 64, 3, 3, dropout_prob=0.5, channel_dropout=True)
    dropped = (block(paddle.rand([1, 5, 7, 11])) == 0).astype("float32").mean([0, 2, 3]).numpy()
    assert (dropped == 1).any()


AFNB_GOOD = dict(low_in_channels=3, high_in_channels=5, out_channels=5, key_channels=3,
                 value_channels=3)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"low_in_channels": 0}, ValueError),
        ({"key_channels": 2.0}, TypeError),
        ({"value_channels": "3"}, TypeError),
        ({"out_channels": None}, TypeError),
        ({"dropout_prob": 1.0}, ValueError),
        ({"dropout_prob": "0.1"}, TypeError),
        ({"pool_sizes": (0, 1)}, ValueError),
    ],
)
def test_bad_arguments_are_named(change, error):
    with pytest.raises(error, match=next(iter(change))):
        AFNB(**{**AFNB_GOOD, **change})


@pytest.mark.parametrize(
    ("low", "high", "named"),
    [
        ([2, 3, 7, 5], [1, 5, 7, 5], "batch size of the low-level map, 2; received 1"),
        ([3, 7, 5], [1, 5, 7, 5], "low_feats must be 4-D"),
        ([2, 4, 7, 5], [2, 5, 7, 5], "low_feats must have 3 channels"),
        ([2, 3, 7, 5], [2, 6, 7, 5], "high_feats must have 5 channels"),
    ],
)
def test_bad_inputs_are_named(low, high, named):
    with pytest.raises(ValueError, match=named):
        AFNB(**AFNB_GOOD)(paddle.ones(low), paddle.ones(high))


def test_input_that_is_no_tensor():
    with pytest.raises(TypeError, match="x must be a tensor"):
        APNB(3, 3, 3, 3)([1, 2, 3])
