"""Training that can be trusted: what `paddleseg.core.train` is after `import paddle_ann`.

A training is a `Run`. The `Loop` reads, computes (`Step`), updates, logs, saves (`Saving`) and
evaluates it; `Callback`s are plugged in.
"""

from paddle_ann.engine.callback import Callback, Run
from paddle_ann.engine.epochs import iters_per_epoch
from paddle_ann.engine.evaluation import evaluate
from paddle_ann.engine.guard import NonFiniteError
from paddle_ann.engine.options import TrainOptions
from paddle_ann.engine.signals import STOPPED, Interrupted
from paddle_ann.engine.train import Result, train

__all__ = [
    "STOPPED",
    "Callback",
    "Interrupted",
    "NonFiniteError",
    "Result",
    "Run",
    "TrainOptions",
    "evaluate",
    "iters_per_epoch",
    "train",
]
