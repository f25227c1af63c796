"""The black box: what a loss or gradient that is not finite was computed from.

`save_dir/black_box/iter_N.json` is for people, `iter_N.npz` holds the batch, and where the training
ends `iter_N.pdparams` the weights: `tools/replay.py` runs the batch again from them.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle.nn.clip import _squared_l2_norm

from paddle_ann import scores as json_files
from paddle_ann.checkpoint import capture_random, restore_random
from paddle_ann.engine.callback import Batch, Run
from paddle_ann.engine.data import RANDOM_LOCK
from paddle_ann.engine.step import Step

FOLDER = "black_box"
LARGEST = 10  # gradient norms that are listed
MOST_LABELS = 300  # distinct labels of a batch that are counted


def describe(run: Run, step: Step, dataset: Any, facts: dict[str, Any]) -> dict[str, Any]:
    """Describe the update that is being made; the training is left as it is.

    Args:
        run: the run, with its batches and gradients, before its weights are updated.
        step: model, losses and precision.
        dataset: the training set, for the names of the files.
        facts: what else is to be in the report.

    Returns:
        What JSON can hold; numbers that are not finite are texts.
    """
    parameters, changed = dict(run.model.named_parameters()), statistics(run.model)
    kept = {name: value for name, value in parameters.items() if name not in changed}
    content = {
        "iteration": run.iteration,
        "epoch": run.epoch,
        **facts,
        "loss": run.loss,
        "losses": run.losses,
        "learning_rate": run.learning_rate,
        "first_non_finite_layer": rerun(step, run.batches),
        "non_finite_parameters": non_finite_names(kept),
        "non_finite_statistics": non_finite_names(changed),  # after this forward pass
        "gradients": describe_gradients(parameters),
        "batches": [
            {"samples": describe_samples(samples, dataset), "arrays": describe_batch(batch)}
            for batch, samples in zip(run.batches, run.samples)
        ],
    }
    return _plain(content)


def save(content: dict[str, Any], run: Run, keep_weights: bool) -> Path:
    """Write a report, its batch, and the weights if wanted; nothing is written over.

    Returns:
        The report, a JSON file in `run.save_dir / 'black_box'`.

    Raises:
        OSError: if it cannot be written.
    """
    folder = run.save_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = _free(folder, f"iter_{run.iteration}" + (f"_rank_{run.rank}" if run.rank else ""))
    np.savez(path.with_suffix(".npz"), **_arrays(run.batches))
    if keep_weights:
        paddle.save(run.model.state_dict(), str(path.with_suffix(".pdparams")))
    json_files.save(content, path)
    return path


# -- what is in it --------------------------------------------------------------------------------


def describe_samples(samples: Sequence[int], dataset: Any) -> list[dict[str, Any]]:
    """Return index and files of each sample; no files where the data set has no `file_list`."""
    files = getattr(dataset, "file_list", None) or []

    def entry(index: int) -> list[str]:
        found = files[index] if index < len(files) else []
        return [str(path) for path in ([found] if isinstance(found, (str, Path)) else found)]

    return [{"index": index, "files": entry(index)} for index in samples]


def describe_batch(batch: Batch) -> dict[str, Any]:
    """Return shape and range of each tensor, with the number of its values that are not finite.

    Integer tensors get the counts of their values instead of a range.
    """
    return {name: _describe(tensor.numpy()) for name, tensor in _tensors(batch).items()}


def _describe(array: np.ndarray) -> dict[str, Any]:
    found: dict[str, Any] = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if array.dtype.kind in "iub":
        values, counts = np.unique(array, return_counts=True)
        pairs = list(zip(values.tolist(), counts.tolist()))[:MOST_LABELS]
        return {**found, "non_finite": 0, "histogram": {str(value): n for value, n in pairs}}
    finite = array[np.isfinite(array)]
    found["non_finite"] = int(array.size - finite.size)
    if finite.size:
        found["range"] = [float(finite.min()), float(finite.max())]
    return found


def describe_gradients(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the names of non-finite gradients and the largest of the norms of the others."""
    norms = {
        name: math.sqrt(_squared_l2_norm(parameter.grad.astype("float32")).item())
        for name, parameter in parameters.items()
        if parameter.grad is not None
    }
    finite = {name: norm for name, norm in norms.items() if math.isfinite(norm)}
    largest = sorted(finite.items(), key=lambda item: -item[1])[:LARGEST]
    return {
        "non_finite": [name for name in norms if name not in finite],
        "finite": len(finite),
        "largest_norms": dict(largest),
    }


def non_finite_names(tensors: dict[str, Any]) -> list[str]:
    """Return the names of the tensors that hold nan or an infinity."""
    return [name for name, tensor in tensors.items() if not is_finite(tensor)]


def is_finite(tensor: Any) -> bool:
    """Tell whether every number is finite; integers are."""
    return not paddle.is_floating_point(tensor) or bool(paddle.isfinite(tensor).all())


def statistics(model: paddle.nn.Layer) -> dict[str, paddle.Tensor]:
    """Return what a forward pass may change: the untrained tensors of layers in training mode.

    Mean and variance of batch norm are among them; in Paddle they are parameters without gradient.
    """
    found = {}
    for prefix, layer in model.named_sublayers(include_self=True):
        own = [*layer._parameters.items(), *layer._buffers.items()] if layer.training else []
        for name, tensor in own:
            if tensor is not None and tensor.stop_gradient:
                found[f"{prefix}.{name}".lstrip(".")] = tensor
    return found


# -- the batch again ------------------------------------------------------------------------------


def rerun(step: Step, batches: Sequence[Batch]) -> dict[str, Any] | None:
    """Find the first layer whose output is not finite when the batches are computed once more.

    Weights and mode are those of the update; dropout draws anew. Batch-norm statistics and random
    states are put back.

    Returns:
        `layer` (its name in the model, '' for the model's own forward), `type`, `batch` (counted
        from 0), `input_finite`, `weights_finite`; or `error` if the batch cannot be computed; None
        if every output is finite.
    """
    before = [(tensor, tensor.clone()) for tensor in statistics(step.model).values()]
    with RANDOM_LOCK:
        random = capture_random()
    paddle.jit.enable_to_static(False)  # a compiled model calls no hooks
    try:
        for number, batch in enumerate(batches):
            found = first_non_finite(step.model, functools.partial(_compute, step, batch))
            if found is not None:
                return {"batch": number, **found}
        return None
    except Exception as error:  # a report on one failure must not hide it behind another
        return {"error": f"The batch could not be computed again: {type(error).__name__}: {error}"}
    finally:
        paddle.jit.enable_to_static(True)
        with RANDOM_LOCK:
            restore_random(random)
        for tensor, saved in before:
            tensor.set_value(saved)


def _compute(step: Step, batch: Batch) -> Any:
    with paddle.no_grad(), step.precision.autocast():
        return step.compute_losses(batch)


def first_non_finite(model: paddle.nn.Layer, compute: Callable[[], Any]) -> dict[str, Any] | None:
    """Run `compute`, and describe the first layer of the model whose output is not finite."""
    found: list[dict[str, Any]] = []

    def make_hook(name: str) -> Callable[..., None]:
        def hook(layer: paddle.nn.Layer, inputs: Any, outputs: Any) -> None:
            if not found and not all(map(is_finite, _flatten(outputs))):
                own = [*layer.parameters(), *layer.buffers()]
                found.append(
                    {
                        "layer": name,
                        "type": type(layer).__name__,
                        "input_finite": all(map(is_finite, _flatten(inputs))),
                        "weights_finite": all(map(is_finite, own)),
                    }
                )

        return hook

    named = model.named_sublayers(include_self=True)
    hooks = [layer.register_forward_post_hook(make_hook(name)) for name, layer in named]
    try:
        compute()
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def _flatten(thing: Any) -> list[paddle.Tensor]:
    if isinstance(thing, paddle.Tensor):
        return [thing]
    if isinstance(thing, dict):
        thing = list(thing.values())
    if isinstance(thing, (list, tuple)):
        return [tensor for item in thing for tensor in _flatten(item)]
    return []


# -- files ----------------------------------------------------------------------------------------


def _free(folder: Path, name: str) -> Path:
    """Return the first path of this name, then name_2, name_3, ..., that is not there yet."""
    numbered = (f"{name}_{number}" for number in itertools.count(2))
    names = itertools.chain([name], numbered)
    return next(p for n in names if not (p := folder / f"{n}.json").exists())


def _tensors(batch: Batch) -> dict[str, paddle.Tensor]:
    return {name: value for name, value in batch.items() if isinstance(value, paddle.Tensor)}


def _arrays(batches: Sequence[Batch]) -> dict[str, np.ndarray]:
    return {
        f"{number}.{name}": tensor.numpy()
        for number, batch in enumerate(batches)
        for name, tensor in _tensors(batch).items()
    }


def read_batches(path: Path) -> list[Batch]:
    """Read the batches of a report from its `.npz`, as tensors.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged.
    """
    batches: dict[int, Batch] = {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for key in arrays.files:
                number, _, name = key.partition(".")
                batches.setdefault(int(number), {})[name] = paddle.to_tensor(arrays[key])
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist; it stands beside the report.") from None
    except Exception as error:  # of zipfile, zlib or numpy, by what is damaged
        raise ValueError(f"{path} is no batch of a black box: {error}") from None
    return [batches[number] for number in sorted(batches)]


def _plain(thing: Any) -> Any:
    """Make it JSON: numbers that are not finite become texts."""
    if isinstance(thing, dict):
        return {key: _plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_plain(value) for value in thing]
    return str(thing) if isinstance(thing, float) and not math.isfinite(thing) else thing
