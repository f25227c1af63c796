"""Segments one large picture that it makes up, tile by tile, and prints the peak memory."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from command_line import positive, run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--model", required=True, metavar="DIR", help="the --save_dir of tools/export.py")
    add("--size", nargs=2, type=positive, default=[20000, 20000], metavar=("W", "H"))
    add("--tile", type=positive, default=512)
    add("--overlap", type=float, default=0.25)
    add("--engine", default="auto")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def write_picture(path: Path, width: int, height: int) -> None:
    """Writes a PNG of gradients."""
    import numpy as np

    from paddle_ann.deploy.png import PngRows

    across = np.linspace(0, 255, width).astype(np.uint8)
    with open(path, "wb") as file:
        picture = PngRows(file, width, height, "RGB")
        for top in range(0, height, 256):
            rows = np.arange(top, min(top + 256, height))
            down = (rows * 255 // height).astype(np.uint8)[:, None]
            planes = (across[None], down, down ^ across[None])
            picture.write(np.stack(np.broadcast_arrays(*planes), -1))
        picture.close()


def benchmark(args: argparse.Namespace) -> None:
    """Writes a picture into a temporary folder, segments it from there and reports."""
    from paddle_ann.deploy import Predictor
    from paddle_ann.deploy.outputs import Outputs

    predictor = Predictor(args.model, args.engine, tile=args.tile, overlap=args.overlap)
    bundle = predictor.bundle
    width, height = args.size
    os.environ.setdefault("PADDLE_ANN_MAX_PIXELS", str(width * height))
    with tempfile.TemporaryDirectory() as scratch:
        path, start = Path(scratch, "large.png"), time.perf_counter()
        write_picture(path, width, height)
        print(f"{path.name}, {width}x{height}, {time.perf_counter() - start:.0f} s", flush=True)
        for what in ("reading", "segmenting and writing ids and overlay"):
            start = time.perf_counter()
            if what == "reading":
                prepared = predictor.prepare(path)
            else:
                kinds = ("ids", "overlay")
                outputs = Outputs(Path(scratch, "out"), kinds, bundle.classes, bundle.palette)
                outputs.write("large", prepared.rows, predictor.bands(prepared))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(f"{what}: {time.perf_counter() - start:.0f} s, peak so far {peak:.2f} GiB")


if __name__ == "__main__":
    sys.exit(run(benchmark, parser()))
