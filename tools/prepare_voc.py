"""Prepares Pascal VOC 2012 and SBD (VOC12aug): from the archives to the folders of the configs."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from command_line import one_line, positive


def load_package() -> ModuleType:
    """Returns paddle_ann.datasets.prepare without the seconds that paddle_ann takes for Paddle."""
    folder = Path(__file__).resolve().parents[1] / "paddle_ann/datasets/prepare"
    spec = importlib.util.spec_from_file_location(
        "prepare", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} cannot be imported. Is the clone complete?")
    module = sys.modules["prepare"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--root", default="data", help="folder for VOCdevkit (default: %(default)s)")
    add("--download", action="store_true", help="fetch archives; without it nothing ever is")
    for name, file in (("voc", "VOCtrainval_11-May-2012.tar"), ("sbd", "benchmark.tgz")):
        add(f"--{name}_archive", metavar="PATH", help=f"{file} (default: ROOT/{file} if there)")
        add(f"--{name}_url", nargs="+", metavar="URL", help="mirrors, tried in this order")
    add("--voc_only", action="store_true", help="without SBD: for mode train, not trainaug")
    add("--workers", type=positive, help="processes that convert (default: one for each CPU)")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def prepare(args: argparse.Namespace) -> None:
    """Prepares and says what to do next."""
    package = load_package()
    voc, sbd = package.VOC2012, package.SBD
    voc = dataclasses.replace(voc, urls=tuple(args.voc_url or voc.urls))
    sbd = dataclasses.replace(sbd, urls=tuple(args.sbd_url or sbd.urls))
    done = package.prepare_voc(
        args.root,
        download=args.download,
        voc=voc,
        sbd=None if args.voc_only else sbd,
        voc_archive=args.voc_archive,
        sbd_archive=args.sbd_archive,
        workers=args.workers,
    )
    print(package.advice(done))


def main() -> int:
    """Runs the command and returns the exit code."""
    args = parser().parse_args()
    try:
        prepare(args)
    except KeyboardInterrupt:
        print("\nprepare_voc.py: interrupted; run it again to go on", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError, ImportError) as error:
        if args.debug:
            raise
        print(f"prepare_voc.py: error: {one_line(error)} (--debug shows where)", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
