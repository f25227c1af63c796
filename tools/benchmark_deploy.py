"""Times exports and Predictor side by side with PaddleSeg's predict() and its own export."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import command_line

PACKAGES = ("onnxruntime", "openvino", "paddle2onnx", "pillow", "opencv-python")
ENGINES = ("openvino", "onnxruntime", "paddle")


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the options; none is needed."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add, positive = parser.add_argument, command_line.positive
    add("--engines", nargs="+", choices=ENGINES, default=list(ENGINES), metavar="ENGINE",
        help=f"of {', '.join(ENGINES)} (default: all)")  # fmt: skip
    add("--only", nargs="+", choices=["graph", "batch", "call"], default=["graph", "batch", "call"],
        help="exported graphs; latency of batches; whole calls (default: all)")  # fmt: skip
    add("--rounds", type=positive, default=3, help="of whole calls (default: 3)")
    add("--graph_rounds", type=positive, default=5, help="of graphs (default: 5)")
    add("--images", type=positive, default=30, help="that are segmented (default: 30)")
    add("--without_installed", action="store_true",
        help="no whole calls of PaddleSeg as it is installed, the slowest")  # fmt: skip
    add("--seconds", type=float, default=float("inf"), help="no further round after this")
    add("--quick", action="store_true", help="a small network: tests the machinery, not the speed")
    add("--resume", action="store_true", help="keep the rounds that the output folder holds")
    add("--output", type=Path, default=Path("output/benchmark_deploy"), help="for the results")
    add("--markdown", type=Path, metavar="PAGE", help="also write the tables into this page")
    add(
        "--mark", default="benchmark-deploy", help="name of the marks in it, and of a CSV beside it"
    )
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def benchmark(args: argparse.Namespace) -> None:
    """Makes what is compared, measures, and writes the tables."""
    from paddle_ann.benchmark import deploy_run, deploy_samples, deploy_tables, environment, report
    from paddle_ann.benchmark.deploy_material import Material
    from paddle_ann.benchmark.deploy_sides import BF16, ENVIRONMENTS, INT8, PADDLESEG, TUNED
    from paddle_ann.benchmark.deploy_worker import Worker
    from paddle_ann.cpu import available_cores

    if args.markdown:
        report.around_marks(args.markdown, args.mark)  # raises now, not after all the measuring
    backbone, size = ("ResNet18_vd", 64) if args.quick else ("ResNet50_vd", 512)
    given = {"folder": args.output, "backbone": backbone, "size": size, "images": args.images}
    material = Material(**given)
    material.make()
    around = environment.describe(available_cores(), "cpu", args.quick)
    around.update(environment.versions(PACKAGES))
    store = deploy_samples.open_store(args.output / "samples.csv", around, args.resume)
    rounds = {"call": args.rounds, "graph": args.graph_rounds, "latency": 1}
    precisions = [BF16, *([INT8] if material.int8.exists() else [])]
    references = (PADDLESEG, TUNED)[args.without_installed :]
    tasks = deploy_run.make_tasks(args.engines, rounds, precisions, references)
    chosen = [task for task in tasks if task.name.split()[0] in args.only]

    def start(side: str) -> Worker:
        return Worker(side, given, ENVIRONMENTS.get(side, {}), args.output)

    if not deploy_run.run(chosen, store, start, args.seconds):
        print("Not all rounds are done: go on with --resume.", file=sys.stderr)
    deploy_run.compare_masks(store, material)
    setting = f"ANN-{backbone}, {size}x{size}, {args.images} images"
    content = deploy_tables.markdown(store, setting)
    (args.output / "tables.md").write_text(content + "\n", encoding="utf-8")
    if args.markdown:
        report.insert(args.markdown, args.mark, content)
        store.write(args.markdown.with_name(f"{args.mark}.csv"))
    print(content)


if __name__ == "__main__":
    sys.exit(command_line.run(benchmark, make_parser()))
