"""The attention explorer: one page for one image, with all that it shows in it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Sequence
from html import escape
from importlib import resources
from typing import Any

import numpy as np
from PIL import Image

from paddle_ann.visualize.attending import BlockMap, Observation, softmax
from paddle_ann.visualize.preparing import Prepared
from paddle_ann.visualize.shading import ramp, scale_top, ticks

__all__ = ["explorer_page"]

_SIDE = 1600  # of the picture in the page, in pixels at most
_FULL = 65535  # a weight of 1
_ABOUT = {
    "AFNB": "AFNB: each position of the high-level map attends to cells of the low-level map.",
    "APNB": "APNB: each position of the fused map attends to cells of that map itself.",
}


def explorer_page(
    file: str,
    prepared: Prepared,
    observation: Observation,
    names: Sequence[str],
    palette: np.ndarray,
    points: Sequence[Sequence[int]] = (),
) -> str:
    """Makes the page.

    Weights are rounded to steps of 1/65535 and confidences to steps of 1/255, which the page says.

    Args:
        file: What the picture is called.
        prepared: The picture, and what the network saw of it.
        observation: Of `prepared.image`.
        names: Class names by index; numbers where there are none.
        palette: (num_classes, 3) uint8 RGB.
        points: Pixels (x, y) of the picture that are pinned from the start.

    Returns:
        HTML that needs no other file and no network. Names are put into it as text.
    """
    data = {
        "file": _readable(file),
        "names": [_readable(name) for name in names],
        "palette": np.asarray(palette).tolist(),
        "points": [[int(x), int(y)] for x, y in points],
        "ramp": _base64(ramp()),
        **_picture(prepared),
        **_prediction(observation.logits),
        "blocks": [_block(block, observation) for block in observation.blocks],
    }
    folder = resources.files("paddle_ann.visualize") / "page"
    html, css, js = ((folder / f"explorer.{x}").read_text("utf-8") for x in ("html", "css", "js"))
    parts = {
        "title": escape(_readable(file)),
        "style": css,
        "script": js,
        "digest": f"sha256-{_base64(hashlib.sha256(js.encode()).digest())}",
        "data": json.dumps(data).replace("<", "\\u003c"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], html)


def _picture(prepared: Prepared) -> dict[str, Any]:
    image = Image.fromarray(prepared.picture)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, "JPEG", quality=88)
    height, width = prepared.picture.shape[:2]
    return {
        "picture": f"data:image/jpeg;base64,{_base64(content.getvalue())}",
        "size": [width, height],
        "inside": list(prepared.inside[::-1]),
    }


def _prediction(logits: np.ndarray) -> dict[str, Any]:
    probabilities = softmax(logits)
    classes = probabilities.argmax(0)
    wide = len(logits) > 256
    height, width = classes.shape
    return {
        "network": [width, height],
        "classes": _base64(classes.astype("<u2" if wide else "u1")),
        "wide": wide,
        "confidence": _base64((probabilities.max(0) * 255).round().astype("u1")),
        "notes": f"The network saw {width} × {height} pixels. In this page weights are rounded to "
        f"steps of 1/{_FULL}, confidences to steps of 1/255. Attention is what the block averages "
        "over, not by itself the reason for a class.",
    }


def _block(block: BlockMap, observation: Observation) -> dict[str, Any]:
    top = scale_top([block.weights])
    return {
        "name": block.name,
        "about": _ABOUT[block.name.split()[0]],
        "pools": list(block.pool_sizes),
        "map": list(block.weights.shape[:2]),
        "rows": _base64(observation.positions(0, block).astype("<u2")),
        "columns": _base64(observation.positions(1, block).astype("<u2")),
        "weights": _base64(quantise(block.weights)),
        "top": top,
        "ticks": ticks(top),
    }


def quantise(weights: np.ndarray) -> np.ndarray:
    """Rounds weights from 0 to 1 to steps of 1/65535, little-endian uint16."""
    return (weights.astype(np.float64) * _FULL).round().clip(0, _FULL).astype("<u2")


def _base64(content: np.ndarray | bytes) -> str:
    raw = content.tobytes() if isinstance(content, np.ndarray) else content
    return base64.b64encode(raw).decode()


def _readable(text: object) -> str:
    """Replaces what a file's name may hold and a page may not: bytes that are no UTF-8."""
    return str(text).encode("utf-8", "backslashreplace").decode()
