"""Shows where the time of a training step, evaluate() and predict() goes, by kind of operator."""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

import command_line

from paddle_ann.benchmark import catalogue, environment, report
from paddle_ann.benchmark.case import Settings
from paddle_ann.benchmark.sizes import sizes

MARK = "benchmark-profile"


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the options; none is needed."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add, positive = parser.add_argument, command_line.positive
    add("--backbone", default="ResNet50_vd", help="PaddleSeg's name (default: ResNet50_vd)")
    add("--image", type=positive, help="side of the images (default: 512)")
    add("--threads", type=positive, help="threads (default: the cores)")
    add("--train_batch", type=positive, default=2, help="images of a train step (default: 2)")
    add("--kernels", type=command_line.not_negative, default=0, metavar="N",
        help="also list the N longest kernels of each job")  # fmt: skip
    add("--quick", action="store_true", help="tiny sizes: tests the machinery, not the speed")
    add("--markdown", type=Path, metavar="PAGE", help="also write the table into this page")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def profile(args: argparse.Namespace) -> None:
    """Profiles and prints the table."""
    from paddle_ann.benchmark import shares

    warnings.simplefilter("ignore")  # PaddleSeg's layers warn at every construction
    if args.markdown:
        report.around_marks(args.markdown, MARK)  # raises now, not after all the measuring
    threads = args.threads or catalogue.default_threads("paddle")
    settings = Settings("cpu", threads, quick=args.quick, train_batch=args.train_batch)
    catalogue.use_device(settings)
    around = environment.describe(threads, "cpu", args.quick)
    profiles = {}
    with tempfile.TemporaryDirectory() as folder:
        jobs = shares.jobs(settings, args.backbone, Path(folder), args.image)
        for name, job in jobs.items():
            print(f"{name} …", file=sys.stderr, flush=True)
            whole, kernels = shares.measure(job)
            profiles[name] = shares.by_kind(whole, kernels)
            longest = sorted(kernels.items(), key=lambda item: -item[1])[: args.kernels]
            print(*(f"{seconds:8.3f} s  {kernel}" for kernel, seconds in longest), sep="\n")
    image = args.image or sizes(args.quick).image
    title = f"ANN-{args.backbone}, training form, images {image}x{image}"
    content = f"{title}:\n\n{shares.table(profiles)}\n\n{report.circumstances(around)}"
    if args.markdown:
        report.insert(args.markdown, MARK, content)
    print(content)


if __name__ == "__main__":
    sys.exit(command_line.run(profile, make_parser()))
