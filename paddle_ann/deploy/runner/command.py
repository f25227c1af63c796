"""What `python run.py` in an exported folder does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .bundle import Bundle
from .engines import ENGINES
from .files import read_image, write_png


def main(folder: str | Path, arguments: Sequence[str] | None = None) -> int:
    """Classify image files by the bundle in `folder`.

    Returns:
        The exit code: 0, or 2 if something cannot be used.
    """
    parser = argparse.ArgumentParser(
        prog="run.py", description="Writes a palette PNG of class numbers for each image."
    )
    parser.add_argument("images", nargs="+", type=Path, help="image files, or .npy arrays")
    parser.add_argument("--output", required=True, type=Path, help="folder for the masks")
    parser.add_argument("--npy", action="store_true", help="write arrays instead of pictures")
    parser.add_argument("--engine", choices=ENGINES, help="default: the first that is installed")
    parser.add_argument("--threads", type=int, help="threads that compute (default: all cores)")
    args = parser.parse_args(arguments)
    try:
        targets = choose_targets(args.images, args.output, ".npy" if args.npy else ".png")
        bundle = Bundle(folder, args.engine, args.threads)
        args.output.mkdir(parents=True, exist_ok=True)
        for number, (path, target) in enumerate(zip(args.images, targets), 1):
            ids = bundle.predict(read_image(path))
            if args.npy:
                np.save(target, ids)
            else:
                write_png(target, ids, bundle.palette)
            print(f"{number}/{len(targets)} {path} -> {target}", flush=True)
    except (OSError, ValueError, ImportError) as error:
        print(f"run.py: error: {error}", file=sys.stderr)
        return 2
    return 0


def choose_targets(images: Sequence[Path], folder: Path, ending: str) -> list[Path]:
    """Name the file for each image's mask: `a.jpg.png`, so that `a.png` has another.

    Raises:
        ValueError: if two images have one name.
        FileExistsError: if a file has the name already.
    """
    targets = [folder / f"{path.name}{ending}" for path in images]
    for number, target in enumerate(targets):
        if target in targets[:number]:
            raise ValueError(f"two images would both be written as {target}; run them apart.")
        if target.exists():
            raise FileExistsError(f"{target} exists, and nothing is overwritten.")
    return targets
