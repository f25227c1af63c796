"""Checkpoints that no crash can damage, and the exact state of a training.

`store` keeps folders, `lock` keeps a second run out, `random_state` and `state` hold what
training depends on besides weights, `model_state` fills model and optimizer, all of it or nothing.
"""

from paddle_ann.checkpoint.files import CheckpointWriteError
from paddle_ann.checkpoint.lock import RunLock
from paddle_ann.checkpoint.model_state import load_model, save_model
from paddle_ann.checkpoint.random_state import capture_random, restore_random
from paddle_ann.checkpoint.state import load_state_file, save_state
from paddle_ann.checkpoint.store import Checkpoint, CheckpointStore

__all__ = [
    "Checkpoint",
    "CheckpointStore",
    "CheckpointWriteError",
    "RunLock",
    "capture_random",
    "load_model",
    "load_state_file",
    "restore_random",
    "save_model",
    "save_state",
]
