"""An archive's file: given, found or, if that was allowed, downloaded; looked for when needed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .archives import Archive, check
from .download import Patience, fetch


@dataclass
class Source:
    """Where to get an archive from.

    Attributes:
        archive: What it is.
        given: Its file, or None: look for it in `root`.
        option: 'voc' or 'sbd', as the command's options call it.
        root: Folder that a download goes to.
        download: Whether it may be downloaded.
        patience: Time limits.
    """

    archive: Archive
    given: str | os.PathLike[str] | None
    option: str
    root: Path
    download: bool
    patience: Patience

    @property
    def unneeded(self) -> tuple[Path, ...]:
        """The archive's file in `root`, if there is one."""
        path = self.root / self.archive.name
        return (path,) if path.is_file() else ()

    @property
    def _place(self) -> Path:
        return self.root / self.archive.name if self.given is None else Path(self.given)

    def check_way(self) -> None:
        """Raises FileNotFoundError if the file is not there and may not be downloaded either."""
        path = self._place
        if os.path.isfile(path):  # False too where the system refuses the path
            return
        if self.given is not None:
            raise FileNotFoundError(f"--{self.option}_archive {path}: there is no such file.")
        if not self.download:
            raise FileNotFoundError(
                f"{self.archive.name} is needed, and nothing is downloaded unasked. Allow it with "
                f"--download (about {self.archive.size / 1e9:.1f} GB from {self.archive.urls[0]}), "
                f"or give the file with --{self.option}_archive PATH, or put it at {path}."
            )

    @cached_property
    def path(self) -> Path:
        """The archive's file, its checksum right."""
        self.check_way()
        if not self._place.is_file():
            return fetch(self.archive, self._place, self.patience)
        check(self._place, self.archive)
        return self._place
