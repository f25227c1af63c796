"""The commands `python -m paddle_ann doctor` and `python -m paddle_ann run SCRIPT [args...]`."""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from pathlib import Path

USAGE = """usage: python -m paddle_ann doctor
       python -m paddle_ann run SCRIPT [arguments of the script]

doctor  Shows versions, the upstream faults that bite here, and what to install.
run     Runs a script of PaddleSeg's (tools/train.py, val.py, predict.py, export.py) with this
        package imported first: PaddleSeg mended, and `type: ANN` in a YAML ours. A script inside a
        PaddleSeg checkout runs with the paddleseg of that checkout."""


def checkout_root(script: Path) -> Path | None:
    """Return the folder above a script that holds a `paddleseg` package, or None."""
    for folder in script.resolve().parents:
        if (folder / "paddleseg" / "__init__.py").is_file():
            return folder
    return None


def _uses(root: Path) -> bool:
    """True if `paddleseg` was imported from this checkout."""
    loaded = getattr(sys.modules.get("paddleseg"), "__file__", None)
    return loaded is not None and Path(loaded).resolve().parents[1] == root


def _restart_with(root: Path, arguments: list[str]) -> None:
    """Start over with the checkout first on the path: the installed one is loaded by now."""
    path = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *_flags(), "-m", "paddle_ann", "run", *arguments])


def _cannot_import(root: Path) -> int:
    """Say why the paddleseg of a checkout is not the one that was imported; return 2."""
    try:
        importlib.import_module("paddleseg.core")
        reason = f"another one is imported first, from {sys.modules['paddleseg'].__file__}"
    except ImportError as error:
        reason = f"{error}. Install what the checkout's requirements.txt asks for"
    print(
        f"python -m paddle_ann run: cannot use the paddleseg of {root}: {reason}.", file=sys.stderr
    )
    return 2


def _flags() -> list[str]:
    return [f"-W{option}" for option in sys.warnoptions]


def run(arguments: list[str]) -> int:
    """Run a script as `__main__` with our components registered.

    Args:
        arguments: The script and its arguments.

    Returns:
        2 if the script is missing or needs a paddleseg that is not there; else the script decides.
    """
    script = Path(arguments[0])
    if not script.is_file():
        print(f"python -m paddle_ann run: there is no file {script}", file=sys.stderr)
        return 2
    root = checkout_root(script)
    if root is not None and not _uses(root):
        if os.environ.get("PADDLE_ANN_RESTARTED") == str(root):
            return _cannot_import(root)
        os.environ["PADDLE_ANN_RESTARTED"] = str(root)
        _restart_with(root, arguments)
    import paddle_ann

    paddle_ann.compat  # noqa: B018  raises ImportError with the reason if PaddleSeg is broken
    sys.argv = [str(script), *arguments[1:]]
    sys.path.insert(0, str(script.resolve().parent))
    try:
        runpy.run_path(str(script), run_name="__main__")
    except ImportError as error:
        if error.name is None or not error.name.startswith(("paddleseg", "skimage", "prettytable")):
            raise
        raise ImportError(
            f"{script} needs what is not installed: {error}. A script of PaddleSeg's git goes with "
            "the paddleseg beside it: run it inside its checkout, with that checkout's "
            "requirements.txt installed."
        ) from error
    return 0


def main(arguments: list[str]) -> int:
    """Run a command.

    Returns:
        The exit status.
    """
    if arguments[:1] == ["doctor"]:
        # Not `from paddle_ann import doctor`: a broken package refuses every attribute.
        return int(importlib.import_module("paddle_ann.doctor").main())
    if arguments[:1] == ["run"] and len(arguments) > 1:
        return run(arguments[1:])
    asked = arguments[:1] in (["-h"], ["--help"])
    print(USAGE, file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
