"""The benchmark of the deployment: rounds, what is kept, tables, and the command itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paddle_ann.benchmark import deploy_run, deploy_tables
from paddle_ann.benchmark.deploy_run import equal_share, make_tasks
from paddle_ann.benchmark.deploy_samples import Sample, Store, open_store
from paddle_ann.benchmark.deploy_sides import (
    BF16,
    EXPORT,
    INT8,
    PADDLESEG,
    TUNED,
    Stopwatch,
    Watched,
)
from paddle_ann.benchmark.deploy_worker import Worker

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = {"graph": 2, "latency": 1, "call": 3}
SECONDS = {PADDLESEG: 12.0, TUNED: 6.0, "openvino": 2.0, EXPORT + "openvino": 3.0}


class Fake:
    """A side whose answers are known; it writes down the order in which it is asked."""

    asked: list[tuple[str, ...]] = []

    def __init__(self, side: str) -> None:
        self.side = side

    def ask(self, method, *arguments):
        self.asked.append((self.side, method, *map(str, arguments)))
        if method == "latency":
            return [(i, what, 0.010) for i in range(3) for what in deploy_tables.STAGES]
        if self.side == "dying" and len(self.asked) == 2:
            raise RuntimeError("dead")
        return [(-1, "whole", SECONDS.get(self.side, 1.0) * (1 + len(self.asked) / 1e4))]

    def close(self):
        self.asked.append((self.side, "close"))


@pytest.fixture
def store(tmp_path) -> Store:
    Fake.asked = []
    return Store(tmp_path / "samples.csv", {"cores": "2"})


def test_rounds_turn_round_and_are_kept(store):
    tasks = make_tasks(["openvino"], ROUNDS)
    assert [task.name for task in tasks] == ["graph", "batch 1", "batch 4", "call"]
    assert make_tasks(["paddle"], ROUNDS, [BF16], [TUNED])[-1].sides == [TUNED, "paddle"]
    assert deploy_run.run(tasks, store, Fake)
    calls = [side for side, method, *_ in Fake.asked if method == "call"]
    assert calls == [PADDLESEG, TUNED, "openvino", "openvino", TUNED, PADDLESEG] + calls[:3]
    again = open_store(store.path, {"cores": "2"}, resume=True)
    assert again.samples == [s._replace(value=float(f"{s.value:.6g}")) for s in store.samples]
    assert again.rounds("call") == 3 and again.rounds("nothing") == 0
    asked = len(Fake.asked)
    assert deploy_run.run(tasks, again, Fake) and len(Fake.asked) == asked  # nothing is missing
    with pytest.raises(ValueError, match="cores '2', now it is '3'"):
        open_store(store.path, {"cores": "3"}, resume=True)
    assert not open_store(store.path, {"cores": "3"}, resume=False).samples


def test_a_round_that_is_cut_off_is_not_kept(store):
    task = deploy_run.Task("call", ["openvino", "dying"], "call", (), 3)
    with pytest.raises(RuntimeError, match="dead"):
        deploy_run.run([task], store, Fake)
    assert store.samples == [] and ("openvino", "close") in Fake.asked


def test_no_round_begins_when_time_is_up(store):
    assert not deploy_run.run(make_tasks(["openvino"], ROUNDS), store, Fake, seconds=0)
    assert store.samples == [] and Fake.asked == []


def test_tables(store):
    deploy_run.run(make_tasks(["openvino"], ROUNDS, [BF16, INT8]), store, Fake)
    equal = [Sample("agreement", "openvino", 0, i, "equal", v) for i, v in enumerate((1.0, 0.99))]
    store.add(equal, {})
    text = deploy_tables.markdown(store, "ANN, 3 images")
    rows = {line.split(" | ")[0][2:]: line for line in text.splitlines() if line.startswith("| ")}
    assert "| 6.00× (6.00–6.00) | 3.00× (3.00–3.00) | ≥ 3×: met |" in text
    assert rows["openvino"].endswith("| 3.00 s | 2.00 s | 1.50× (1.50–1.50) | ≥ 1.3×: met |")
    assert "| 99.5000 %, 99.0000 % |" in text and "cores 2" in text.splitlines()[-1]
    assert rows["openvino, bf16"].endswith("| 2.00 s | 1.00 s | 2.00× (2.00–2.00) |")
    assert rows["openvino, batch 4"].count("10 / 10") == 5 and "50 / 50 |" in text


def test_what_an_image_takes_is_split():
    watch = Stopwatch()
    images = []
    for image in Watched(["a", "b"], watch):
        watch.timed("network", lambda: sum(range(10000)))()
        images.append(image)
    assert images == ["a", "b"] and len(Watched(images, watch)) == 2
    assert [(n, what) for n, what, _ in watch.values] == [
        (n, what) for n in (0, 1) for what in ("network", "postprocess and write")
    ]
    assert all(seconds > 0 for _, _, seconds in watch.values)


def test_masks_are_compared_pixel_by_pixel(tmp_path):
    one = np.zeros((7, 11), np.uint8)
    other = one.copy()
    other[3, 5:8] = 2
    for name, mask in (("a", one), ("b", other), ("c", one[:5])):
        image = Image.fromarray(mask)
        image.putpalette([9, 9, 9] * 3)  # colours do not count
        image.save(tmp_path / f"{name}.png")
    assert equal_share(tmp_path / "a.png", tmp_path / "b.png") == 74 / 77
    with pytest.raises(ValueError, match="is \\(5, 11\\)"):
        equal_share(tmp_path / "a.png", tmp_path / "c.png")


def test_a_side_that_dies_says_why(tmp_path):
    with pytest.raises(RuntimeError, match="(?s)nobody ended with code 1.*nobody.log"):
        Worker("nobody", {"folder": tmp_path, "unknown": 3}, {}, tmp_path)


@pytest.mark.slow
def test_command(tmp_path):
    pytest.importorskip("paddle2onnx", reason="the extra deploy is not installed")
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- benchmark-deploy:begin -->\n<!-- benchmark-deploy:end -->\nafter\n"
    )
    command = [sys.executable, str(ROOT / "tools/benchmark_deploy.py"), "--quick", "--images=3"]
    command += ["--rounds=1", f"--output={tmp_path / 'out'}", f"--markdown={page}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    text = page.read_text()
    for part in ("| openvino |", "| PaddleSeg |", "| paddle, batch 4 |", "after", "onnxruntime 1"):
        assert part in text
    assert (tmp_path / "benchmark-deploy.csv").read_text().startswith("# date: ")
