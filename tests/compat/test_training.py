"""Guards of train, resuming, and the log of a training that fails."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg.core import evaluate
from paddleseg.utils import resume
from PIL import Image

from paddle_ann import compat
from paddle_ann.checkpoint.optimizer_state import rename_optimizer_state
from paddle_ann.compat.training import _int_of_one, sum_losses
from tests.compat import tiny


@pytest.fixture(autouse=True, scope="module")
def paddlesegs_own_loop():
    """The narrow fixes alone; our loop has tests of its own in tests/engine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PADDLE_ANN_COMPAT", "minimal")
        compat.revert()
        compat.apply()
        yield
    compat.revert()
    compat.apply()


@pytest.fixture
def root(tmp_path):
    return tiny.write_voc(tmp_path / "voc", ["a", "b", "c"])


@pytest.fixture
def start(root, tmp_path):
    """Call train on the tiny data set; arguments override."""

    def call(outputs=1, **given):
        model = given.pop("model", None) or tiny.tiny_model(outputs=outputs)
        arguments = {
            "train_dataset": given.pop("train_dataset", None) or tiny.voc(root),
            "optimizer": given.pop("optimizer", None) or tiny.sgd(model),
            "save_dir": str(tmp_path / "out"),
            "iters": 2,
            "batch_size": 2,
            "log_iters": 1,
            "losses": tiny.cross_entropies(outputs),
        }
        return sys.modules["paddleseg.core.train"].train(model, **{**arguments, **given})

    return call


def untouched(tmp_path):
    return not (tmp_path / "out").exists()


def test_more_samples_than_there_are_in_a_batch(start, tmp_path):
    with pytest.raises(ValueError, match="3 samples.*batch_size 4.*to 3"):
        start(batch_size=4)
    assert untouched(tmp_path)


def test_save_dir_that_is_a_file_stays(start, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    with pytest.raises(FileExistsError, match="notes.txt is a file"):
        start(save_dir=str(file))
    assert file.read_text() == "mine"


@pytest.mark.parametrize("given", [{"precision": "bf16"}, {"precision": "fp16", "amp_level": "O3"}])
def test_unknown_precision(start, tmp_path, given):
    with pytest.raises(ValueError, match="bf16|O3"):
        start(**given)
    assert untouched(tmp_path)


def test_fp16_on_the_cpu_warns(start, capsys):
    start(precision="fp16", iters=1)
    assert "has no effect on the CPU" in capsys.readouterr().out


@pytest.mark.parametrize(
    "losses",
    [
        *(None, {"types": [1]}, {"types": [1, 2], "coef": [1]}, {"types": None, "coef": [1]}),
        *({"types": [1], "coef": [value]} for value in (None, "1", True, float("nan"))),
    ],
)
def test_malformed_losses(start, tmp_path, losses):
    with pytest.raises(ValueError, match="losses"):
        start(losses=losses)
    assert untouched(tmp_path)


def test_losses_and_outputs_must_agree(start):
    with pytest.raises(ValueError, match="2 outputs in training, but losses has 1"):
        start(outputs=2, losses=tiny.cross_entropies(1))


@pytest.mark.parametrize("fault", ["missing", "truncated", "label"])
def test_bad_files_are_refused_before_the_first_iteration(start, root, tmp_path, fault):
    image, mask = (
        root / "VOC2012" / name for name in ("JPEGImages/b.jpg", "SegmentationClass/b.png")
    )
    if fault == "missing":
        image.unlink()
    elif fault == "truncated":
        image.write_bytes(image.read_bytes()[:400])
    else:
        Image.fromarray(np.full(tiny.SIZE, 33, "uint8")).save(mask)
    name = "b.png" if fault == "label" else "b.jpg"
    with pytest.raises((FileNotFoundError, ValueError), match=name):
        start()
    assert untouched(tmp_path)
    with pytest.raises((FileNotFoundError, ValueError), match=name):
        evaluate(tiny.tiny_model(), tiny.voc(root, "val"))


def test_validation_without_a_labelled_pixel(start, root, tmp_path):
    dataset = tiny.voc(root, "val")
    ignored = tmp_path / "ignored.png"
    Image.fromarray(np.full(tiny.SIZE, 255, "uint8")).save(ignored)
    dataset.file_list = [[image, str(ignored)] for image, _ in dataset.file_list]
    with pytest.raises(ValueError, match="3 samples and not one labelled pixel"):
        start(val_dataset=dataset)
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate(tiny.tiny_model(), dataset)


def test_classes_present_are_told(root, capsys):
    evaluate(tiny.tiny_model(), tiny.voc(root, "val"))
    assert "/21 (policy 'present'" in capsys.readouterr().out


# -- logging --------------------------------------------------------------------------------------


def test_sum_keeps_the_gradient_and_lists_losses_for_the_log():
    x = paddle.to_tensor(3.0, stop_gradient=False)
    losses = [x * 2, x * x]
    sum_losses(losses).backward()
    assert float(x.grad) == 8.0
    assert [loss.numpy()[0] for loss in losses] == [6.0, 9.0]


def test_models_with_losses_of_their_own_are_logged(start):
    model = tiny.tiny_model()
    model.loss_computation = lambda logits, losses, data: [logits[0].mean() ** 2]
    start(model=model)


def test_log_is_closed_when_training_fails(start, tmp_path, monkeypatch):
    import visualdl

    closed = []
    monkeypatch.setattr(visualdl.LogWriter, "close", lambda self: closed.append(self))

    model = tiny.tiny_model()
    model.loss_computation = lambda logits, losses, data: [logits[0].no_such_attribute]
    with pytest.raises(AttributeError):
        start(model=model, use_vdl=True)
    assert len(closed) == 1


def test_flops_takes_one_element_arrays():
    assert _int_of_one(paddle.to_tensor([7])) == 7 and _int_of_one(7.0) == 7


def test_the_model_has_its_own_entries_after_training(start):
    model = tiny.tiny_model()
    model.unused = paddle.nn.AvgPool2D(2)
    own = sorted(model.state_dict())
    start(model=model)
    assert sorted(model.state_dict()) == own


# -- resuming -------------------------------------------------------------------------------------


def test_resume_in_the_same_process_continues_exactly(start, tmp_path):
    def run(iters, resume_model=None, model=None):
        paddle.seed(0)
        model = tiny.tiny_model()
        for i, parameter in enumerate(model.parameters()):
            parameter.set_value(paddle.full(parameter.shape, 0.1 * (i + 1)))
        fixed = Fixed()
        start(
            model=model,
            optimizer=tiny.sgd(model),
            train_dataset=fixed,
            iters=iters,
            save_interval=2,
            resume_model=resume_model,
        )
        return [parameter.numpy() for parameter in model.parameters()]

    straight = run(4)
    run(2)
    resumed = run(4, resume_model=str(tmp_path / "out/iter_2"))
    for a, b in zip(straight, resumed):
        np.testing.assert_allclose(a, b, rtol=1e-6)


class Fixed(paddle.io.Dataset):
    """Equal samples, so that their order does not matter."""

    num_classes, ignore_index = 21, 255

    def __len__(self):
        return 4

    def __getitem__(self, index):
        rng = np.random.default_rng(0)
        return {
            "img": rng.normal(size=(3, 5, 7)).astype("float32"),
            "label": rng.integers(0, 21, (5, 7)),
        }


def test_resume_refuses_another_model(start, tmp_path):
    start(save_interval=2)
    other = tiny.tiny_model(num_classes=5)
    with pytest.raises(ValueError, match=r"conv.weight +\[21, 3, 1, 1\] +\[5, 3, 1, 1\]"):
        resume(other, tiny.sgd(other), str(tmp_path / "out/iter_2"))


def test_resume_names_what_is_missing(start, tmp_path):
    start(save_interval=2)
    model = tiny.tiny_model()
    folder = tmp_path / "out/iter_2"
    with pytest.raises(FileNotFoundError, match="iter_9"):
        resume(model, tiny.sgd(model), str(tmp_path / "out/iter_9"))
    folder.rename(tmp_path / "out/good")
    with pytest.raises(ValueError, match="must end in _N"):
        resume(model, tiny.sgd(model), str(tmp_path / "out/good"))
    (tmp_path / "out/good/model.pdopt").unlink()
    with pytest.raises(FileNotFoundError, match="model.pdopt.*optimizer state"):
        resume(model, tiny.sgd(model), str(tmp_path / "out/good"))


def test_renaming_swaps_names_at_once_and_whole():
    names = {"conv_1.w": "conv_2.w", "conv_2.w": "conv_1.w", "conv_1": "x"}
    state = {
        "conv_1.w_velocity_0": 1,
        "conv_2.w_velocity_0": 2,
        "conv_11.w_v": 3,
        "LR_Scheduler": {"last_epoch": 4},
        "master_weights": {"conv_1.w": 5},
    }
    assert rename_optimizer_state(state, names) == {
        "conv_2.w_velocity_0": 1,
        "conv_1.w_velocity_0": 2,
        "conv_11.w_v": 3,
        "LR_Scheduler": {"last_epoch": 4},
        "master_weights": {"conv_2.w": 5},
    }


def test_module_of_train_is_the_one_patched():
    used, patched = (sys.modules[f"paddleseg.core.{name}"].evaluate for name in ("train", "val"))
    assert used is patched
    assert Path(sys.modules["paddleseg.core.train"].__file__).name == "train.py"
