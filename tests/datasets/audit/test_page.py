"""The page needs nothing but itself, and names of files cannot make it do anything."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from paddle_ann.datasets.audit import page as pages
from paddle_ann.datasets.audit.thumbnail import thumbnail
from tests.datasets.audit import tree

EVIL = "<script>alert(1)</script>'\"&.jpg"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def make(tmp_path):
    root = tree.make(tmp_path / "data")
    (root / "x").mkdir()
    name = EVIL.replace("/", "_")
    (root / "1.jpg").rename(root / name)
    tree.save_mask(root / "1.png", tree.mask(1, ids=(0, 77)))
    (root / "2.jpg").write_bytes(b"")
    plan = tree.plan(tree.make(tmp_path / "other"))
    plan.splits[0].pairs[:3] = [
        (str(root / name), str(root / "1.png")),
        (str(root / "2.jpg"), str(root / "2.png")),
        (str(root / "gone.jpg"), str(root / f"{name}.png")),
    ]
    plan.class_names = ("<b>sky</b>", "b", "c")
    plan.source = "--list '<i>'"
    return tree.check(plan)


def test_self_contained_and_escaped(tmp_path):
    text = pages.page(make(tmp_path))
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    names = {tag for tag, _ in tags.found}
    assert names.isdisjoint({"script", "b>", "i", "link", "iframe", "object", "a"})
    for _, attributes in tags.found:
        assert not any(key.startswith("on") or key == "href" for key in attributes)
        assert attributes.get("src", "data:image/jpeg;base64,").startswith(
            "data:image/jpeg;base64,"
        )
    assert "http://" not in text and "https://" not in text and "url(" not in text
    assert "&lt;b&gt;sky&lt;/b&gt;" in text and "&lt;script&gt;" in text


def test_findings_have_pictures_and_files(tmp_path):
    text = pages.page(make(tmp_path))
    assert text.count("<figure>") == 4  # outside-classes, empty, missing twice
    assert "would break training" in text and "77 (" in text
    urls = re.findall(r"base64,([^']+)'", text)
    for url in urls:
        with Image.open(io.BytesIO(base64.b64decode(url))) as picture:
            assert picture.format == "JPEG"


def test_overlay_shows_what_is_outside_in_magenta(tmp_path):
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / "a.png")
    mask = np.zeros((40, 60), np.uint8)
    mask[:, 20:40], mask[:, 40:] = 9, 255
    tree.save_mask(tmp_path / "m.png", mask)
    url = thumbnail(str(tmp_path / "a.png"), str(tmp_path / "m.png"), 3)
    with Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    half = pixels[:, pixels.shape[1] // 2 + 4 :]
    left, middle, right = (half[60, int(half.shape[1] * x)] for x in (0.15, 0.5, 0.85))
    assert left.max() < 20 and right.max() < 20
    assert middle[0] > 120 and middle[1] < 30 and middle[2] > 120
