"""Pictures of single images: what the network sees, what it should say, says, and how surely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import paddle
import paddle.nn.functional as F
from PIL import Image, ImageDraw

from paddle_ann.engine.evaluation import evaluating
from paddle_ann.engine.inference import Inference
from paddle_ann.fonts import font_for
from paddle_ann.report import measures, pictures
from paddle_ann.visualize import legend

_GAP, _TEXT = 10, 15
Entry = tuple[str, Any]


class Predicted(NamedTuple):
    """What a model says of an image: class ids [h, w], and their probabilities, float32 [h, w]."""

    ids: np.ndarray
    confidence: np.ndarray


class Sheet(NamedTuple):
    """Pictures of one image by title, uint8 [h, w, 3] each, a caption and a legend."""

    pictures: Mapping[str, np.ndarray]
    caption: str
    legend: Sequence[Entry]


def predict(
    model: paddle.nn.Layer, sample: Mapping[str, Any], inference: Inference, num_classes: int
) -> Predicted:
    """Run a model on one sample.

    Args:
        model: see `engine.evaluate`; it keeps its mode.
        sample: 'img', float32 [3, H, W], and 'trans_info', as PaddleSeg's transforms give them.
        inference: how.
        num_classes: of the data set.

    Returns:
        The prediction at the size before the transforms.

    Raises:
        ValueError: if the model has another number of classes.
    """
    with evaluating(model):
        images = paddle.to_tensor(np.asarray(sample["img"])[None])
        classes, logits = inference(model, images, sample["trans_info"])
        if logits.shape[1] != num_classes:
            raise ValueError(
                f"The model gives {logits.shape[1]} classes, and the data set has {num_classes}: "
                "give the configuration that it was trained with."
            )
        sure = F.softmax(logits.astype("float32"), axis=1).max(1)
    return Predicted(classes.numpy()[0, 0], sure.numpy()[0])


def of_models(
    rgb: np.ndarray, label: np.ndarray | None, found: Sequence[Predicted], *classes: Any
) -> Sheet:
    """Show what one model makes of an image, see `of_one`, or two, see `of_two`."""
    return (
        of_one(rgb, label, found[0], *classes)
        if len(found) == 1
        else of_two(rgb, label, found, *classes)
    )


def of_one(
    rgb: np.ndarray,
    label: np.ndarray | None,
    found: Predicted,
    names: Sequence[str],
    palette: np.ndarray,
    ignore_index: int,
) -> Sheet:
    """Show an image, its label if it has one, the prediction, the errors and the confidence.

    Args:
        rgb: uint8 [H, W, 3]; it is brought to the prediction's size.
        label: integers [h, w], or None.
        found: the prediction.
        names: of the C classes.
        palette: uint8 [C, 3].
        ignore_index: label of pixels that do not count.
    """
    rgb = _to_size(rgb, found.ids)
    drawn = {"image": rgb, "prediction": pictures.colored(found.ids, palette)}
    shown, caption = [found.ids], f"mean confidence {found.confidence.mean():.3f}"
    extra: list[Entry] = []
    if label is not None:
        ignored = label == ignore_index
        wrong = (label != found.ids) & ~ignored
        drawn = {
            "image": rgb,
            "label": pictures.colored(label, palette, ignored),
            "prediction": drawn["prediction"],
            "errors": pictures.errors(rgb, wrong, ignored),
        }
        shown.append(label[~ignored])
        extra = [("wrong", pictures.WRONG)]
        extra += [("ignored", pictures.IGNORED)] if ignored.any() else []
        caption = f"{_scores(label, found.ids, ignored, len(names))}, {caption}"
    drawn["confidence"] = pictures.confidence(found.confidence)
    return Sheet(drawn, caption, [*_present(shown, names, palette), *extra])


def of_two(
    rgb: np.ndarray,
    label: np.ndarray | None,
    found: Sequence[Predicted],
    names: Sequence[str],
    palette: np.ndarray,
    ignore_index: int,
) -> Sheet:
    """Show what two models say of an image, and which of them is right; see `of_one`.

    Without a label: where they differ.
    """
    a, b = found[0].ids, found[1].ids
    drawn = {"image": _to_size(rgb, a)}
    if label is None:
        ignored, right = np.zeros(a.shape, bool), [a == b, a == b]
        caption = f"they differ in {np.mean(a != b):.1%} of the pixels"
        extra: list[Entry] = [("alike", pictures.WHICH["both right"])]
        extra.append(("different", pictures.WHICH["both wrong"]))
    else:
        ignored, right = label == ignore_index, [a == label, b == label]
        drawn["label"] = pictures.colored(label, palette, ignored)
        each = [_scores(label, ids, ignored, len(names)) for ids in (a, b)]
        caption = f"A: {each[0]}     B: {each[1]}"
        extra = list(pictures.WHICH.items())
    drawn["A"], drawn["B"] = (pictures.colored(ids, palette) for ids in (a, b))
    drawn["where they differ" if label is None else "which is right"] = pictures.which(
        right[0], right[1], ignored
    )
    shown = [a, b] if label is None else [a, b, label[~ignored]]
    return Sheet(drawn, caption, [*_present(shown, names, palette), *extra])


def draw(sheet: Sheet, title: str, height: int = 240) -> Image.Image:
    """Draw a sheet: its pictures side by side, titles above, the legend below.

    Args:
        sheet: of one image.
        title: name of the image, above all.
        height: of each picture, in pixels.

    Returns:
        RGB, on white.
    """
    tiles = [
        Image.fromarray(p).resize(
            (max(1, round(p.shape[1] * height / p.shape[0])), height), _way(name)
        )
        for name, p in sheet.pictures.items()
    ]
    width = sum(tile.width + _GAP for tile in tiles) + _GAP
    key = legend(sheet.legend, width)
    top = 2 * (_TEXT + _GAP) + _GAP
    whole = Image.new("RGB", (max(width, key.width), top + height + 2 * _GAP + key.height), "white")
    pen, x = ImageDraw.Draw(whole), _GAP
    headline = f"{title}     {sheet.caption}"
    pen.text((_GAP, _GAP), headline, "black", font_for(headline, _TEXT))
    for name, tile in zip(sheet.pictures, tiles):
        pen.text((x, _TEXT + 2 * _GAP), name, "black", font_for(name, _TEXT))
        whole.paste(tile, (x, top))
        if name == "confidence":
            _scale(pen, x + tile.width, _TEXT + 2 * _GAP)
        x += tile.width + _GAP
    whole.paste(key, (0, top + height + 2 * _GAP))
    return whole


def _scale(pen: Any, right: int, y: int) -> None:
    """Draw the colours of confidence from 0 to 1, ending at `right`."""
    colors, length = pictures.scale_colors(), 64
    left, font = right - length - _TEXT, font_for("0", _TEXT - 3)
    for step in range(length):
        color = tuple(int(c) for c in colors[step * 255 // (length - 1)])
        pen.line((left + step, y + 4, left + step, y + _TEXT), color)
    pen.text((left - 10, y + 2), "0", "black", font)
    pen.text((left + length + 4, y + 2), "1", "black", font)


def _way(name: str) -> Image.Resampling:
    return Image.Resampling.LANCZOS if name == "image" else Image.Resampling.NEAREST


def _to_size(rgb: np.ndarray, ids: np.ndarray) -> np.ndarray:
    if rgb.shape[:2] == ids.shape:
        return rgb
    return cv2.resize(rgb, ids.shape[::-1], interpolation=cv2.INTER_AREA)


def _scores(label: np.ndarray, ids: np.ndarray, ignored: np.ndarray, count: int) -> str:
    pairs = label[~ignored].astype(np.int64) * count + ids[~ignored]
    parts = measures.areas(np.bincount(pairs, minlength=count * count).reshape(count, count))
    return f"mean IoU {measures.image_iou(parts):.3f}, accuracy {measures.accuracy(parts):.3f}"


def _present(maps: Sequence[np.ndarray], names: Sequence[str], palette: np.ndarray) -> list[Entry]:
    present = np.unique(np.concatenate([np.unique(ids) for ids in maps])).astype(int)
    return [(names[k], palette[k]) for k in present if 0 <= k < min(len(names), len(palette))]
