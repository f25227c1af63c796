"""Random states: after a restore, in another process too, the same numbers are drawn."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys

import numpy as np
import paddle
import pytest

from paddle_ann.checkpoint import (
    capture_random,
    mersenne,
    random_state,
    restore_random,
    save_state,
)

OTHER_PROCESS = """
import json, sys
import paddle_ann, paddle
from paddle_ann.checkpoint import load_state_file, restore_random
from tests.checkpoint.test_random_state import draw
draw()
assert restore_random(load_state_file(sys.argv[1])["random"]) == []
print(json.dumps(draw()))
"""


def draw():
    """Numbers from every generator; those of training among them: dropout, shuffles, jitter."""
    return [
        random.random(),
        random.gauss(0, 1),
        np.random.standard_normal(3).tolist(),
        np.random.permutation(7).tolist(),
        paddle.rand([5]).tolist(),
        paddle.randn([3]).tolist(),
        paddle.randperm(11).tolist(),
        paddle.nn.functional.dropout(paddle.ones([101]), 0.5).tolist(),
        paddle.nn.Linear(3, 5).weight.tolist(),
    ]


def test_the_same_numbers_in_another_process(tmp_path):
    draw()
    save_state(tmp_path, {"random": capture_random()})
    expected = json.loads(json.dumps(draw()))
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OTHER_PROCESS, str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout.splitlines()[-1]) == expected


@pytest.mark.parametrize("drawn", [0, 1, 310, 311, 312, 313, 3120, 10_007])
def test_wherever_the_engine_stands(drawn):
    """Around the ends of its blocks of 312 numbers; seeds at the edges."""
    for seed in (0, 1, 2**31 - 1, 2**63 - 1):
        paddle.seed(seed)
        if drawn:
            paddle.rand([drawn])
        state = capture_random()
        expected = draw()
        draw()
        assert restore_random(state) == []
        assert draw() == expected


def test_capturing_draws_nothing():
    state = capture_random()
    expected = draw()
    restore_random(state)
    capture_random()
    assert draw() == expected


def test_half_a_pair_of_normal_numbers_is_kept():
    random.gauss(0, 1)
    np.random.standard_normal()
    state = capture_random()
    expected = random.gauss(0, 1), np.random.standard_normal()
    restore_random(state)
    assert (random.gauss(0, 1), np.random.standard_normal()) == expected


def test_only_the_seed_can_be_set(monkeypatch):
    """As on Paddle 2.6.2: seeded again, and drawn from until it stands where it stood."""
    monkeypatch.setattr(random_state, "takes_engine", lambda state: False)
    paddle.seed(7)
    paddle.rand([1009])
    state = capture_random()
    expected = draw()
    assert restore_random(state) == []
    assert draw() == expected


def test_too_far_from_the_seed(monkeypatch):
    monkeypatch.setattr(random_state, "takes_engine", lambda state: False)
    monkeypatch.setattr(random_state, "LIMIT", 1000)
    paddle.seed(7)
    paddle.rand([2003])
    lines = restore_random(capture_random())
    assert len(lines) == 1 and "within 1,000 numbers" in lines[0]


def test_another_number_of_gpus():
    state = capture_random()
    state["paddle"]["gpu"] = state["paddle"]["gpu"] + [state["paddle"]["cpu"]]
    lines = restore_random(state)
    assert len(lines) == 1 and "GPUs" in lines[0]


DAMAGE = {
    "no entry": lambda s: s.pop("numpy"),
    "Python's words": lambda s: s["python"].update(words=[1, 2]),
    "numpy's key": lambda s: s["numpy"].update(key=np.zeros(3, "uint32")),
    "numpy's kind": lambda s: s["numpy"].update(kind="PCG64"),
    "no engine": lambda s: s["paddle"]["cpu"].pop("engine"),
    "half an engine": lambda s: s["paddle"]["cpu"].update(engine="1 2 3"),
    "a text": lambda s: s["paddle"]["cpu"].update(engine="os.system"),
    "a seed": lambda s: s["paddle"]["cpu"].update(seed="1"),
    "a negative offset": lambda s: s["paddle"]["cpu"].update(offset=-1),
    "another device": lambda s: s["paddle"]["cpu"].update(device=None),
    "a huge word": lambda s: s["paddle"]["cpu"].update(engine=" ".join(["9" * 25] * 313)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_refused_and_changes_nothing(damage):
    state = copy.deepcopy(capture_random())
    damage(state)
    draw()
    before = capture_random()
    expected = draw()
    restore_random(before)
    with pytest.raises(ValueError, match="random states cannot be restored, they are damaged"):
        restore_random(state)
    assert draw() == expected


# -- the recurrence -------------------------------------------------------------------------------


def reference_block(words):
    """mt19937_64 word by word, in Python's own integers."""
    words = list(words)
    for i in range(312):
        joined = (words[i] & 0xFFFFFFFF80000000) | (words[(i + 1) % 312] & 0x7FFFFFFF)
        mixed = (joined >> 1) ^ (0xB5026F5AA96619E9 if joined & 1 else 0)
        words[i] = words[(i + 156) % 312] ^ mixed
    return words


def test_twist_is_the_recurrence():
    words = np.random.default_rng(0).integers(0, 2**64, 312, dtype=np.uint64)
    expected = reference_block(int(word) for word in words)
    assert [int(word) for word in mersenne.twist(words)] == expected


@pytest.mark.parametrize("drawn", [0, 1, 311, 312, 313, 624, 5003])
def test_draws_are_counted(drawn):
    paddle.seed(11)
    start = capture_random()["paddle"]["cpu"]["engine"]
    if drawn:
        paddle.rand([drawn])
    end = capture_random()["paddle"]["cpu"]["engine"]
    assert mersenne.count_draws(start, end, 10_000) == drawn
    assert mersenne.count_draws(end, start, 3000) == (None if drawn else 0)  # no way back
