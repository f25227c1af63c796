"""Folders that take each other's place, such that a crash at any moment can be told and mended.

A checkpoint NAME is written to `.tmp-new-NAME` and renamed. One that is replaced steps aside to
`.tmp-old-NAME` first; one that is removed, to `.tmp-drop-NAME`. So a name without `.tmp-` always
stands for a whole checkpoint, and `recover` sees from the other names what was going on. No step
depends on a clock.
"""

from __future__ import annotations

import os
from pathlib import Path

from paddle_ann.checkpoint.files import explain, remove, sync_folder, walk_files
from paddle_ann.checkpoint.manifest import MANIFEST, find_problem, own_files

_NEW, _OLD, _DROP = ".tmp-new-", ".tmp-old-", ".tmp-drop-"


def new_path(final: Path) -> Path:
    """Return where the content of a checkpoint is written before it is whole."""
    return final.with_name(_NEW + final.name)


def publish(final: Path) -> None:
    """Put the whole checkpoint at `new_path(final)` in its place, and replace the one there.

    Files of the user's in the replaced folder are carried over.
    """
    old = final.with_name(_OLD + final.name)
    replacing = final.is_dir()
    if replacing:
        if os.path.lexists(old):
            _finish_swap(old)
        os.rename(final, old)
    try:
        os.rename(new_path(final), final)
    except BaseException:
        if replacing:
            os.rename(old, final)
        raise
    sync_folder(final.parent)


def clean_up(final: Path) -> None:
    """Remove what `publish` replaced."""
    old = final.with_name(_OLD + final.name)
    if os.path.lexists(old):
        _discard(old, final)


def drop(path: Path) -> None:
    """Remove a checkpoint; a folder of its name stays if there are files of the user's in it."""
    aside = path.with_name(_DROP + path.name)
    if os.path.lexists(aside):
        _discard(aside, path)
    os.rename(path, aside)
    _discard(aside, path)


def _discard(aside: Path, home: Path) -> None:
    """Remove a checkpoint that stepped aside; the user's files in it go to `home`."""
    if not aside.is_symlink():
        ours = own_files(aside)
        for name in walk_files(aside):
            if name not in ours:
                target = _free_name(home / name)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.rename(aside / name, target)
            elif name != MANIFEST:  # last, so that after a crash it still tells what is ours
                (aside / name).unlink()
    remove(aside)
    sync_folder(aside.parent)


def _free_name(path: Path) -> Path:
    """Return the path, or with a number after it if something has that name."""
    number, free = 0, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}.{number}")
    return free


# -- after a crash --------------------------------------------------------------------------------


def recover(folder: Path) -> list[str]:
    """Finish or undo what interrupted saves left in a folder of checkpoints.

    Returns:
        One line for each thing done.

    Raises:
        CheckpointWriteError: If the folder is not writable.
    """
    try:
        found = sorted(path for path in folder.iterdir() if path.is_dir())
        lines = [_finish_swap(path) for path in found if path.name.startswith(_OLD)]
        for path in found:
            if path.name.startswith(_DROP):
                _discard(path, folder / path.name[len(_DROP) :])
                lines.append(f"{path}: the removal of an old checkpoint was interrupted; finished.")
            elif path.name.startswith(_NEW) and path.is_dir():
                remove(path)
                lines.append(f"{path}: remains of an interrupted save removed.")
    except OSError as error:
        raise explain(error, folder) from error
    return lines


def _finish_swap(old: Path) -> str:
    """Decide an interrupted replacement: for the new one if it is whole, else for the old."""
    final = old.with_name(old.name[len(_OLD) :])
    new = new_path(final)
    if final.is_dir():
        _discard(old, final)
        return f"{final}: it was replaced, the old one is removed now."
    if (new / MANIFEST).is_file() and find_problem(new) is None:
        os.rename(new, final)
        sync_folder(final.parent)
        _discard(old, final)
        return f"{final}: its replacement was interrupted; finished."
    os.rename(old, final)
    return f"{final}: its replacement was interrupted; undone, the old one is back."
