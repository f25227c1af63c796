"""A font of this machine that can draw a text: Pillow's own knows no Chinese."""

from __future__ import annotations

from PIL import ImageFont

_LATIN = 0x24F  # the last letter of those alphabets that Pillow's own font has
_WIDE = (  # for all others; Pillow looks for these among the system's fonts
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
    if all(ord(letter) <= _LATIN for letter in text):
        return ImageFont.load_default(size=size)
    for name in _WIDE:
        try:
            return ImageFont.truetype(name, size)
        except OSError:  # not on this machine
            continue
    return ImageFont.load_default(size=size)
