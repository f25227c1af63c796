"""Computes on paper how training throughput should grow with GPUs. A model, not a measurement."""

from __future__ import annotations

import argparse
import sys

from command_line import make_parser, positive, run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = make_parser(
        "Compute on paper how throughput should grow with GPUs, from the model's gradients and "
        "the time of a step on one of them. This is a model, not a measurement."
    )
    add = parser.add_argument
    add("--step_ms", type=float, required=True, help="time of a training step on one GPU, "
        "measured: batch_cost of the log lines of a training")  # fmt: skip
    add("--batch_size", type=positive, help="images of that step (default: the configuration's)")
    add("--gpus_per_node", type=positive, default=8, help="GPUs of a machine (default: 8)")
    add("--inside_gbit", type=float, default=1600, metavar="GBIT/S",
        help="between GPUs of a machine, each way (default: 1600)")  # fmt: skip
    add("--network_gbit", type=float, default=100, metavar="GBIT/S",
        help="of a machine to the others, each way (default: 100)")  # fmt: skip
    add("--latency_us", type=float, default=20, help="of a round of the ring (default: 20)")
    return parser


def scaling(args: argparse.Namespace) -> None:
    """Counts the gradients of the configured model and prints the table."""
    from paddle_ann import session
    from paddle_ann.benchmark.scaling import Links, growth, table

    builder = session.start(args, own_weights="")
    trained = [p for p in builder.model.parameters() if not p.stop_gradient]
    size = sum(p.size * p.element_size() for p in trained)
    batch_size = args.batch_size or builder.config.batch_size
    links = Links(args.gpus_per_node, args.inside_gbit, args.network_gbit, args.latency_us)
    rows = growth(args.step_ms / 1e3, batch_size, size, links)
    print(
        f"A model, not a measurement. {sum(p.size for p in trained) / 1e6:.1f} million parameters "
        f"are trained: {size / 1e6:.0f} MB of gradients per GPU and step. One GPU: {batch_size} "
        f"images in {args.step_ms:g} ms. {args.gpus_per_node} GPUs per machine, "
        f"{args.inside_gbit:g} Gbit/s between them, {args.network_gbit:g} Gbit/s between machines, "
        f"{args.latency_us:g} us per round.\n\n{table(rows)}"
    )


if __name__ == "__main__":
    sys.exit(run(scaling, parser()))
