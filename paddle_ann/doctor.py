"""`python -m paddle_ann doctor`: what is installed, broken, mended, and what to install.

Works without Paddle, PaddleSeg or a cv2 that can be imported: nothing of them is imported at the
top.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
import platform
import sys
import textwrap
import warnings
from dataclasses import dataclass, field

# The set that the test suite runs on; a test compares it with requirements-cpu.txt.
PINS = (
    "paddlepaddle==3.3.1",
    "paddleseg==2.8.0",
    "numpy==1.26.4",
    "opencv-python==4.5.5.64",
    "visualdl==2.5.3",
)
_DISTRIBUTIONS = {
    "paddle": ("paddlepaddle-gpu", "paddlepaddle"),
    "paddleseg": ("paddleseg",),
    "numpy": ("numpy",),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    "visualdl": ("visualdl",),
    "PIL": ("pillow",),
}
# Machine code in the registry's paddlepaddle-gpu 2.6.2, read off its fat binaries.
_GPU_262 = ((6, 1), (8, 6))
_NOT_MENDED = (
    "paddle.load itself runs the code in a file; paddle_ann.weights.read_weights does not (D4)",
    "ScalePadding interpolates labels and invents class ids; use ResizeByShort or Padding (C16)",
    "Cityscapes pairs images and labels by position: a missing label shifts the others (C17)",
    "auc_roc=True keeps all logits in memory and refuses ignored labels (C21)",
    "Paddle 2.6.2: BCELoss(pos_weight=...) has a wrong value; use Paddle 3 (C23)",
    "RandomCenterCrop needs both retain ratios below 1 (A17)",
    "resume starts best_model and EMA anew; keep a copy of best_model (C7)",
)


@dataclass
class Diagnosis:
    """Lines to print, and the problems among them.

    Attributes:
        lines: The report.
        problems: One sentence for each thing that is wrong here.
    """

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def wrong(self, problem: str) -> None:
        """Note a problem."""
        self.problems.append(problem)


def version_of(names: tuple[str, ...]) -> str | None:
    """Return 'name version' of the first of these distributions that is installed."""
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return f"{name} {importlib.metadata.version(name)}"
    return None


def import_error(name: str) -> str | None:
    """Try to import a module in silence; return what went wrong, or None."""
    silence = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(silence):
            warnings.simplefilter("ignore")
            importlib.import_module(name)
    except Exception as error:  # a broken binary module may raise anything
        return f"{type(error).__name__}: {error}".strip().splitlines()[0]
    return None


def _versions(diagnosis: Diagnosis) -> None:
    diagnosis.lines += [
        "Versions",
        f"  {'python':<10} {platform.python_version()} ({sys.platform})",
    ]
    if not (3, 9) <= sys.version_info[:2] <= (3, 12):
        diagnosis.wrong(
            "Python 3.9 to 3.12 is needed: PaddleSeg's OpenCV has no numpy beyond that."
        )
    for module, names in _DISTRIBUTIONS.items():
        installed, error = version_of(names), import_error(module)
        state = installed or ("installed" if error is None else "not installed")
        diagnosis.lines.append(f"  {module:<10} {state}" + (f"  FAILS: {error}" if error else ""))
        if error:
            diagnosis.wrong(_import_advice(module, installed, error))


def _import_advice(module: str, installed: str | None, error: str) -> str:
    if installed is None:
        return f"{module} is not installed."
    if module == "cv2" and ("numpy" in error or "_ARRAY_API" in error):
        return f"{installed} was built for numpy 1, but {version_of(('numpy',))} is installed."
    if "libGL" in error or "libgthread" in error or "libglib" in error:
        return f"{installed} needs system libraries: {error}. Install libgl1 and libglib2.0-0."
    return f"{installed} cannot be imported: {error}"


def _device(diagnosis: Diagnosis) -> None:
    import paddle

    diagnosis.lines += ["", "Device"]
    if not paddle.is_compiled_with_cuda():
        diagnosis.lines.append("  this Paddle is built for the CPU")
        return
    count = paddle.device.cuda.device_count()
    diagnosis.lines.append(f"  built for CUDA {paddle.version.cuda()}, {count} GPU(s) found")
    for index in range(count):
        properties = paddle.device.cuda.get_device_properties(index)
        capability = (properties.major, properties.minor)
        diagnosis.lines.append(
            f"  {properties.name}, compute capability {capability[0]}.{capability[1]}"
        )
        problem = gpu_problem(paddle.__version__, capability)
        if problem:
            diagnosis.wrong(f"{properties.name}: {problem}")


def gpu_problem(paddle_version: str, capability: tuple[int, int]) -> str | None:
    """Say why a Paddle has no machine code for a GPU, as far as is known.

    Args:
        paddle_version: As `paddle.__version__`.
        capability: (major, minor) of the GPU.

    Returns:
        A sentence, or None.
    """
    low, high = _GPU_262
    if not paddle_version.startswith("2.6") or low <= capability <= high:
        return None
    return (
        f"paddlepaddle-gpu {paddle_version} has machine code for compute capability "
        f"{low[0]}.{low[1]} to {high[0]}.{high[1]}, this GPU has {capability[0]}.{capability[1]}. "
        "Install a Paddle 3 GPU wheel from Paddle's own index, or run on the CPU (--device cpu)."
    )


def _faults(diagnosis: Diagnosis) -> None:
    from paddle_ann import compat

    diagnosis.lines += ["", f"  {'Upstream fault':<22} {'bites here':<11} mended"]
    for status in compat.report():
        bites, mended = ("yes" if flag else "no" for flag in (status.bites, status.mended))
        mended = mended if status.bites else "-"
        diagnosis.lines.append(f"  {status.fix.name:<22} {bites:<11} {mended}")
        diagnosis.lines += textwrap.wrap(
            status.fix.symptom, 96, initial_indent=" " * 6, subsequent_indent=" " * 6
        )
        if status.error:
            diagnosis.wrong(f"The fix {status.fix.name} failed: {status.error}")
        elif status.bites and not status.mended:
            diagnosis.wrong(
                f"The fault {status.fix.name} is here and not mended (PADDLE_ANN_COMPAT=off?)."
            )
    diagnosis.lines += ["", "Known and not mended", *(f"  {line}" for line in _NOT_MENDED)]


def diagnose() -> Diagnosis:
    """Look at the environment of this process.

    Returns:
        The report and its problems; no problems means that everything works.
    """
    diagnosis = Diagnosis()
    _versions(diagnosis)
    if not diagnosis.problems:
        _device(diagnosis)
        _faults(diagnosis)
        _package(diagnosis)
    return diagnosis


def _package(diagnosis: Diagnosis) -> None:
    import paddle_ann

    problem = getattr(paddle_ann, "_problem", None)
    if problem is not None:
        diagnosis.wrong(f"paddle_ann cannot be imported: {problem}")


def main() -> int:
    """Print the diagnosis.

    Returns:
        0 if everything works, else 1.
    """
    diagnosis = diagnose()
    print("\n".join(diagnosis.lines))
    if not diagnosis.problems:
        print("\nAll is well: every fault found here is mended.")
        return 0
    print("\nProblems")
    for problem in diagnosis.problems:
        print(f"  - {problem}")
    print("\nA set that works, on Python 3.9 to 3.12:\n  python -m pip install " + " ".join(PINS))
    return 1
