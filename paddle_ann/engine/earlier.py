"""What stands in `save_dir` when a training begins: resumed, set aside, or never overwritten."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from paddleseg.utils import logger

from paddle_ann.checkpoint import Checkpoint, CheckpointStore
from paddle_ann.checkpoint.state import STATE_FILE
from paddle_ann.engine.best import FOLDERS

AUTO = "auto"
METRICS = ("metrics.csv", "metrics.xlsx")
LOGS = ("metrics.jsonl", "run.json", "vdlrecords.*.log")  # patterns of what else tells about it


def find_start(
    store: CheckpointStore, resume_model: str | Path | None, set_aside: bool
) -> Checkpoint | None:
    """Decide what a training starts from, and see that it overwrites nothing.

    Args:
        store: the folder of checkpoints.
        resume_model: a folder `iter_N`, 'auto', or None for a new training.
        set_aside: move what is in the way to `earlier_N`.

    Returns:
        The checkpoint to go on from; None for a new training.

    Raises:
        TypeError: if `resume_model` is no path.
        FileNotFoundError: if the folder is missing, or a file in it.
        FileExistsError: if a new training would overwrite checkpoints.
        ValueError: if the checkpoint is damaged, or its name has no number.
    """
    if not isinstance(resume_model, (str, Path, type(None))):
        raise TypeError(f"resume_model is {resume_model!r}; it must be a folder iter_N, or 'auto'.")
    for line in store.recover():
        logger.warning(line)
    if resume_model == AUTO:
        start = _newest(store)
    else:
        start = None if resume_model is None else named(Path(resume_model))
    in_the_way = _in_the_way(store, start)
    if start is None or start.path.resolve().parent != store.folder.resolve():
        alone = resume_model == AUTO and start is None  # it died before its first checkpoint
        if in_the_way and not set_aside and not alone:
            names = ", ".join(path.name for path in in_the_way[:5])
            raise FileExistsError(
                f"save_dir {store.folder} holds an earlier training ({names}"
                f"{', ...' if len(in_the_way) > 5 else ''}), which a new one would overwrite. Go "
                "on with it: resume_model='auto' (--resume auto). Or give another save_dir, or "
                "move it to a folder earlier_N in there: TrainOptions(set_aside=True), --set_aside."
            )
    if in_the_way:
        logger.info(f"Moved to {move_aside(store.folder, in_the_way)}: what stood in save_dir.")
    return start


def named(path: Path) -> Checkpoint:
    """Return the checkpoint in a folder that the user named, once it is known to be whole.

    Raises:
        FileNotFoundError: if it, or its weights or optimizer state, is missing.
        ValueError: if it is damaged, or its name has no number.
    """
    path = Path(os.path.normpath(path))
    for file in (path, path / "model.pdparams", path / "model.pdopt"):
        if not os.path.exists(file):  # nor where the system refuses the path
            raise FileNotFoundError(
                f"Cannot resume: {file} does not exist. Give a folder iter_N that train() wrote, "
                "with model.pdparams and model.pdopt (best_model has no optimizer state: load it "
                "as `pretrained`)."
            )
    number = path.name.rpartition("_")[2]
    if not number.isdecimal():
        raise ValueError(
            f"Cannot resume from {path}: its name must end in _N, the iteration, as iter_1000."
        )
    checkpoint = Checkpoint(int(number), path)
    problem = checkpoint.problem()
    if problem:
        raise ValueError(
            f"Cannot resume from {path}: {problem}. Give an earlier iter_N, or 'auto' for the "
            "newest whole one."
        )
    return checkpoint


def move_aside(folder: Path, paths: Iterable[Path]) -> Path:
    """Move files or folders to the first `earlier_N` that does not exist yet, and return it."""
    numbered = (folder / f"earlier_{number}" for number in itertools.count(1))
    target = next(path for path in numbered if not path.exists())
    target.mkdir()
    for path in paths:
        os.rename(path, target / path.name)
    return target


def _newest(store: CheckpointStore) -> Checkpoint | None:
    found, lines = store.newest_valid()
    for line in lines:
        logger.warning(line)
    if found is None and lines:
        raise ValueError(
            f"None of the checkpoints in {store.folder} is whole:\n"
            + "\n".join(f"  {line}" for line in lines)
            + "\nStart a new training in another save_dir."
        )
    if found is None:
        logger.info(f"There is no checkpoint in {store.folder} yet: a new training begins.")
    return found


def _in_the_way(store: CheckpointStore, start: Checkpoint | None) -> list[Path]:
    """List what a training from `start` would overwrite or take for its own."""
    own = start is not None and start.path.resolve().parent == store.folder.resolve()
    newest = start.iteration if start is not None and own else -1
    found = [c.path for c in store.checkpoints() if c.iteration > newest]
    for name in FOLDERS.values():
        best = store.folder / name
        if best.is_dir() and not (own and (best / STATE_FILE).exists()):
            found.append(best)
    if found and not own:
        found += told(store.folder)
    return found


def told(folder: Path) -> list[Path]:
    """List the files in which a training has told about itself."""
    return [path for name in (*METRICS, *LOGS) for path in sorted(folder.glob(name))]
