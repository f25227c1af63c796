"""A folder of checkpoints in PaddleSeg's layout, of which a crash can damage none."""

from __future__ import annotations

import contextlib
import operator
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from paddle_ann.checkpoint import swap
from paddle_ann.checkpoint.files import explain, make_folder, remove, size_of, sync_tree
from paddle_ann.checkpoint.manifest import MANIFEST, WEIGHTS, find_problem, write_manifest

_ITERATION = re.compile(r"iter_(0|[1-9]\d*)")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")

Write = Callable[[Path], None]


class Checkpoint(NamedTuple):
    """A folder that stands for one iteration."""

    iteration: int
    path: Path

    @property
    def has_manifest(self) -> bool:
        """Whether its content can be compared byte for byte (PaddleSeg's own loop writes none)."""
        return (self.path / MANIFEST).exists()

    def problem(self) -> str | None:
        """Say what is wrong with it; None if its content is whole.

        With a manifest every file is compared by size and SHA-256. Without one (PaddleSeg's own
        loop wrote it) the weights and the optimizer's state are read, as data; that finds a file
        that is cut off, but not a flipped bit among the numbers.
        """
        return find_problem(self.path, self.iteration)


class CheckpointStore:
    """The checkpoints of one training.

    Args:
        folder: PaddleSeg's `save_dir`; made at the first save.
        keep: How many of the newest `iter_N` stay, 0 for all (PaddleSeg's keep_checkpoint_max).

    Raises:
        TypeError: If `keep` is no integer.
        ValueError: If it is negative.
    """

    def __init__(self, folder: str | Path, keep: int = 5) -> None:
        if isinstance(keep, bool) or not hasattr(keep, "__index__"):
            raise TypeError(
                f"keep_checkpoint_max is {keep!r}; it must be a whole number: 0 (keep all) or the "
                "number to keep."
            )
        if keep < 0:
            raise ValueError(
                f"keep_checkpoint_max is {keep}; it must be 0 (keep all) or the number to keep."
            )
        self.folder = Path(folder)
        self.keep = keep

    def recover(self) -> list[str]:
        """Finish or undo what interrupted saves left; call it once, before the first save.

        Returns:
            One line for each thing done.

        Raises:
            CheckpointWriteError: If the folder is not writable.
        """
        return swap.recover(self.folder) if self.folder.is_dir() else []

    # -- reading ----------------------------------------------------------------------------------

    def checkpoints(self) -> list[Checkpoint]:
        """List the folders `iter_N` by number, newest (iter_10000 after iter_9000) last."""
        if not self.folder.is_dir():
            return []
        numbered = ((_ITERATION.fullmatch(path.name), path) for path in self.folder.iterdir())
        found = [Checkpoint(int(m.group(1)), path) for m, path in numbered if m and path.is_dir()]
        return sorted(found)

    def newest_valid(self) -> tuple[Checkpoint | None, list[str]]:
        """Find the newest checkpoint whose content is whole.

        Returns:
            It, or None; and one line for each that was passed over, or has no manifest.
        """
        lines = []
        for checkpoint in reversed(self.checkpoints()):
            problem = checkpoint.problem()
            if problem:
                lines.append(f"{checkpoint.path} is passed over: {problem}.")
                continue
            if not checkpoint.has_manifest:
                lines.append(f"{checkpoint.path}: no manifest: content checked by reading.")
            return checkpoint, lines
        return None, lines

    # -- writing ----------------------------------------------------------------------------------

    def save(self, iteration: int, write: Write) -> Path:
        """Write the checkpoint of an iteration, then remove the oldest beyond `keep`.

        Checkpoints of higher iterations (of an earlier training in this folder) are not counted
        and not removed.

        Args:
            iteration: At least 0.
            write: Fills the empty folder that it is given.

        Returns:
            The folder `iter_N`.

        Raises:
            FileExistsError: If a file stands where a folder is needed.
            CheckpointWriteError: If the disk is full, the folder not writable, or the like.
        """
        iteration = operator.index(iteration)
        if iteration < 0:
            raise ValueError(f"iteration is {iteration}; it must be at least 0.")
        path = self._write(f"iter_{iteration}", iteration, write)
        self._rotate(iteration)
        return path

    def save_named(self, name: str, write: Write, iteration: int | None = None) -> Path:
        """Write or replace a checkpoint that has a name, such as `best_model`.

        Files of the user's in the replaced folder are carried over.

        Args:
            name: Of the folder: letters, digits, `_`, `-`, `.`.
            write: Fills the empty folder that it is given.
            iteration: For the manifest.

        Returns:
            The folder.

        Raises:
            ValueError: If the name is none.
            FileExistsError: If a file stands where a folder is needed.
            CheckpointWriteError: If the disk is full, the folder not writable, or the like.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot name a checkpoint: use letters, digits, '_', '-' and '.'."
            )
        return self._write(name, iteration, write)

    def _write(self, name: str, iteration: int | None, write: Write) -> Path:
        make_folder(self.folder)
        final = self.folder / name
        if not final.is_dir() and (final.exists() or final.is_symlink()):
            raise FileExistsError(
                f"{final} is a file, but a checkpoint needs a folder of this name. Move it away."
            )
        new = swap.new_path(final)
        try:
            if new.exists():  # of a save that could not even clean up
                remove(new)
            new.mkdir()
            write(new)
            write_manifest(new, iteration)
            sync_tree(new)
            swap.publish(final)
        except BaseException as error:
            written = size_of(new) if new.is_dir() else 0
            with contextlib.suppress(OSError):  # the first error is the one to tell
                remove(new)
            if isinstance(error, OSError):
                raise explain(error, final, written, self._last_size(name)) from error
            raise
        swap.clean_up(final)
        return final

    def _rotate(self, iteration: int) -> None:
        ours = [
            checkpoint
            for checkpoint in self.checkpoints()
            if checkpoint.iteration <= iteration
            and (checkpoint.has_manifest or (checkpoint.path / WEIGHTS).is_file())
        ]
        for checkpoint in ours[: -self.keep] if self.keep else []:
            swap.drop(checkpoint.path)

    def _last_size(self, name: str) -> int:
        """Bytes of the checkpoint before this one: what it will need, more or less."""
        earlier = [checkpoint.path for checkpoint in self.checkpoints()]
        same_kind = earlier if _ITERATION.fullmatch(name) else [self.folder / name]
        return size_of(same_kind[-1]) if same_kind and same_kind[-1].is_dir() else 0
