"""Scores of an evaluation, with the names of the classes, as a table and as a file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from paddle_ann.checkpoint import fields
from paddle_ann.checkpoint.files import replacing
from paddle_ann.paths import check_file

__all__ = ["load", "markdown", "save", "scores", "table"]

SCORE = fields.Kind("a number, or null", lambda value: value is None or fields.NUMBER.fits(value))
SCORES = fields.Kind(
    "a dictionary of numbers, or null, by class",
    lambda value: isinstance(value, dict) and all(map(SCORE.fits, value.values())),
)
FIELDS = {**dict.fromkeys(("mIoU", "accuracy", "kappa"), SCORE), "num_images": fields.COUNT}
FIELDS["class_iou"] = SCORES


def scores(result: Sequence[Any], names: Sequence[str], num_images: int) -> dict[str, Any]:
    """Returns what `paddleseg.core.evaluate` returned, by name and as plain numbers in [0, 1].

    Args:
        result: (mIoU, accuracy, IoU per class, precision per class, kappa).
        names: Class names by index.
        num_images: How many images were evaluated.
    """
    miou, accuracy, class_iou, class_precision, kappa = result
    return {
        "mIoU": _number(miou),
        "accuracy": _number(accuracy),
        "kappa": _number(kappa),
        "num_images": num_images,
        "class_iou": {name: _number(value) for name, value in zip(names, class_iou)},
        "class_precision": {name: _number(value) for name, value in zip(names, class_precision)},
    }


def _number(value: Any) -> float | None:
    """Returns a float; None, which JSON knows, for what is no number (a class that is absent)."""
    number = float(value)
    return number if math.isfinite(number) else None


def check_target(path: str | Path) -> None:
    """Sees before an evaluation, which may take hours, that its scores can be saved afterwards.

    Raises:
        FileExistsError: If something stands there that is no file of scores, or a file stands where
            a folder is needed.
        ValueError: If no file can have this name.
    """
    check_file(path, "The file of scores")
    path = Path(path)
    if path.is_file() and not _is_scores(path):
        raise FileExistsError(f"{path} exists and holds no scores. Give another name.")


def _is_scores(path: Path) -> bool:
    try:
        return "mIoU" in json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def save(content: Mapping[str, Any], path: str | Path) -> None:
    """Writes the scores as JSON, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")


def load(path: str | Path) -> dict[str, Any]:
    """Reads what `save` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no scores, or one is missing or no number.
    """
    path = Path(path)
    if not os.path.isfile(path):  # nor where the system refuses the path
        raise FileNotFoundError(f"{path} does not exist. tools/val.py --save_json writes it.")
    if not _is_scores(path):
        raise ValueError(f"{path} holds no scores. tools/val.py --save_json writes such a file.")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    try:
        fields.take(content, FIELDS)
    except fields.DamagedField as error:
        raise ValueError(
            f"{path} is damaged: {error}. Run tools/val.py --save_json again."
        ) from None
    return content


def markdown(contents: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns a Markdown table with a column for each evaluation and the IoU of every class.

    Args:
        contents: What `scores` returned, by the name of the column; at least one.

    Raises:
        ValueError: If two evaluations are not of the same classes and number of images.
    """
    first, *others = contents
    kinds = {name: (list(c["class_iou"]), c["num_images"]) for name, c in contents.items()}
    for name in others:
        if kinds[name] != kinds[first]:
            raise ValueError(
                f"{first} has {len(kinds[first][0])} classes and {kinds[first][1]} images, {name} "
                f"{len(kinds[name][0])} and {kinds[name][1]}, or other names of classes. Evaluate "
                "both on the same data set."
            )
    lines = [f"| | {' | '.join(contents)} |", "|---|" + "---:|" * len(contents)]
    for total in ("mIoU", "accuracy", "kappa"):
        lines.append(_row(f"**{total}**", [content[total] for content in contents.values()]))
    for name in kinds[first][0]:
        lines.append(_row(f"IoU {name}", [c["class_iou"][name] for c in contents.values()]))
    return "\n".join(lines)


def _row(name: str, values: Sequence[float | None]) -> str:
    cells = ["absent" if value is None else f"{value:.4f}" for value in values]
    return f"| {name} | {' | '.join(cells)} |"


def table(content: Mapping[str, Any]) -> str:
    """Returns the IoU of every class, a bar beside it, and the totals below, as text."""
    class_iou = content["class_iou"]
    width = max(len("pixel accuracy"), *map(len, class_iou))
    lines = [f"{name:<{width}}  {_bar(value)}" for name, value in class_iou.items()]
    lines += [
        "-" * (width + 8),
        f"{'mIoU':<{width}}  {content['mIoU']:.4f}",
        f"{'pixel accuracy':<{width}}  {content['accuracy']:.4f}",
    ]
    return "\n".join(lines)


def _bar(value: float | None) -> str:
    return "absent" if value is None else f"{value:.4f} {'█' * round(20 * value)}"
