"""A file that only grows, is written in whole pieces, and goes back to where a checkpoint was.

What is added waits in memory until `flush`, which hands it to the system in one call: it then
outlives the process, also one that is killed. `sync` waits until it outlives the machine.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paddleseg.utils import logger

from paddle_ann.checkpoint.fields import COUNT, take
from paddle_ann.checkpoint.files import sync_folder
from paddle_ann.engine.earlier import move_aside

_STATE = {"bytes": COUNT, "crc": COUNT}


class Journal:
    """Appends to a file.

    Args:
        whole: tells how many bytes at the beginning of a content are whole pieces.

    Attributes:
        path: the file; made with the first `flush` that has something to write.
        size: bytes of the file, and of what waits.
    """

    def __init__(self, whole: Callable[[bytes], int]) -> None:
        self.path: Path | None = None
        self.size = self._crc = 0
        self._whole = whole
        self._waiting: list[bytes] = []
        self._back: tuple[int, int] | None = None  # length and checksum that are to be gone back to
        self._warned = False

    def open(self, path: Path, cut_back: Callable[[Path], None]) -> None:
        """Begin with a file, or go on with it; it need not be there.

        Args:
            path: the file.
            cut_back: takes off it what comes after the checkpoint, where no state tells its length.
        """
        self.path = path
        if self._back is not None:
            self.mend()
        elif path.exists():
            cut_back(path)
            self._take_up(path.read_bytes())

    def close(self) -> None:
        """Write what waits, and leave no more in the file than that."""
        self.sync()
        self.mend()

    def add(self, piece: bytes) -> None:
        """Append one whole piece."""
        self._waiting.append(piece)
        self.size += len(piece)
        self._crc = zlib.crc32(piece, self._crc)

    def flush(self) -> None:
        """Write what waits. A disk that is full costs the pieces; that is warned about once."""
        if not self._waiting or self.path is None:
            return
        self.mend()
        content = b"".join(self._waiting)
        self._waiting.clear()
        new = not self.path.exists()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._append(self.path, content)
            if new:
                sync_folder(self.path.parent)
        except OSError as error:
            self._lose(error)

    @staticmethod
    def _append(path: Path, content: bytes) -> None:
        with open(path, "ab", buffering=0) as file:
            before = file.tell()
            try:
                written = file.write(content)
                if written != len(content):
                    raise OSError(f"{written} of {len(content)} bytes were written")
            except OSError:
                file.truncate(before)
                raise

    def _lose(self, error: OSError) -> None:
        if not self._warned:
            logger.warning(
                f"{self.path} could not be written ({error}). The training goes on; what belongs "
                "there is lost while that lasts."
            )
        self._warned = True
        if self.path is not None:
            self._take_up(self.path.read_bytes() if self.path.exists() else b"")

    def sync(self) -> None:
        """Write what waits, and wait until the file is on the disk."""
        self.flush()
        if self.path is not None and self.path.exists():
            with contextlib.suppress(OSError), open(self.path, "rb") as file:
                os.fsync(file.fileno())

    # -- going back -------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to keep; what waits is written first."""
        self.flush()
        return {"bytes": self.size, "crc": self._crc}

    def go_back(self, state: dict[str, Any]) -> None:
        """Be as long as in a state; `mend` takes what is behind it off the file."""
        found = take(state, _STATE)
        self._waiting.clear()
        self._back = self.size, self._crc = found["bytes"], found["crc"]

    def mend(self) -> None:
        """Cut the file where the checkpoint was, and take a piece off that is cut off.

        A file that does not begin as this training's did is moved to a folder `earlier_N`.
        """
        if self._back is None or self.path is None:
            return
        (size, crc), self._back = self._back, None
        content = self.path.read_bytes() if self.path.exists() else b""
        known = content[:size]
        if len(known) == size and zlib.crc32(known) != crc:
            moved = move_aside(self.path.parent, [self.path])
            logger.warning(f"{self.path.name} moved to {moved}: it is not this training's.")
            content = known = b""
        known = known[: self._whole(known)]
        if len(known) < len(content):
            os.truncate(self.path, len(known))
        self._take_up(known)

    def _take_up(self, content: bytes) -> None:
        """Count anew: what is in the file, and what waits."""
        self.size, self._crc = len(content), zlib.crc32(content)
        for piece in self._waiting:
            self.size, self._crc = self.size + len(piece), zlib.crc32(piece, self._crc)
