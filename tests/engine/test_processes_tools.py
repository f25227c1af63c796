"""What several processes send, and the tools in several processes."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

from tests.engine.launcher import (
    JOB,
    ROOT,
    call,
    command,
)


@pytest.mark.slow
def test_bytes_of_a_step(root, tmp_path):
    """In a network of their own, two processes send the gradients once each, and little else."""
    if subprocess.run(["unshare", "-rn", "ip", "link", "set", "lo", "up"], check=False).returncode:
        pytest.skip("this system gives no network of one's own")
    counted = []
    for iters in (2, 22):
        out = tmp_path / f"out{iters}"
        options = {"iters": iters, "wide": True, "save_interval": 100}
        words = command(out, JOB, root, out, json.dumps(options))
        script = f"ip link set lo up && {shlex.join(words)} && grep lo: /proc/net/dev"
        done = call(["unshare", "-rn", "sh", "-c", script])
        assert done.returncode == 0, done.stdout + done.stderr
        counted.append(int(done.stdout.rsplit("lo:", 1)[1].split()[8]))
    gradients = int(done.stdout.split("bytes of gradients: ")[1].split()[0])
    sent = (counted[1] - counted[0]) / 20 / 2
    print(f"\ngradients {gradients} bytes, sent per process and step {sent:.0f} bytes")
    assert gradients < sent < 1.05 * gradients


@pytest.mark.slow
def test_the_tools(tmp_path):
    """train.py, val.py and predict.py as they are; more processes than images to predict."""
    from paddle_ann.datasets import toy_voc

    data = tmp_path / "voc"
    toy_voc.generate(data, num_train=8, num_val=5, size=(48, 48))
    config = ["--config", ROOT / "configs/ann/ann_resnet18_os8_toyvoc_96x96_500.yml"]
    options = ["--opts", f"train_dataset.dataset_root={data}", f"val_dataset.dataset_root={data}"]
    weights = ["--model_path", tmp_path / "run/best_model"]

    def tool(name, *more, together=True):
        script = [ROOT / f"tools/{name}.py", *config, *more, *options]
        words = [sys.executable, *map(str, script)]
        done = call(command(tmp_path / name, *script) if together else words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    tool("train", "--iters", 2, "--batch_size", 2, "--do_eval", "--save_dir", tmp_path / "run")
    tool("val", *weights, "--save_json", tmp_path / "two.json")
    tool("val", *weights, "--save_json", tmp_path / "one.json", "--batch_size", 3, together=False)
    assert (tmp_path / "two.json").read_text() == (tmp_path / "one.json").read_text()
    images = sorted((data / "VOC2012/JPEGImages").glob("*.jpg"))
    for number, count in enumerate((1, 3)):
        listed, to = tmp_path / f"list{number}.txt", tmp_path / f"to{number}"
        listed.write_text("".join(f"{path}\n" for path in images[:count]))
        tool("predict", *weights, "--image_path", listed, "--save_dir", to)
        assert len(list((to / "pseudo_color_prediction").rglob("*.png"))) == count
