"""Random states of Python, numpy and Paddle, as plain data, restored to the last bit.

Paddle's generator is a device, a seed, an offset (GPU: how many numbers were drawn) and an engine
(CPU: a 64-bit Mersenne Twister). Paddle 3.3.1 gives all four by `__getstate__`, the engine as the
bytes of its text, and takes them by `__setstate__`. Paddle 2.6.2 gives and takes the first three;
the engine's text stands in what it prints. There the CPU's engine is restored by seeding it again
and drawing as many numbers as were drawn (see `mersenne`): exact too, but it takes time.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import paddle

from paddle_ann.checkpoint import mersenne

_core = paddle.framework.core
_CHUNK = 1 << 22
LIMIT = 3_000_000_000  # numbers to run through on 2.6.2 before giving up: about 5 minutes


def capture_random() -> dict[str, Any]:
    """Read the random states of this process; nothing is drawn or changed.

    Returns:
        Data that `save_state` can write: `python`, `numpy` (its global generator), `paddle` (`cpu`,
        and one entry per GPU in `gpu`).
    """
    version, words, gauss = random.getstate()
    kind, key, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": {"version": version, "words": np.array(words, np.uint64), "gauss": gauss},
        "numpy": {
            "kind": str(kind),
            "key": np.asarray(key),
            "position": int(position),
            "has_gauss": int(has_gauss),
            "gauss": float(cached),
        },
        "paddle": {
            "cpu": _read(_core.default_cpu_generator()),
            "gpu": [_read(generator) for generator in _gpu_generators()],
        },
    }


def restore_random(state: dict[str, Any]) -> list[str]:
    """Put this process's random states back.

    Args:
        state: From `capture_random`, in this or another process, or from a file.

    Returns:
        One line for each state that could not be restored: of GPUs that are not here, or too long
        a way to go on Paddle 2.6.2. Empty when all is exact.

    Raises:
        ValueError: If the state is damaged; then nothing was changed.
    """
    before = capture_random()
    try:
        return _restore(state)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        _restore(before)
        raise ValueError(
            f"The random states cannot be restored, they are damaged: {type(error).__name__}: "
            f"{error}. Take another checkpoint."
        ) from None


def _restore(state: dict[str, Any]) -> list[str]:
    python, legacy, ours = state["python"], state["numpy"], state["paddle"]
    words = tuple(int(word) for word in python["words"])
    random.setstate((python["version"], words, python["gauss"]))
    np.random.set_state(
        (legacy["kind"], legacy["key"], legacy["position"], legacy["has_gauss"], legacy["gauss"])
    )
    generators = _gpu_generators()
    lines = [
        line
        for generator, saved in zip(generators, ours["gpu"])
        for line in _write(generator, saved)
    ]
    lines += _write(_core.default_cpu_generator(), ours["cpu"])
    if len(generators) != len(ours["gpu"]):
        lines.append(
            f"The checkpoint has random states of {len(ours['gpu'])} GPUs, here are "
            f"{len(generators)}: numbers drawn on GPUs will not be those without the interruption."
        )
    return lines


def _gpu_generators() -> list[Any]:
    if not paddle.is_compiled_with_cuda():
        return []
    return [_core.default_cuda_generator(i) for i in range(paddle.device.cuda.device_count())]


def _read(generator: Any) -> dict[str, Any]:
    state = generator.get_state()
    device, seed, offset, *engine = state.__getstate__()
    text = bytes(engine[0]).decode("ascii") if engine else str(state).split(" ", 3)[3]
    return {"device": device, "seed": seed, "offset": offset, "engine": text.strip()}


def _write(generator: Any, saved: dict[str, Any]) -> list[str]:
    parts = [saved["device"], saved["seed"], saved["offset"]]
    if any(type(part) is not int or not -1 <= part < 1 << 64 for part in parts) or parts[2] < 0:
        raise ValueError(f"a generator of Paddle cannot have device, seed and offset {parts}")
    if not mersenne.is_engine(saved["engine"]):
        raise ValueError("an engine of Paddle is no list of 313 numbers")
    present = generator.get_state()
    if takes_engine(present):
        parts.append(list(saved["engine"].encode("ascii")))
    kind: Any = type(present)
    state = kind.__new__(kind)
    state.__setstate__(tuple(parts))
    generator.set_state(state)
    return _run_to(generator, saved)


def takes_engine(state: Any) -> bool:
    """Tell whether this Paddle can set the engine of a generator (3.3.1), or its seed only."""
    return len(state.__getstate__()) > 3


def _run_to(generator: Any, saved: dict[str, Any]) -> list[str]:
    """Draw from a CPU generator that was only seeded until it is where the saved one was."""
    engine = _read(generator)["engine"]
    if engine == saved["engine"] or saved["device"] >= 0:  # a GPU's numbers come from its offset
        return []
    draws = mersenne.count_draws(engine, saved["engine"], LIMIT)
    if draws is None:
        return [
            f"Paddle {paddle.__version__} cannot set the state of its CPU generator, and seed "
            f"{saved['seed']} does not lead to it within {LIMIT:,} numbers: random numbers will be "
            "others than without the interruption."
        ]
    device = paddle.get_device()
    paddle.set_device("cpu")
    while draws:
        paddle.uniform([min(draws, _CHUNK)])  # one number of the engine each
        draws -= min(draws, _CHUNK)
    paddle.set_device(device)
    if _read(generator)["engine"] != saved["engine"]:
        raise RuntimeError(
            f"Paddle {paddle.__version__} draws otherwise than expected: its generator's state "
            "cannot be restored. Please report this."
        )
    return []
