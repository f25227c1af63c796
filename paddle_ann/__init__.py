"""Asymmetric Non-local Neural Networks (ANN) for PaddleSeg.

Importing this package mends the installed PaddleSeg where it is broken (`paddle_ann.compat`) and
registers the network, so that any PaddleSeg YAML with `type: ANN` gets ours. It prints nothing.
Where Paddle or PaddleSeg cannot be imported, the package still can, so that
`python -m paddle_ann doctor` can say what is wrong; anything else then raises ImportError.
"""

from __future__ import annotations

import os
import warnings
import zlib  # noqa: F401  before paddle: Paddle 2.6.2 carries a zlib that clashes with Python's
from typing import Any, NoReturn

from paddle_ann import cpu

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "allow_downloads",
    "backbones",
    "compat",
    "convert",
    "cpu",
    "datasets",
    "fuse",
    "models",
    "nn",
]

_problem: ImportError | None = None

try:
    with warnings.catch_warnings():  # Paddle warns about a missing ccache, which nobody here needs
        warnings.simplefilter("ignore")
        if os.environ.get("PADDLE_ANN_COMPAT") != "off":
            cpu.tune()
        from paddle_ann import compat

        compat.apply()
        from paddle_ann import backbones, convert, datasets, models, nn, registry
        from paddle_ann.compat import allow_downloads
        from paddle_ann.models import fuse

        registry.register()
except ImportError as error:
    _problem = error


def __getattr__(name: str) -> Any:
    if _problem is None or name.startswith("__"):
        raise AttributeError(f"module 'paddle_ann' has no attribute {name!r}")
    _raise_import_problem(name)


def _raise_import_problem(name: str) -> NoReturn:
    raise ImportError(
        f"paddle_ann.{name} needs Paddle and PaddleSeg, and importing them failed: {_problem} "
        "Run `python -m paddle_ann doctor` to see what to install."
    ) from _problem
