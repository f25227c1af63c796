"""The peers that weights can come from and go to, and what their tensors cannot tell."""

from __future__ import annotations

from typing import Any, NamedTuple

from paddle_ann.convert import tables
from paddle_ann.convert.renaming import Table

# What a part of our network has in front of its names.
PARTS = {
    "whole": "",
    "backbone": "backbone.",
    "head": "head.",
    "afnb": "head.fusion.",
    "apnb": "head.context.1.",
}


class Source(NamedTuple):
    """A peer.

    Attributes:
        model: our network for its whole: "ANN" or "ANNNet"; None where it is a backbone alone.
        tables: its forms; the first that knows most of the keys is taken.
        parts: what the tables have in front of the keys of a part, by the part's name.
        network: arguments of our network that tensors cannot tell, as the peer has them.
        backbone: the same of the backbone.
    """

    model: str | None
    tables: tuple[Table, ...]
    parts: dict[str, str]
    network: dict[str, Any]
    backbone: dict[str, Any]


def _parts(head: str, afnb: str, apnb: str) -> dict[str, str]:
    return {"whole": "", "backbone": "backbone.", "head": head, "afnb": afnb, "apnb": apnb}


_SIZES = {"psp_size": (1, 3, 6, 8), "zero_init": True}

SOURCES = {
    "mmseg": Source(
        "ANN",
        (tables.MMSEG,),
        _parts("decode_head.", "decode_head.fusion.", "decode_head.context."),
        {"align_corners": False, **_SIZES},
        {"output_stride": 8, "dilation_scheme": "contracted", "dilate_second": False},
    ),
    "authors": Source(
        "ANN",
        tables.AUTHORS,
        _parts("", "fusion.", "context.2."),
        {"align_corners": True, "channel_dropout": True, **_SIZES},
        {"output_stride": 8, "dilation_scheme": "contracted", "ceil_pool": True},
    ),
    "tutorial": Source(
        "ANNNet",
        (tables.TUTORIAL,),
        _parts("", "fusion.", "APNB."),
        {"align_corners": True, **_SIZES},
        {"output_stride": 8, "dilation_scheme": "tutorial"},
    ),
    "torchvision": Source(None, (tables.TORCHVISION,), {"backbone": ""}, {}, {"output_stride": 32}),
    "timm": Source(None, tables.TIMM, {"backbone": ""}, {}, {"output_stride": 32}),
}


def find_source(name: str) -> Source:
    """Return a source by name.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in SOURCES:
        raise ValueError(f"source must be one of {', '.join(SOURCES)}; received {name!r}.")
    return SOURCES[name]
