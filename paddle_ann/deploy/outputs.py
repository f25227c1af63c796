"""What is written of a prediction: palette PNG of class numbers, overlay, confidence, entropy.

Every picture is written row by row into a file beside its place, which takes the name when it is
whole. The name is the image's own with `.png` behind it, so that `a.jpg` and `a.png` differ.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from paddle_ann.deploy.png import PngRows
from paddle_ann.deploy.prediction import Prediction
from paddle_ann.paths import check_folder
from paddle_ann.visualize import legend

_LEGEND = "legend.png"
_SHARE = 0.6  # of the image in an overlay, as in PaddleSeg's


class Kind(NamedTuple):
    """One kind of picture: PNG's mode, what the prediction must keep, and how rows are drawn."""

    mode: str
    keep: tuple[str, ...]
    draw: Callable[[np.ndarray, Prediction, np.ndarray], np.ndarray]  # rgb, prediction, palette


def overlay(rgb: np.ndarray, found: Prediction, palette: np.ndarray) -> np.ndarray:
    """Lay the colours of the classes over rows of an image: 60 % image, as PaddleSeg does.

    Args:
        rgb: (h, W, 3) uint8.
        found: the prediction for these rows.
        palette: (num_classes, 3) uint8.

    Returns:
        (h, W, 3) uint8.
    """
    shares = np.arange(256, dtype=np.float32)
    image = (shares * _SHARE)[rgb]  # a table, for speed
    image += (palette * np.float32(1 - _SHARE))[found.ids]
    return np.rint(image, out=image).astype(np.uint8)


def grey(shares: np.ndarray) -> np.ndarray:
    """Turn values from 0 to 1 into grey from 0 to 255."""
    return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)


KINDS = {
    "ids": Kind("P", (), lambda rgb, found, palette: found.ids.astype(np.uint8)),
    "overlay": Kind("RGB", (), overlay),
    "confidence": Kind("L", ("confidence",), lambda rgb, found, palette: grey(found.confidence)),
    "entropy": Kind("L", ("entropy",), lambda rgb, found, palette: grey(found.entropy)),
}


def places(folder: str | os.PathLike[str]) -> list[Path]:
    """List what a run with this folder may write: a folder for each kind, and the legend."""
    return [*(Path(folder) / kind for kind in KINDS), Path(folder) / _LEGEND]


class Outputs:
    """Writes predictions below a folder, each kind in one of its own: `overlay/a.jpg.png`.

    Args:
        folder: it is made when something is written.
        kinds: names of `KINDS`.
        classes: their names.
        palette: their colours, (num_classes, 3) uint8.
        overwrite: replace files that are there.

    Raises:
        ValueError: if a kind is unknown, or there are too many classes for it.
        FileExistsError: if the folder is a file.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        kinds: Sequence[str],
        classes: Sequence[str],
        palette: np.ndarray,
        overwrite: bool = False,
    ) -> None:
        if not kinds or set(kinds) - set(KINDS):
            raise ValueError(f"outputs must be of {', '.join(KINDS)}; received {list(kinds)}.")
        if "ids" in kinds and len(classes) > 256:
            raise ValueError(
                f"A PNG of ids holds 256 classes at most, and there are {len(classes)}; leave ids "
                "out, or use Predictor from Python."
            )
        check_folder(folder, "the folder for results")
        self.folder, self.kinds, self.overwrite = Path(folder), tuple(kinds), overwrite
        self.classes, self.palette = classes, palette
        self.keep = tuple({name for kind in kinds for name in KINDS[kind].keep})

    def targets(self, name: str) -> list[Path]:
        """List the files for an image of this name, which may hold folders."""
        return [self.folder / kind / f"{name}.png" for kind in self.kinds]

    def check(self, name: str) -> None:
        """Raise FileExistsError if a file would be overwritten that may not."""
        for path in self.targets(name):
            if not self.overwrite and os.path.lexists(path):
                raise FileExistsError(
                    f"{path} exists, and nothing is overwritten: give another folder, or "
                    "overwrite=True (--overwrite)."
                )

    def write(self, name: str, rows: Any, bands: Iterable[tuple[int, Prediction]]) -> None:
        """Write all kinds for one image, or nothing if that fails.

        Args:
            name: of the image; it may hold folders.
            rows: the image, as `open_rows` gives it.
            bands: as `Predictor.bands` gives them.

        Raises:
            FileExistsError: as `check`.
            OSError: if a file cannot be written.
        """
        self.check(name)
        height, width = rows.shape[:2]
        with ExitStack() as stack:
            files = [stack.enter_context(_draft(path)) for path in self.targets(name)]
            modes = [KINDS[kind].mode for kind in self.kinds]
            pictures = [
                PngRows(file, width, height, mode, self.palette if mode == "P" else None)
                for file, mode in zip(files, modes)
            ]
            for top, found in bands:
                rgb = rows[top : top + len(found.ids)] if "overlay" in self.kinds else np.empty(0)
                for kind, picture in zip(self.kinds, pictures):
                    picture.write(KINDS[kind].draw(rgb, found, self.palette))
            for picture in pictures:
                picture.close()
            self.check(name)

    def write_legend(self) -> Path:
        """Write `legend.png`: number, name and colour of every class.

        Raises:
            FileExistsError: if another legend is there that may not be overwritten.
        """
        names = [f"{i} {' '.join(name.split())[:80]}" for i, name in enumerate(self.classes)]
        content = io.BytesIO()
        legend(list(zip(names, self.palette)), width=640).save(content, "PNG")
        path = self.folder / _LEGEND
        if os.path.lexists(path) and not self.overwrite:
            if not path.is_file() or path.read_bytes() != content.getvalue():
                raise FileExistsError(
                    f"{path} is there already, of other classes: give another folder, or "
                    "overwrite=True (--overwrite)."
                )
            return path
        with _draft(path) as file:
            file.write(content.getvalue())
        return path


@contextmanager
def _draft(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside `path` that takes its name at the end; if that is not reached, it goes.

    Unlike `checkpoint.files.replacing` it does not wait for the disk: results can be had again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{os.getpid()}.part")
    try:
        with open(draft, "wb") as file:
            yield file
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
