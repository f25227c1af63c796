"""The registry: probes, applying once, taking back exactly."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from paddle_ann import compat
from paddle_ann.compat.fix import Fix, Patches

ROOT = Path(__file__).resolve().parents[2]


def attributes():
    """Every attribute of PaddleSeg's and Paddle's reading modules and of their classes."""
    found = {}
    for name, module in sorted(sys.modules.items()):
        if module is None or not name.startswith(("paddleseg", "paddle.io", "paddle.hapi.dynamic")):
            continue
        for key, value in vars(module).items():
            if key.startswith("__"):
                continue
            found[name, key] = value
            if isinstance(value, type) and value.__module__ == name:
                found.update({(name, key, k): v for k, v in vars(value).items()})
    return found


def changed(before, after):
    return sorted(key for key in {*before, *after} if before.get(key) is not after.get(key))


@pytest.fixture
def reverted():
    compat.revert()
    yield
    compat.revert()
    compat.apply()


def test_names_are_unique_and_every_fix_says_what_it_is():
    fixes = compat.fixes()
    assert len({fix.name for fix in fixes}) == len(fixes)
    assert all(fix.symptom and fix.cause and fix.versions for fix in fixes)


def test_what_bites_is_mended_and_no_probe_fails():
    compat.apply()
    assert [s.error for s in compat.report() if s.error] == []
    assert [s.fix.name for s in compat.report() if s.bites and not s.mended] == []


def test_a_mended_fault_is_no_longer_found(reverted):
    compat.apply()
    run = {"cross-entropy", "ohem-cross-entropy", "rmi", "dice-labels", "bootstrapped-k"}
    run |= {"confusion-count", "absent-classes", "reading-errors", "resize-by-short", "list-files"}
    run |= {
        "unknown-component",
        "loss-count",
        "predict-ranks",
        "unsafe-pickle",
    }  # the others probe by the source
    assert run <= {fix.name for fix in compat.fixes()}
    assert [fix.name for fix in compat.fixes() if fix.name in run and fix.probe()] == []


def test_revert_restores_every_attribute_and_a_second_apply_changes_nothing(reverted):
    own = attributes()
    compat.apply()
    once = attributes()
    compat.apply()
    assert changed(once, attributes()) == []
    assert ("paddleseg.core", "train") in changed(own, once)
    assert ("paddleseg.core.train", "evaluate") in changed(own, once)
    compat.revert()
    assert changed(own, attributes()) == []


def test_the_guides_imports_give_the_mended_functions(reverted):
    import paddleseg.core

    own = paddleseg.core.train
    compat.apply()
    assert paddleseg.core.train is sys.modules["paddleseg.core.train"].train is not own
    compat.revert()
    assert paddleseg.core.train is own


def test_functions_imported_before_a_revert_are_mended_again(reverted):
    compat.apply()
    names = ["train", "evaluate", "predict"]
    held = [getattr(sys.modules["paddleseg.core"], name) for name in names]
    compat.revert()
    compat.apply()
    assert [getattr(sys.modules["paddleseg.core"], name) for name in names] == held
    with pytest.raises(ValueError, match="'fp8'"):
        held[1](None, [], precision="fp8")


def test_off_applies_none(reverted, monkeypatch):
    monkeypatch.setenv("PADDLE_ANN_COMPAT", "off")
    own = attributes()
    compat.apply()
    assert changed(own, attributes()) == []
    assert any(status.bites and not status.mended for status in compat.report())


def test_applying_is_quick(reverted):
    compat.apply()  # the first use of an operator is slower
    compat.revert()
    gc.collect()
    start = time.process_time()  # other work on the machine does not count
    compat.apply()
    assert time.process_time() - start < 0.5


def test_a_fault_that_is_not_there_is_left_alone(monkeypatch):
    touched = []
    fix = Fix("x", "s", "c", "v", lambda: False, lambda patches: touched.append(1))
    status = compat._apply_one(fix)
    assert (status.bites, status.mended, touched) == (False, False, [])


def test_a_patch_that_fails_is_taken_back_and_reported():
    owner = types.SimpleNamespace(value=1)

    def patch(patches: Patches) -> None:
        patches.set(owner, "value", 2)
        raise AttributeError("gone")

    status = compat._apply_one(Fix("x", "s", "c", "v", lambda: True, patch))
    assert owner.value == 1 and not status.mended and "gone" in (status.error or "")


def test_a_probe_that_fails_is_reported():
    status = compat._probe(Fix("x", "s", "c", "v", lambda: 1 / 0 > 1, lambda patches: None))
    assert not status.bites and "ZeroDivisionError" in (status.error or "")


def test_an_added_attribute_goes_away_again():
    owner, patches = types.SimpleNamespace(), Patches()
    patches.set(owner, "sum", 1)
    patches.restore()
    assert not hasattr(owner, "sum")


def test_modules_imported_in_between_are_restored_too(monkeypatch):
    def old(): ...

    def new(): ...

    first = types.ModuleType("paddleseg.first")
    first.f = old
    monkeypatch.setitem(sys.modules, "paddleseg.first", first)
    patches = Patches()
    patches.everywhere(old, new)
    late = types.ModuleType("paddleseg.late")
    late.f = first.f
    monkeypatch.setitem(sys.modules, "paddleseg.late", late)
    assert late.f is new
    patches.restore()
    assert first.f is old and late.f is old


def test_importing_prints_nothing():
    done = subprocess.run(
        [sys.executable, "-c", "import paddle_ann"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
