"""`python -m paddle_ann run`: PaddleSeg's own scripts, with our components."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from paddle_ann.__main__ import checkout_root, main
from tests.compat import tiny

ROOT = Path(__file__).resolve().parents[1]
MIRROR = ROOT.parent / ".mirror/PaddlePaddle+PaddleSeg/repo"
CONFIG = """
batch_size: 2
iters: 3
train_dataset:
  {{type: PascalVOC, dataset_root: {root}, mode: train, transforms: [{{type: RandomPaddingCrop,
    crop_size: [40, 40]}}, {{type: Normalize}}]}}
val_dataset: {{type: PascalVOC, dataset_root: {root}, mode: val, transforms: [{{type: Normalize}}]}}
optimizer: {{type: sgd, momentum: 0.9, weight_decay: 4.0e-5}}
lr_scheduler: {{type: PolynomialDecay, learning_rate: 0.01, end_lr: 0, power: 0.9}}
loss: {{types: [{{type: CrossEntropyLoss}}], coef: [1, 0.4]}}
model:
  {{type: ANN, num_classes: 21, backbone: {{type: ResNet18_vd, output_stride: 16}},
    key_value_channels: 8, inter_channels: 16, backbone_indices: [2, 3], zero_init: true}}
"""  # zero_init: PaddleSeg's own ANN would refuse it


def python(*arguments, cwd, **env):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return subprocess.run(
        [sys.executable, "-m", "paddle_ann", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=300,
        env={**os.environ, "PYTHONPATH": path, **env},
    )


def test_script_is_main_with_its_arguments_and_folder(tmp_path):
    (tmp_path / "beside.py").write_text("NAME = 'beside'")
    (tmp_path / "script.py").write_text(
        "import sys, beside\n"
        "from paddleseg.cvlibs import manager\n"
        "print(__name__, sys.argv[1:], beside.NAME, manager.MODELS['ANN'].__module__)\n"
        "sys.exit(5)\n"
    )
    done = python("run", tmp_path / "script.py", "--flag", "a b", cwd=tmp_path)
    assert done.stdout == "__main__ ['--flag', 'a b'] beside paddle_ann.models.ann\n", done.stderr
    assert done.returncode == 5


def test_a_script_of_another_paddleseg_is_told(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from paddleseg.utils.no_such_module import x\n")
    done = python("run", script, cwd=tmp_path)
    assert done.returncode == 1 and "inside its checkout" in done.stderr


def test_usage(capsys, tmp_path):
    assert main([]) == 2 and main(["run"]) == 2 and main(["other"]) == 2
    assert main(["--help"]) == 0 and "usage:" in capsys.readouterr().out
    assert main(["run", str(tmp_path / "none.py")]) == 2
    assert "none.py" in capsys.readouterr().err


def test_checkout_root(tmp_path):
    (tmp_path / "paddleseg").mkdir()
    (tmp_path / "tools").mkdir()
    assert checkout_root(tmp_path / "tools/train.py") is None
    (tmp_path / "paddleseg/__init__.py").touch()
    assert checkout_root(tmp_path / "tools/train.py") == tmp_path.resolve()


def test_a_checkout_that_cannot_be_imported_says_why(tmp_path):
    (tmp_path / "paddleseg").mkdir()
    (tmp_path / "paddleseg/__init__.py").write_text("import no_such_package")
    (tmp_path / "script.py").write_text("print('ran')")
    done = python("run", tmp_path / "script.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No module named 'no_such_package'. Install what the checkout's" in done.stderr


@pytest.fixture(scope="module", params=["v2.8.0", "HEAD"])
def checkout(request, tmp_path_factory):
    """PaddleSeg's paddleseg/ and tools/ of one commit, from the mirror of its repository."""
    if not MIRROR.is_dir():
        pytest.skip(f"no mirror of PaddleSeg at {MIRROR}")
    if request.param == "HEAD" and importlib.util.find_spec("skimage") is None:
        pytest.skip("PaddleSeg 2.10 needs scikit-image, which is not installed")
    folder = tmp_path_factory.mktemp("checkout")
    git = ["git", "-C", str(MIRROR)]
    listed = subprocess.check_output(
        [*git, "ls-tree", "-r", "--name-only", request.param, "paddleseg", "tools/train.py"],
        text=True,
    )
    for name in listed.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        content = subprocess.check_output([*git, "show", f"{request.param}:{name}"])
        (folder / name).write_bytes(content)
    return folder


def test_paddlesegs_own_train(checkout, tmp_path):
    tiny.write_voc(tmp_path / "voc", ["a", "b", "c"])
    (tmp_path / "ann.yml").write_text(CONFIG.format(root=tmp_path / "voc"))
    done = python(
        *("run", checkout / "tools/train.py", "--config", "ann.yml", "--device", "cpu"),
        *("--do_eval", "--save_dir", "out", "--log_iters", "1"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "classes present" in done.stdout
    assert (tmp_path / "out/iter_3/model.pdparams").is_file()
    assert (tmp_path / "out/iter_3/training_state.json").is_file()  # by our loop
