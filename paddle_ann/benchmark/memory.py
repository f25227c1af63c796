"""The peak memory of a run, above what model and inputs hold before it.

On the CPU the kernel counts: the high-water mark of the resident memory is set back before the
run and read after it, so nothing is sampled and no short peak is missed. On a GPU the framework's
allocator counts. Each run has a process of its own, in which freed memory goes back to the system
at once: the figure is what the computation needs, the same every time, and not what the allocators
of Paddle and of the C library keep for later, which differs by a third from run to run.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_EXACT = {"FLAGS_use_system_allocator": "1", "MALLOC_MMAP_THRESHOLD_": str(2**16)}
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_on_cpu(run: Callable[[], Any]) -> int:
    """Returns the bytes of resident memory that `run` needs at its peak, above those before it.

    Raises:
        RuntimeError: if the kernel does not count them for us.
    """
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        _RESET.write_text("5")  # the high-water mark goes back to the present use
        before = _kilobytes("VmRSS")
        run()
        return 1024 * (_kilobytes("VmHWM") - before)
    except OSError as error:
        raise RuntimeError(
            f"The peak memory cannot be measured here ({error}): it needs Linux with glibc and "
            "/proc. Leave it out with --no-memory."
        ) from error


def peak_on_gpu(run: Callable[[], Any], cuda: Any) -> int:
    """Returns the bytes of tensors on the GPU at the peak of `run`, above those before it.

    Args:
        run: the job.
        cuda: `paddle.device.cuda` or `torch.cuda`.
    """
    gc.collect()
    cuda.synchronize()
    reset = getattr(cuda, "reset_peak_memory_stats", None) or cuda.reset_max_memory_allocated
    reset()
    before = cuda.memory_allocated()
    run()
    cuda.synchronize()
    return int(cuda.max_memory_allocated() - before)


def peak_in_child(case: str, side: str, settings: dict[str, Any]) -> int:
    """Builds and runs one side of a case in a process of its own and returns its peak in bytes.

    Raises:
        RuntimeError: if that process fails, with the end of what it printed.
    """
    order = json.dumps({"case": case, "side": side, "settings": settings})
    # Paddle writes OMP_NUM_THREADS=1 into our environment; the child computes as we do.
    environment = {
        **os.environ,
        **_EXACT,
        "OMP_NUM_THREADS": str(settings["threads"]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "paddle_ann.benchmark.child", order]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(
            f"Measuring the memory of {case!r}, {side}, ended with code {done.returncode}: "
            f"{done.stderr.strip()[-800:] or 'nothing printed; was the machine out of memory?'}"
        )
    return int(json.loads(done.stdout.strip().splitlines()[-1])["bytes"])


def _kilobytes(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise OSError(f"{_STATUS} has no {field}")
