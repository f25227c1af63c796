"""All cases, and the device they run on."""

from __future__ import annotations

import os
import re
from typing import Any

from paddle_ann.benchmark.case import Case, Settings


def cases(settings: Settings) -> list[Case]:
    """Returns the cases that can run here, in the order of the report.

    Raises:
        RuntimeError: if `--graphs torch` is asked for and there is no PyTorch.
    """
    from paddle_ann.benchmark import torch_cases

    if settings.graphs == "torch":
        if not torch_cases.available():
            raise RuntimeError("--graphs torch needs PyTorch: pip install torch.")
        return list(torch_cases.graph_cases(settings))
    from paddle_ann.benchmark import (
        evaluation_cases,
        machine_cases,
        nonlocal_cases,
        paddleseg_cases,
    )

    groups: list[Any] = [paddleseg_cases, machine_cases, evaluation_cases, nonlocal_cases]
    if torch_cases.available():
        groups.insert(2, torch_cases)
    return [case for group in groups for case in group.cases(settings)]


def select(found: list[Case], pattern: str | None) -> list[Case]:
    """Returns the cases whose group and name match a regular expression, upper or lower case.

    Raises:
        ValueError: if there is none, or the pattern is no regular expression.
    """
    try:
        wanted = re.compile(pattern or "", re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"--rows {pattern!r} is no regular expression: {error}.") from error
    chosen = [case for case in found if wanted.search(f"{case.group}: {case.name}")]
    if not chosen:
        raise ValueError(f"--rows {pattern!r} matches no row; --list shows all {len(found)}.")
    return chosen


def find(name: str, settings: Settings) -> Case:
    """Returns the case of that name."""
    return next(case for case in cases(settings) if case.name == name)


def default_threads(graphs: str) -> int:
    """Returns how many threads to compute with where the user does not say."""
    if graphs == "torch":
        import torch

        return int(torch.get_num_threads())
    from paddle_ann.cpu import use_all_cores

    return use_all_cores() or int(os.environ["OMP_NUM_THREADS"])


def use_device(settings: Settings) -> None:
    """Sets device and threads in Paddle; `torch_cases` does so for PyTorch where that is measured.

    Raises:
        RuntimeError: if there is no GPU that Paddle can use.
    """
    if settings.graphs == "paddle":
        import paddle
        from paddle.base import core

        from paddle_ann.session import choose_device

        paddle.set_device(choose_device(settings.device))
        core.set_num_threads(settings.threads)


def cuda(case: Case) -> Any:
    """Returns the module that counts memory on a GPU for the case."""
    if case.framework == "torch":
        import torch

        return torch.cuda
    import paddle

    return paddle.device.cuda


def synchronize(settings: Settings, case: Case) -> None:
    """Waits until the GPU has done what it was given; on a CPU there is nothing to wait for."""
    if settings.device == "gpu":
        cuda(case).synchronize()
