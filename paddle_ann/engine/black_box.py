"""The black box: what a loss or gradient that is not finite was computed from.

`save_dir/black_box/iter_N.json` is for people, `iter_N.npz` holds the batch, and where the training
ends `iter_N.pdparams` the weights: `tools/replay.py` runs the batch again from them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle.nn.clip import _squared_l2_norm

from paddle_ann import scores as json_files
from paddle_ann.engine.callback import Batch, Run
from paddle_ann.engine.finite import non_finite_names, rerun, statistics
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
