"""The options of tools/train.py."""

from __future__ import annotations

import argparse

from command_line import add_precision, make_parser, not_negative, positive


def parser() -> argparse.ArgumentParser:
    """Returns the options, named as PaddleSeg's tools/train.py names them."""
    parser = make_parser("Train a model by a PaddleSeg configuration.")
    add = parser.add_argument
    add("--save_dir", default="./output", help="checkpoints and logs (default: ./output)")
    add("--iters", type=positive, help="training steps, in place of the configuration's")
    add("--epochs", type=positive, help="passes over the data, in place of iterations")
    add("--batch_size", type=positive, help="samples per device and step, likewise")
    add("--learning_rate", type=float, help="likewise")
    add("--do_eval", action="store_true", help="evaluate at each save, or each epoch, and keep "
        "the best model")  # fmt: skip
    add("--use_vdl", action="store_true", help="log to VisualDL in --save_dir")
    add("--use_ema", action="store_true", help="keep a moving average of the weights as well")
    add("--save_interval", type=positive, default=1000, help="steps between saves (default: 1000)")
    add("--log_iters", type=positive, default=10, help="steps between log lines (default: 10)")
    add("--keep_checkpoint_max", type=not_negative, default=5, help="0 keeps all (default: 5)")
    add("--resume_model", "--resume", metavar="auto|FOLDER", help="go on from a folder iter_N; "
        "auto: from the newest whole one in --save_dir, if there is any")  # fmt: skip
    add("--pretrained", metavar="FILE", help="weights of the whole network to start from, in place "
        "of the configuration's; a classifier for other classes is left out")  # fmt: skip
    add("--no_strict", action="store_true", help="use pretrained weights as far as they fit")
    add("--force_resume", action="store_true", help="although the configuration has changed")
    add("--set_aside", action="store_true", help="move an earlier training in --save_dir away")
    add("--seed", type=int, help="seed of Paddle, numpy and random")
    add("--to_static_training", action="store_true", help="compile the model with to_static")
    add("--repeats", type=positive, default=1, help="uses of a sample per epoch (default: 1)")
    add_precision(parser, ("fp32", "fp16", "bf16", "auto"))
    add_options(parser)
    return parser


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what stands in a configuration's section train_options; given here, it wins."""
    group = parser.add_argument_group("beyond PaddleSeg (train_options in YAML)")
    add = group.add_argument
    add("--accumulate", type=positive, help="batches whose gradients make one update (default: 1)")
    add("--freeze", nargs="+", metavar="LAYER", help="sublayers that stay as they are: backbone")
    add("--non_finite", choices=["stop", "skip", "rollback"], help="what to do about nan: stop "
        "(default), skip the update, or go back to the last checkpoint")  # fmt: skip
    add("--patience", type=not_negative, help="evaluations without a better mIoU before it stops")
    add("--min_delta", type=float, help="how much better counts (default: 0)")
    add("--eval_batch_size", type=positive, help="images of equal size per pass (default: 1)")
    add("--save_epochs", type=positive, help="with epochs: epochs between saves (default: 1)")
    add("--eval_epochs", type=positive, help="epochs between evaluations (default: 1)")
    add("--xlsx", action="store_true", help="write metrics.xlsx beside metrics.csv")
    add("--vdl_images", type=not_negative, help="validation images to show (default: 4)")
    add("--vdl_points", type=not_negative, help="points of each with attention (default: 3)")
    add("--vdl_histograms", type=not_negative, metavar="STEPS", help="between histograms of "
        "weights and gradients; 0 for none (default: 100)")  # fmt: skip
    add("--vdl_pr_curves", action="store_true", help="precision-recall curves of each class")
    add("--vdl_mib", type=positive, help="MiB of VisualDL's log from which on it gets curves "
        "alone (default: 256)")  # fmt: skip
