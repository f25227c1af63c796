"""Names in any script are drawn, if with boxes."""

from __future__ import annotations

import pytest
from PIL import ImageFont

from paddle_ann.fonts import font_for


@pytest.mark.parametrize("text", ["road", "Straße", "道路", ""])
def test_there_is_a_font_for_every_text(text):
    assert font_for(text, 13).getlength(text) >= 0


def test_another_font_is_looked_for_only_where_it_is_needed(monkeypatch):
    asked = []

    def truetype(name, size):
        asked.append(name)
        raise OSError("cannot open resource")

    monkeypatch.setattr(ImageFont, "truetype", truetype)
    monkeypatch.setattr(ImageFont, "load_default", lambda size: "own")
    assert font_for("road", 13) == "own" and not asked
    assert font_for("道路", 13) == "own" and "wqy-microhei.ttc" in asked


@pytest.mark.parametrize("text", ["Straße", "3×3", "Дорога", "α ≥ 0 – …"])
def test_letters_beyond_ascii_are_drawn_and_no_boxes(text):
    """Pillow's own font has none of them, matplotlib's has."""
    font = font_for(text, 13)
    box = bytes(font.getmask("\U0001f0ff"))
    assert all(bytes(font.getmask(letter)) != box for letter in text if letter != " ")
