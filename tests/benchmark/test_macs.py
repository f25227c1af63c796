"""Multiply-adds by formula, against numbers worked out by hand for the paper's widths."""

import pytest

from paddle_ann.benchmark import macs
from paddle_ann.benchmark.macs import Widths

W = Widths()  # 1024, 2048, 256, 256, 512; 21 classes; 64x64


def per_position(parts):
    """Millions of multiply-adds of products per feature position."""
    return macs.products(parts) / W.positions / 1e6


def test_by_hand_on_tiny_widths():
    w = Widths(2, 3, 5, 7, 11, 13, height=2, width=3, pool_sizes=(1,))
    assert w.positions == 6 and w.sampled == 1
    assert macs.plain_block(w, 2, 3, 3) == {
        "query": 3 * 5 * 6,
        "key": 2 * 5 * 6,
        "value": 2 * 7 * 6,
        "pooling": (5 + 7) * 6,
        "QK": 5 * 6 * 1,
        "softmax": 3 * 6 * 1,
        "weighted sum": 7 * 6 * 1,
        "W": 7 * 3 * 6,
        "fuse": 6 * 3 * 6,
    }
    cheap = macs.cheap_block(w, 2, 3, 3, shared=False)
    assert cheap["value"] == 2 * 7 and cheap["W"] == 7 * 3
    assert cheap["fuse"] == 3 * 3 * 6 + 3 * 3
    assert cheap["weighted sum"] == 3 * 6
    assert macs.conv(2, 3, 6, 3) == 2 * 3 * 9 * 6


def test_pooling_reads_overlaps_twice():
    w = Widths(height=5, width=1, pool_sizes=(3,))
    # Bins of 5 values into 3: [0, 2), [1, 4), [3, 5): 7 values; of 1 into 3: the same one thrice.
    assert macs.adaptive_pooling(1, w) == 7 * 3
    assert macs.separable_pooling(1, w) == 5 * 1 * 3 + 5 * 9


@pytest.mark.parametrize(
    ("parts", "millions"),
    [
        # query .524 + key .262 + value .262 + QK .028 + AV .028 + W .524 + fuse 8.389
        (macs.plain_block(W, 1024, 2048, 2048), 10.02),
        # query .524 + key .262 + QK .028 + AU .225 + Wx 4.194 + on S: .007 + .014 + .113
        (macs.cheap_block(W, 1024, 2048, 2048, shared=False), 5.37),
        # query .131 + key .131 + value .131 + QK .028 + AV .028 + W .131 + fuse .524
        (macs.plain_block(W, 512, 512, 512), 1.10),
        # key .131 + QK .028 + AU .056 + Wx .262 + on S: .014
        (macs.cheap_block(W, 512, 512, 512, shared=True), 0.49),
        # query .524 + key .262 + QK .028 + K on A .507 + K .032 + value .007
        (macs.folded_fusion(W), 1.36),
        (macs.head(W, "plain", auxiliary=True), 25.3),
        (macs.head(W, "training", auxiliary=True), 20.0),
        (macs.head(W, "training", auxiliary=False), 15.3),
        (macs.head(W, "inference", auxiliary=False), 11.3),
    ],
)
def test_paper_widths(parts, millions):
    digits = len(str(millions).partition(".")[2])
    assert round(per_position(parts), digits) == millions


def test_auxiliary_and_context():
    assert round(macs.auxiliary_head(W) / W.positions / 1e6, 2) == 4.73
    assert round(macs.head(W, "plain", False)["context 3x3"] / W.positions / 1e6, 2) == 9.44


def test_dense_attention_of_the_papers_table():
    # 96x96 = 9216 positions; products 2 * 9216^2 * 256 = 43.5 G and projections 2 * 2048 * 256.
    w = Widths(height=96, width=96)
    parts = macs.dense_attention(w, 2048)
    assert parts["QK"] + parts["weighted sum"] == 2 * 9216**2 * 256
    assert parts["projections"] == 2 * 2048 * 256 * 9216
    assert macs.products(parts) == pytest.approx(53.15e9, rel=1e-3)
    assert macs.products(macs.sampled_attention(w, 2048)) < macs.products(parts) / 4


def test_an_unknown_form_is_refused():
    with pytest.raises(KeyError, match="other"):
        macs.head(W, "other", False)
