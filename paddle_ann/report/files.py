"""A report as files: `report.json`, `images.jsonl` beside it with a line per image, `report.html`.

They are read as data, whoever wrote them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from paddle_ann.checkpoint.files import hash_file, replacing
from paddle_ann.paths import check_folder
from paddle_ann.report import measures
from paddle_ann.report.content import FORMAT, number
from paddle_ann.report.page import MARK
from paddle_ann.report.recorder import Sparse

JSON, LINES, PAGE = "report.json", "images.jsonl", "report.html"


class Loaded(NamedTuple):
    """A report that was read.

    Attributes:
        content: of `report.json`.
        images: names of the n images.
        areas: pixels by class in both, prediction and label, int64 [n, 3, C].
        contours: the same of the pixels near contours.
    """

    content: dict[str, Any]
    images: list[str]
    areas: np.ndarray
    contours: np.ndarray


def check_target(folder: str | Path) -> None:
    """See before an evaluation that its report can be written afterwards.

    Raises:
        FileExistsError: if the folder is a file, or holds a file of this name that is no report's.
        ValueError: if no folder can have this name.
    """
    check_folder(folder, "--report")
    for name, mark in ((JSON, FORMAT), (LINES, '{"image"'), (PAGE, MARK)):
        path = Path(folder, name)
        if os.path.lexists(path) and not begins_with(path, mark):
            raise FileExistsError(
                f"--report: {path} exists and is no part of a report. Give another folder."
            )


def begins_with(path: Path, mark: str) -> bool:
    """Tell whether a file is one of ours: whether the mark stands at its beginning."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return mark.encode() in file.read(200)


def lines(
    images: Sequence[str],
    matrices: Sequence[Sparse],
    contours: Sequence[Sparse],
    names: Sequence[str],
) -> str:
    """Return a line of JSON for each image: scores, and the counts that they are made of.

    Args:
        images: their names.
        matrices: pixels by label and prediction.
        contours: pixels near contours, see `boundary.areas`.
        names: of the classes.
    """
    count, found = len(names), []
    for image, matrix, near in zip(images, matrices, contours):
        dense = matrix.dense(count, count)
        parts, pairs = measures.areas(dense), measures.confused(dense, 1)
        row = {
            "image": image,
            "miou": number(measures.image_iou(parts)),
            "accuracy": number(measures.accuracy(parts)),
            "confused": [names[pairs[0].label], names[pairs[0].prediction]] if pairs else None,
            "confusion": [matrix.places.tolist(), matrix.counts.tolist()],
            "contours": [near.places.tolist(), near.counts.tolist()],
        }
        found.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(found)


def write(folder: str | Path, content: Mapping[str, Any], rows: str, page: str) -> None:
    """Write the three files, each whole or not at all.

    Args:
        folder: made if it is not there.
        content: see `content.build`.
        rows: see `lines`.
        page: HTML.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    summed = {**content, "lines": hashlib.sha256(rows.encode()).hexdigest()}
    text = json.dumps(summed, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    for name, data in ((LINES, rows), (JSON, text), (PAGE, page)):
        with replacing(folder / name) as draft:
            draft.write_text(data, encoding="utf-8")


def load(folder: str | Path) -> Loaded:
    """Read a report.

    Args:
        folder: as given to `tools/val.py --report`, or the `report.json` in it.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, or something else.
    """
    path = Path(folder, JSON) if os.path.isdir(folder) else Path(folder)
    rows = path.parent / LINES
    for file in (path, rows):
        if not os.path.isfile(file):
            raise FileNotFoundError(
                f"{file} does not exist. Give a folder that tools/val.py --report wrote."
            )
    content = _content(path)
    if content["lines"] != hash_file(rows):
        raise ValueError(
            f"{rows} is not the one that {path.name} was written with: one of them was changed, or "
            "the writing was interrupted. Evaluate again with tools/val.py --report."
        )
    try:
        return _parse(content, rows.read_text(encoding="utf-8"))
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise ValueError(f"{rows} is damaged: {error!r}. Evaluate again.") from error


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        problem = f"its format is {content['format']!r}, and {FORMAT!r} is what is read"
        if content["format"] == FORMAT:
            _check(content)
            return dict(content)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        problem = repr(error)
    raise ValueError(f"{path} is no report: {problem}. tools/val.py --report writes one.")


def _check(content: dict[str, Any]) -> None:
    """Raise an error unless all is there that a comparison takes."""
    texts = [content["lines"], content["absent_classes"]]
    texts += [content["source"][name] for name in ("model", "how", "data")]
    texts += [one["name"] for one in content["classes"]]
    if not all(isinstance(text, str) for text in texts) or not content["classes"]:
        raise ValueError("a text is missing")
    float(content["boundary_ratio"])


def _parse(content: dict[str, Any], text: str) -> Loaded:
    count, rows = len(content["classes"]), [json.loads(line) for line in text.split("\n") if line]
    return Loaded(
        content,
        [str(row["image"]) for row in rows],
        np.stack([_sparse(row["confusion"], count * count).areas(count) for row in rows]),
        np.stack([_sparse(row["contours"], 3 * count).dense(3, count) for row in rows]),
    )


def _sparse(pair: Any, size: int) -> Sparse:
    places, counts = (np.array(part, np.int64) for part in pair)
    fits = places.ndim == 1 and places.shape == counts.shape and (counts >= 0).all()
    if not fits or ((places < 0) | (places >= size)).any():
        raise ValueError("counts and places do not fit")
    return Sparse(places, counts)
