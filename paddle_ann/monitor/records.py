"""VisualDL's records as bytes, ready for a log file.

VisualDL's own LogWriter hands them to a thread over a queue: a process that is killed loses what
waits there. Its functions that make records are used where they work on today's versions; a
picture is encoded here, for VisualDL changes the array that it is given.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from paddle_ann.monitor.log_file import frame


def clean(tag: str) -> str:
    """Return a tag without the sign that VisualDL cannot take."""
    return tag.replace("%", " percent")


def part(name: str) -> str:
    """Return a name that can stand in a tag, whose groups are separated by '/'."""
    return name.replace("/", "-")


def scalar(tag: str, value: float, step: int) -> bytes:
    """Return a point of a curve."""
    from visualdl.component import base_component

    return _bytes(base_component.scalar(clean(tag), value, step, _now()))


def picture(tag: str, pixels: np.ndarray, step: int, colors: int = 0) -> bytes:
    """Return a picture.

    Args:
        tag: where it is shown.
        pixels: (H, W, 3) uint8 RGB.
        step: the iteration.
        colors: to how many it is reduced, up to 256, for a quarter of the bytes; 0 keeps all.
    """
    from visualdl.proto.record_pb2 import Record

    file, image = io.BytesIO(), Image.fromarray(pixels)
    if colors:
        image = image.quantize(colors, method=Image.Quantize.FASTOCTREE)
    image.save(file, "PNG")
    encoded = Record.Image(encoded_image_string=file.getvalue())
    value = Record.Value(id=step, tag=clean(tag), timestamp=_now(), image=encoded)
    return _bytes(Record(values=[value]))


def histogram(tag: str, counts: np.ndarray, edges: np.ndarray, step: int) -> bytes:
    """Return a histogram: `counts` [n] between `edges` [n + 1]."""
    from visualdl.component import base_component

    return _bytes(base_component.histogram(clean(tag), counts, edges, step, _now()))


def pr_curve(tag: str, true: np.ndarray, false: np.ndarray, step: int) -> bytes:
    """Return a curve of precision over recall; where nothing is predicted, the precision is 1.

    Args:
        tag: where it is shown.
        true: int64 [n], pixels of the class whose probability is at least each threshold.
        false: int64 [n], pixels of other classes, likewise.
        step: the iteration.
    """
    from visualdl.component import base_component

    missed, rejected = true[0] - true, false[0] - false
    record = base_component.pr_curve_raw(
        clean(tag),
        *(counts.tolist() for counts in (true, false, rejected, missed)),
        np.where(true + false > 0, true / np.maximum(true + false, 1), 1.0).tolist(),
        (true / max(int(true[0]), 1)).tolist(),
        step,
        _now(),
    )
    return _bytes(record)


def text(tag: str, content: str, step: int) -> bytes:
    """Return a text."""
    from visualdl.component import base_component

    return _bytes(base_component.text(clean(tag), content, step, _now()))


def hyper_parameters(name: str, values: Mapping[str, Any], metrics: Sequence[str]) -> bytes:
    """Return a row of VisualDL's comparison page.

    Args:
        name: of the run, unique.
        values: numbers and texts by name; of a bool 0 or 1, None is left out.
        metrics: tags of scalars whose last values are shown in it.
    """
    from visualdl.component import base_component

    plain = {k: int(v) if isinstance(v, bool) else v for k, v in values.items()}
    return _bytes(base_component.hparam(name, plain, list(map(clean, metrics)), _now()))


def _now() -> int:
    return round(time.time() * 1000)


def _bytes(record: Any) -> bytes:
    return frame(record.SerializeToString())
