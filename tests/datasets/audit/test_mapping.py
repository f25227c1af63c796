"""What masks were meant to be, and the table that mends them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddle_ann.datasets import toy_voc
from paddle_ann.datasets.audit import mapping
from paddle_ann.datasets.audit.plan import voc_palette

PALETTE = voc_palette()


def test_palette_is_vocs():
    assert [part for color in PALETTE for part in color] == list(toy_voc.VOC_PALETTE)


@pytest.mark.parametrize(
    ("values", "num_classes", "expected"),
    [
        ({0, 1, 2, 255}, 3, None),  # right as it is
        ({0, 255}, 2, {255: 1}),
        ({0, 255}, 21, {255: 1}),
        ({255}, 2, None),
        ({1, 2, 3, 255}, 3, {1: 0, 2: 1, 3: 2}),
        ({1, 3}, 3, {1: 0, 3: 2}),
        ({0, 1, 2, 3}, 3, None),  # is 0 the void, or num_classes wrong? the user knows
        ({1, 2, 4}, 3, None),
        ({0, 127, 254}, 3, {127: 1, 254: 2}),
        ({0, 85, 170, 255}, 4, {85: 1, 170: 2, 255: 3}),
        ({0, 100, 200, 255}, 3, {100: 1, 200: 2}),
        ({0, 85, 170, 255}, 3, {85: 1, 170: 2}),
        ({0, 7, 200}, 3, None),
        ({0, 11}, 11, {11: 1}),
    ],
)
def test_values(values, num_classes, expected):
    guess = mapping.values_to_ids(values, num_classes)
    assert (guess and guess[0]) == expected


def test_another_ignored_id():
    assert mapping.values_to_ids({0, 1, 7}, 2, ignore_index=7) is None
    assert mapping.values_to_ids({0, 255}, 2, ignore_index=7)[0] == {255: 1}


def test_colors():
    known = {PALETTE[0], PALETTE[2], mapping.VOC_VOID}
    ids, reason = mapping.colors_to_ids(known, 3, palettes=[PALETTE])
    assert ids == {PALETTE[0]: 0, PALETTE[2]: 2, mapping.VOC_VOID: 255} and "palette" in reason
    assert mapping.colors_to_ids({PALETTE[3]}, 3, palettes=[PALETTE])[0] == {PALETTE[3]: 0}
    ids, reason = mapping.colors_to_ids({(9, 9, 8), (0, 0, 0)}, 3, palettes=[PALETTE])
    assert ids == {(0, 0, 0): 0, (9, 9, 8): 1} and "NOT a known palette" in reason
    void = {(9, 9, 8), (0, 0, 0), mapping.VOC_VOID}
    assert mapping.colors_to_ids(void, 2)[0] == {**ids, mapping.VOC_VOID: 255}
    assert not mapping.propose({0, 1}, {(9, 9, 8)}, 3)  # no guess beside masks of ids
    assert mapping.propose({}, {(9, 9, 8)}, 3).colors == {(9, 9, 8): 0}
    assert mapping.colors_to_ids({(i, 0, 7) for i in range(4)}, 3) is None
    assert mapping.colors_to_ids((), 3) is None


def test_own_palette_comes_before_vocs():
    own = ((1, 2, 3), PALETTE[1])
    ids, _ = mapping.colors_to_ids({PALETTE[1], (1, 2, 3)}, 2, palettes=[own, PALETTE])
    assert ids == {(1, 2, 3): 0, PALETTE[1]: 1}


def test_grey_in_colour():
    greys = {(v, v, v) for v in (0, 2, 255)}
    ids, _ = mapping.colors_to_ids(greys, 3)
    assert ids == {(0, 0, 0): 0, (2, 2, 2): 2, (255, 255, 255): 255}
    ids, _ = mapping.colors_to_ids({(0, 0, 0), (255, 255, 255)}, 2)
    assert ids == {(0, 0, 0): 0, (255, 255, 255): 1}


def test_applied():
    mask = np.array([[0, 255, 7], [7, 7, 0]], np.uint8)
    assert mapping.apply_to_values(mask, {255: 1, 7: 3}).tolist() == [[0, 1, 3], [3, 3, 0]]
    colors = np.array([[PALETTE[1], PALETTE[2], (9, 9, 9)]], np.uint8)
    ids = {PALETTE[1]: 1, PALETTE[2]: 2}
    assert mapping.apply_to_colors(colors, ids).tolist() == [[1, 2, -1]]


def test_read_what_was_written(tmp_path):
    made = mapping.Mapping({255: 1}, {(128, 0, 0): 1}, ("because",))
    for content in (made.as_json(), {"mapping": made.as_json(), "more": 1}):
        (tmp_path / "a.json").write_text(json.dumps(content))
        read = mapping.read(tmp_path / "a.json")
        assert (read.values, read.colors) == (made.values, made.colors)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "7",
        '{"values": {"a": 1}}',
        '{"values": {"1": 256}}',
        '{"values": {"1": true}}',
        '{"values": {"1": "2"}}',
        '{"values": [1]}',
        '{"colours": {"1,2": 1}}',
        '{"colours": {"1,2,256": 1}}',
        "[" * 10**5,
    ],
)
def test_bad_mapping_files(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match="a.json"):
        mapping.read(tmp_path / "a.json")


@settings(max_examples=200, deadline=None)
@given(
    st.sets(st.integers(0, 255), min_size=1, max_size=9),
    st.sets(st.tuples(*[st.sampled_from((0, 1, 128, 192, 255))] * 3), max_size=5),
    st.integers(1, 30),
    st.sampled_from((255, 0, 12)),
)
def test_a_proposal_mends_everything(values, colors, num_classes, ignore_index):
    made = mapping.propose(values, colors, num_classes, ignore_index, [PALETTE])
    legal = {*range(num_classes), ignore_index}
    if made.values:
        assert {made.values.get(v, v) for v in values} <= legal
        kept = [v for v in values if v != ignore_index or v in made.values]
        assert len({made.values.get(v, v) for v in kept}) == len(kept)  # nothing is merged
    if made.colors:
        assert set(made.colors) == colors and set(made.colors.values()) <= legal
