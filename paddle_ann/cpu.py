"""Let Paddle use the processor it runs on.

Three defaults leave most of a machine idle under Paddle's CPU wheels. They are mended here before
the first computation, with the same results up to rounding:

* Paddle sets OMP_NUM_THREADS=1 on import, so one core does all the work.
* The matrix library it carries (MKL of 2019) takes its slowest path on processors that are not
  Intel's. MKL_DEBUG_CPU_TYPE=5, which MKL honoured until 2020, names the AVX2 path.
* glibc gives every large buffer back to the kernel when it is freed, and the next operator pays
  for fresh zeroed pages: most of the time of a ReLU or an addition. It is told to keep them.

Idle threads go to sleep after a millisecond and not, as they would, after 200 of spinning, in
which they take the core from data readers and other processes.

What the user has set, stays: OMP_NUM_THREADS, KMP_BLOCKTIME, MKL_DEBUG_CPU_TYPE or MALLOC_* in
the environment win. With PADDLE_ANN_COMPAT=off nothing is touched. `tools/benchmark_cpu.py`
measures the difference.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

MKL_AVX2 = "5"

# mallopt(3), from malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
INT_MAX = 2**31 - 1


def tune() -> None:
    """Do all of it; called on `import paddle_ann`, before Paddle computes anything."""
    os.environ.setdefault("KMP_BLOCKTIME", "1")  # milliseconds
    choose_mkl_path()
    reuse_memory()
    use_all_cores()


def choose_mkl_path() -> None:
    """Name MKL's AVX2 path where the processor has it and is not Intel's; before the first GEMM."""
    info = _read("/proc/cpuinfo")
    if "AuthenticAMD" in info and " avx2" in info:
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", MKL_AVX2)


def reuse_memory() -> None:
    """Let glibc keep freed buffers for the next operator; the process stays at its peak size."""
    user_tuned = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if user_tuned or not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, INT_MAX)


def use_all_cores() -> int:
    """Let Paddle compute on all cores this process may use; one for each rank of several.

    Returns:
        The number of threads chosen; 0 where the user's OMP_NUM_THREADS decides.
    """
    from paddle.base import core

    if _set_by_user("OMP_NUM_THREADS"):
        return 0
    # Paddle's own entry; a child process would take it for the user's.
    os.environ.pop("OMP_NUM_THREADS", None)
    threads = 1 if int(os.environ.get("PADDLE_TRAINERS_NUM", 1)) > 1 else available_cores()
    core.set_num_threads(threads)
    return threads


def available_cores() -> int:
    """Count the physical cores that affinity and the container's quota leave to this process."""
    import psutil

    cores = psutil.cpu_count(logical=False) or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    quota, _, period = _read("/sys/fs/cgroup/cpu.max").partition(" ")
    if quota.isdigit():
        cores = min(cores, max(1, int(quota) // int(period)))
    return cores


def _set_by_user(name: str) -> bool:
    """Tell whether `name` was in the environment when the process began.

    Paddle writes OMP_NUM_THREADS itself on import; what stood there before is in /proc.
    """
    initial = _read("/proc/self/environ")
    if initial:
        return any(entry.startswith(name + "=") for entry in initial.split("\0"))
    return os.environ.get(name, "1") != "1"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
