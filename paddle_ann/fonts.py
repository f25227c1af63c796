"""A font of this machine that can draw a text: Pillow's own knows ASCII alone."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from PIL import ImageFont

_CJK = 0x2E80  # where the alphabets of East Asia begin
_WIDE = (  # for these; Pillow looks for them among the system's fonts
    "NotoSansCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "msyh.ttc",
    "simhei.ttf",
    "PingFang.ttc",
    "DejaVuSans.ttf",
)


def font_for(text: str, size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Returns a font for a text; Pillow's own where that does, or where there is no other.

    Args:
        text: What is to be drawn; letters that no font has become boxes.
        size: Height in pixels.
    """
    if text.isascii():
        return ImageFont.load_default(size=size)
    alphabets = str(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"))
    for name in (alphabets,) if all(ord(letter) < _CJK for letter in text) else _WIDE:
        try:
            return ImageFont.truetype(name, size)
        except OSError:  # not on this machine
            continue
    return ImageFont.load_default(size=size)
