"""The packages that serving needs beyond those of the package."""

from __future__ import annotations

from importlib.util import find_spec

_PACKAGES = {
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "python_multipart": "python-multipart",
}


def check_installed() -> None:
    """Raise ImportError, with the line that mends it, if one of them is absent."""
    absent = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    if absent:
        raise ImportError(
            f"Serving needs {', '.join(absent)}, not installed here: pip install {' '.join(absent)}"
        )
