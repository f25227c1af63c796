"""The matrix product finds just the pairs that counting bits finds."""

from __future__ import annotations

import numpy as np
from PIL import Image

from paddle_ann.datasets.audit import duplicates
from tests.datasets.audit import tree


def bits_that_differ(a: bytes, b: bytes) -> int:
    return bin(int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).count("1")


def test_all_pairs_and_no_others(monkeypatch):
    monkeypatch.setattr(duplicates, "_BLOCK", 7)  # several blocks, the last one not full
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (5, duplicates.LOOK_BYTES), np.uint8)
    looks = [base[i % 5].copy() for i in range(23)]
    for i, look in enumerate(looks):
        for bit in rng.choice(256, i, replace=False):
            look[bit // 8] ^= 1 << bit % 8
    looks = [look.tobytes() for look in looks]
    looks[3] = b""
    looks[4] = bytes(32)  # a plain picture: it is compared with none
    expected = {
        (a, b, bits_that_differ(looks[a], looks[b]))
        for a in range(23)
        for b in range(a + 1, 23)
        if looks[a] and looks[b] and {a, b}.isdisjoint({4})
    }
    for distance in (0, 12, 40):
        wanted = {item for item in expected if item[2] <= distance}
        assert set(duplicates.look_alikes(looks, distance)) == wanted
    assert wanted


def test_copies_in_other_sizes_and_qualities_look_alike():
    for seed in range(5):
        picture = Image.fromarray(tree.picture(seed)).resize((430, 370))
        look = duplicates.look(picture.convert("L"))
        for copy in (picture.resize((215, 185)), picture.resize((600, 300))):
            distance = bits_that_differ(look, duplicates.look(copy.convert("L")))
            assert distance <= duplicates.DISTANCE
        other = duplicates.look(Image.fromarray(tree.picture(seed + 1)).convert("L"))
        assert bits_that_differ(look, other) > 4 * duplicates.DISTANCE


def test_nothing_to_compare():
    assert list(duplicates.look_alikes([])) == [] == list(duplicates.look_alikes([b"", bytes(32)]))
    assert duplicates.same_bytes([b"", b"", b"a"]) == []
