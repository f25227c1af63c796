"""Weight files, read as data: no code of theirs runs, and no weight of the model is left out."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import IO, Any

import numpy as np
import paddle

__all__ = ["check_weights", "read_weights"]

# What `paddle.save` writes for a state dict: arrays, their types, and (name, array) pairs.
_ALLOWED = {
    ("builtins", "tuple"),
    ("collections", "OrderedDict"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("_codecs", "encode"),
}


class _DataUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(
                f"it wants to run {module}.{name}, which no file of weights needs"
            )
        return super().find_class(module, name)


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Reads a `.pdparams` file without running anything that it contains.

    Args:
        path: A state dict as `paddle.save` writes it.

    Returns:
        The arrays by parameter name.

    Raises:
        ValueError: The file is truncated, is no state dict, or asks for code to be run.
    """
    with open(path, "rb") as file:
        state = _unpickle(file, path)
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds a {type(state).__name__}, not a dictionary of weights.")
    state.pop("StructuredToParameterName@@", None)
    return {
        name: np.asarray(value[1] if isinstance(value, tuple) else value)
        for name, value in state.items()
    }


def _unpickle(file: IO[bytes], path: str | Path) -> Any:
    try:
        return _DataUnpickler(file, encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, ValueError, AttributeError, IndexError) as error:
        raise ValueError(
            f"{path} cannot be read as weights: {error}. It is damaged, cut off, or no file of "
            "weights; take another checkpoint."
        ) from None


def check_weights(model: paddle.nn.Layer, path: str | Path) -> None:
    """Raises a ValueError unless the file has every weight of the model, in the model's shape.

    PaddleSeg only warns about what is missing and goes on with random numbers in its place.
    """
    found = read_weights(path)
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    missing = [name for name in wanted if name not in found]
    differing = [
        f"{name} is {found[name].shape}, the model's is {shape}"
        for name, shape in wanted.items()
        if name in found and tuple(found[name].shape) != shape
    ]
    if missing or differing:
        problems = [f"{name} is missing" for name in missing] + differing
        raise ValueError(
            f"{path} is not of this model: {len(problems)} of {len(wanted)} weights do not fit "
            f"({'; '.join(problems[:3])}{'; …' if len(problems) > 3 else ''}). Give the "
            "configuration that it was trained with."
        )
