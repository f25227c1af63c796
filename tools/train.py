"""Trains a model by a PaddleSeg configuration; `paddle_ann.engine.train` is the loop."""

from __future__ import annotations

import argparse
import sys

from command_line import run
from train_parser import parser

# Options that `train` takes under the same name.
PASSED_ON = (
    *("save_dir", "resume_model", "save_interval", "log_iters", "num_workers", "use_vdl"),
    *("use_ema", "keep_checkpoint_max", "precision", "amp_level"),
)


def train(args: argparse.Namespace) -> None:
    """Builds what the configuration names and trains it."""
    import paddle
    from paddleseg.utils import utils

    from paddle_ann import session
    from paddle_ann.datasets import class_weights
    from paddle_ann.engine import train as engine_train
    from paddle_ann.pretrained import lenient

    names = ("learning_rate", "iters", "epochs", "batch_size")
    overrides = {name: getattr(args, name) for name in names}
    builder = session.start(args, own_weights=args.resume_model, **overrides)
    config = builder.config
    session.check_shuffle(config)
    train_dataset = builder.train_dataset
    class_weights.fill_in(builder)
    train_dataset.file_list *= args.repeats
    options = session.train_options(config, args)
    session.count_iterations(builder, options.accumulate)
    with lenient(args.no_strict):
        model = builder.model
    engine_train(
        utils.convert_sync_batchnorm(model, paddle.get_device().split(":")[0]),
        train_dataset,
        val_dataset=builder.val_dataset if args.do_eval else None,
        optimizer=builder.optimizer,
        losses=builder.loss,
        batch_size=config.batch_size,
        test_config=config.test_config,
        to_static_training=args.to_static_training or config.to_static_training,
        options=options,
        **session.length(config),
        **{name: getattr(args, name) for name in PASSED_ON},
    )


if __name__ == "__main__":
    sys.exit(run(train, parser()))
