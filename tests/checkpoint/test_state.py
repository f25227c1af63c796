"""The state file: what goes in comes out to the last bit, and damage is named."""

from __future__ import annotations

import json
import math
import pickle
import struct

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paddle_ann.checkpoint import load_state_file, save_state

NUMBERS = st.one_of(
    arrays.boolean_dtypes(),
    arrays.integer_dtypes(),
    arrays.unsigned_integer_dtypes(),
    arrays.floating_dtypes(),
    arrays.complex_number_dtypes(),
    arrays.unicode_string_dtypes(),
)
ARRAYS = arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True, width=64) | st.text()
)
KEYS = st.text(max_size=5) | st.sampled_from(["$array", "$float", "$dict", "shape", "data", "$"])
STATES = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=9,
)


def same(a, b):
    """Equal in type, structure and every bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return struct.pack("d", a) == struct.pack("d", b) if isinstance(a, float) else a == b


@given(st.dictionaries(KEYS, STATES, max_size=4))
def test_round_trip(tmp_path_factory, state):
    folder = tmp_path_factory.getbasetemp()
    save_state(folder, state)
    assert same(load_state_file(folder), state)


def test_special_floats(tmp_path):
    payload = struct.unpack("d", struct.pack("Q", 0x7FF8DEADBEEF0001))[0]
    values = [math.nan, payload, math.inf, -math.inf, -0.0, 5e-324, 0.1, 1e308]
    path = save_state(tmp_path, {"values": values})
    assert same(load_state_file(tmp_path)["values"], values)
    json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_what_changes_its_type(tmp_path):
    save_state(tmp_path, {"tuple": (1, (2.5,)), "numpy": [np.float32(0.1), np.int64(3), np.True_]})
    state = load_state_file(tmp_path)
    assert same(state["tuple"], [1, [2.5]])
    assert same(state["numpy"], [float(np.float32(0.1)), 3, True])


def test_arrays_can_be_written_to_and_any_order_of_memory(tmp_path):
    array = np.arange(35.0).reshape(5, 7).T[::2]
    save_state(tmp_path, {"array": array})
    found = load_state_file(tmp_path)["array"]
    np.testing.assert_array_equal(found, array)
    found[0, 0] = 3


@pytest.mark.parametrize(
    "value, place",
    [
        ({"a": [1, object()]}, r"state\.a\[1\] is a object"),
        ({"a": {2: 1}}, r"state\.a has the key 2"),
        ({"a": b"bytes"}, r"state\.a is a bytes"),
        ({"a": np.array([None])}, r"state\.a is a ndarray of object"),
        ({"a": np.zeros(2, "M8[s]")}, r"state\.a is a ndarray of datetime64"),
        ({"a": np.longdouble(1)}, r"state\.a is a longdouble"),
        ({"a": {1, 2}}, r"state\.a is a set"),
    ],
)
def test_what_cannot_be_kept(tmp_path, value, place):
    with pytest.raises(TypeError, match=place):
        save_state(tmp_path, value)
    assert list(tmp_path.iterdir()) == []


def stored(state):
    return json.dumps({"format": 1, "state": state}).encode()


DAMAGED = {
    "empty": b"",
    "cut": stored({"a": 1})[:-1],
    "no object": b"[1]",
    "no state": b'{"format": 1}',
    "a later format": b'{"format": 2, "state": {}}',
    "a list": stored([1]),
    "not ASCII": "{'ä'}".encode(),
    "deep": b"[" * 100_000,
    "a pickle": pickle.dumps({"format": 1, "state": {}}),
    "a number": stored({"a": {"$float": "00"}}),
    "a number of another type": stored({"a": {"$float": 3}}),
    "an array without shape": stored({"a": {"$array": "<f4", "data": ""}}),
    "an array of objects": stored({"a": {"$array": "O", "shape": [1], "data": "AAAAAAAAAAA="}}),
    "an array of nothing known": stored({"a": {"$array": "x!", "shape": [1], "data": "AAAA"}}),
    "too short": stored({"a": {"$array": "<f4", "shape": [2], "data": "AAAAAA=="}}),
    "too long": stored({"a": {"$array": "<f4", "shape": [0], "data": "AAAAAA=="}}),
    "huge": stored({"a": {"$array": "<f4", "shape": [1 << 62], "data": ""}}),
    "negative": stored({"a": {"$array": "<f4", "shape": [-1], "data": "AAAAAA=="}}),
    "no base64": stored({"a": {"$array": "<f4", "shape": [1], "data": "AA*AAA=="}}),
    "no pairs": stored({"a": {"$dict": [[1]]}}),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damage_is_named(tmp_path, content):
    path = tmp_path / "training_state.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"training_state\.json cannot be read: .*another check"):
        load_state_file(tmp_path)


@given(data=st.data())
def test_flipped_bytes_are_read_or_named(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    state = {"a": np.arange(3.0), "b": [math.inf, 1, "x"], "$float": {"c": None}}
    content = bytearray(save_state(folder, state).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    (folder / "training_state.json").write_bytes(content)
    try:
        load_state_file(folder)
    except ValueError as error:
        assert "training_state.json cannot be read" in str(error)


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="training_state.json"):
        load_state_file(tmp_path)
