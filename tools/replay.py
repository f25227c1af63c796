"""Computes the batch of a black box again: losses, and the first layer that is not finite."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from command_line import make_parser, run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = make_parser("Compute the batch of a black box (SAVE_DIR/black_box/iter_N.json) again.")
    parser.add_argument("report", metavar="FILE", help="the report, with its .npz beside it")
    parser.add_argument(
        "--model_path",
        help="weights: a .pdparams file or its folder (default: those beside the report, which a "
        "training keeps that ends; else give the checkpoint before, iter_N)",
    )
    return parser


def replay(args: argparse.Namespace) -> None:
    """Loads model, weights and batch, and says what is not finite."""
    import paddle
    from paddleseg.utils import utils

    from paddle_ann import session
    from paddle_ann.datasets import class_weights
    from paddle_ann.engine import black_box, finite
    from paddle_ann.engine.precision import Precision
    from paddle_ann.engine.step import Step

    batches = black_box.read_batches(Path(args.report).with_suffix(".npz"))
    path = args.model_path or str(Path(args.report).with_suffix(".pdparams"))
    weights = session.weights_path(path)
    builder = session.start(args, own_weights=path)
    model = builder.model
    utils.load_entire_model(model, weights)
    model.train()
    class_weights.fill_in(builder)
    session.count_iterations(builder)
    step = Step(model, builder.optimizer, builder.loss, Precision())
    for number, batch in enumerate(batches):
        with paddle.no_grad():
            losses = [float(loss) for loss in step.compute_losses(batch)]
        print(f"Batch {number}: losses {', '.join(f'{loss:.6g}' for loss in losses)}")
    found = finite.rerun(step, batches)
    if found is None:
        print("Every layer's output is finite.")
    elif "error" in found:
        raise RuntimeError(found["error"])
    else:
        name = found["layer"] or "the model itself"
        print(
            f"First output that is not finite: {name} ({found['type']}), batch {found['batch']}; "
            f"its input is {'' if found['input_finite'] else 'not '}finite, its weights are "
            f"{'' if found['weights_finite'] else 'not '}finite."
        )


if __name__ == "__main__":
    sys.exit(run(replay, parser()))
