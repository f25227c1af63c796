"""The same weights for every side, in every process and framework: values made from the name.

A tensor's values depend on its name and shape alone, so PaddleSeg's layer, ours and a PyTorch
transcription carry the same weights with nothing handed over. Random batch-norm statistics are
among them: with the initial ones (mean 0, variance 1) a folding error would not show.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np


def values(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Makes the float32 array of a parameter or batch-norm statistic.

    Args:
        name: the name in PaddleSeg's checkpoints, e.g. `cls.weight` or `..._variance`.
        shape: its shape.
    """
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("_variance"):
        return generator.uniform(0.5, 1.5, shape).astype(np.float32)
    normal = generator.standard_normal(shape, np.float32)
    if len(shape) > 1:
        return normal * np.float32((2 / np.prod(shape[1:])) ** 0.5)
    if name.endswith("_batch_norm.weight"):
        # Fixed statistics normalise nothing: with 1, each residual block would double the variance.
        return (0.7 if name.startswith("backbone.") else 1) + 0.1 * normal
    return 0.1 * normal


def fill(layer: Any) -> Any:
    """Gives every tensor of a Paddle layer its values, and returns the layer."""
    for name, tensor in (*layer.named_parameters(), *layer.named_buffers()):
        tensor.set_value(values(name, tuple(tensor.shape)))
    return layer


def fill_torch(module: Any) -> Any:
    """Gives every tensor of a PyTorch transcription its values, and returns the module."""
    import torch

    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if name.endswith("num_batches_tracked"):
                continue
            name = name.replace("running_mean", "_mean").replace("running_var", "_variance")
            tensor.copy_(torch.from_numpy(values(name, tuple(tensor.shape))))
    return module


def features(shape: tuple[int, ...], seed: int, negative: bool = False) -> np.ndarray:
    """Makes a map as a backbone gives it: normally distributed values, the negative ones cut."""
    array = np.random.default_rng(seed).standard_normal(shape, np.float32)
    return array if negative else np.maximum(array, 0)


def difference(reference: np.ndarray, subject: np.ndarray) -> float:
    """Returns the largest difference relative to the reference's largest value."""
    if reference.shape != subject.shape:
        raise ValueError(f"outputs of shape {reference.shape} and {subject.shape}")
    return float(np.abs(reference - subject).max() / np.abs(reference).max())
