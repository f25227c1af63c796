"""What `import paddle_ann` does for the processor, and that the user's own settings win."""

import os
import subprocess
import sys

import pytest

from paddle_ann import cpu

AMD = "vendor_id : AuthenticAMD\nflags : fpu avx avx2 fma\n"
INTEL = "vendor_id : GenuineIntel\nflags : fpu avx avx2 fma\n"
TUNED = ("MKL_DEBUG_CPU_TYPE", "KMP_BLOCKTIME", "OMP_NUM_THREADS", "PADDLE_ANN_COMPAT")


def after_import(expression, **environment):
    """Evaluate an expression in a fresh process that has imported the package."""
    inherited = {k: v for k, v in os.environ.items() if k not in TUNED}
    code = f"import os, paddle_ann; from paddle_ann import cpu; print({expression})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("info", "expected"), [(AMD, "5"), (INTEL, None), (AMD.replace("avx2", ""), None)]
)
def test_mkls_path_by_processor(monkeypatch, info, expected):
    monkeypatch.delenv("MKL_DEBUG_CPU_TYPE", raising=False)
    monkeypatch.setattr(cpu, "_read", lambda path: info)
    cpu.choose_mkl_path()
    assert os.environ.get("MKL_DEBUG_CPU_TYPE") == expected
    monkeypatch.delenv("MKL_DEBUG_CPU_TYPE", raising=False)


@pytest.mark.parametrize(("quota", "cores"), [("150000 100000", 1), ("300000 100000", 3)])
def test_cores_respect_the_containers_quota(monkeypatch, quota, cores):
    import psutil

    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
    monkeypatch.setattr(cpu, "_read", lambda path: quota)
    assert cpu.available_cores() == cores
    monkeypatch.setattr(cpu, "_read", lambda path: "max 100000")
    assert cpu.available_cores() == 64


def test_the_users_settings_win():
    expression = (
        "os.environ['MKL_DEBUG_CPU_TYPE'], os.environ['KMP_BLOCKTIME'], cpu.use_all_cores()"
    )
    given = dict(MKL_DEBUG_CPU_TYPE="1", KMP_BLOCKTIME="7", OMP_NUM_THREADS="1")
    assert after_import(expression, **given) == "1 7 0"


def test_switched_off_nothing_is_touched():
    expression = "'MKL_DEBUG_CPU_TYPE' in os.environ, 'KMP_BLOCKTIME' in os.environ"
    assert after_import(expression, PADDLE_ANN_COMPAT="off") == "False False"


def test_a_child_process_uses_all_cores_too():
    # Paddle writes OMP_NUM_THREADS=1 on import; inherited, it would look like the user's choice.
    grandchild = (
        "__import__('subprocess').check_output([__import__('sys').executable, '-c', "
        "'from paddle_ann import cpu; import paddle_ann; print(cpu.use_all_cores())'], text=True)"
    )
    assert after_import(grandchild) == str(cpu.available_cores())


def test_cores_are_used_by_default():
    assert after_import("cpu.use_all_cores() == cpu.available_cores()") == "True"
