"""The page in a real browser, compared with the predictor pixel by pixel."""

from __future__ import annotations

import base64
import io
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from paddle_ann.deploy.outputs import grey, overlay
from paddle_ann.serve.results import png
from tests.browser.driver import needs_browser, visit
from tests.deploy.conftest import DESCRIPTION, make_bundle
from tests.deploy.toy import picture
from tests.serve.conftest import SMALL, pixels, png_of, serving, wait_for
from tests.serve.test_turns import Gate

FOLDER = Path(__file__).parent
HOSTILE = "<img src=x onerror='stray=1'>"


def canvas(got):
    """(H, W, 4) uint8."""
    data = np.frombuffer(base64.b64decode(got["data"]), np.uint8)
    return data.reshape(got["height"], got["width"], 4)


def painted(ids, palette, hidden=()):
    """What the layer must hold: the colours where they are shown, and nothing elsewhere."""
    there = ~np.isin(ids, hidden)
    colors = np.dstack([palette[ids], np.full(ids.shape, 255, np.uint8)])
    return colors * there[..., None].astype(np.uint8)


@pytest.fixture
def hostile(tmp_path):
    """A bundle of which one class has a name that is HTML, and two have one colour."""
    names = [HOSTILE, *DESCRIPTION["classes"][1:]]
    palette = [*DESCRIPTION["palette"][:4], DESCRIPTION["palette"][1]]
    return make_bundle(tmp_path / "bundle", {**DESCRIPTION, "classes": names, "palette": palette})


@needs_browser
def test_one_image(hostile, photo, tmp_path):
    file = tmp_path / "a b<i>.png"
    file.write_bytes(png_of(photo))
    point = (67, 31)
    with serving(hostile) as served:
        got = visit(FOLDER / "upload.mjs", url=served.url, file=str(file), point=point)
        found = served.predictor(photo, ["confidence"])
        palette, names = served.predictor.bundle.palette, served.predictor.bundle.classes
    assert (canvas(got["picture"])[..., :3] == photo).all()
    assert (canvas(got["layer"]) == painted(found.ids, palette)).all()
    assert got["opacity"] == "0.4"
    check_legend(got["rows"], found, names)
    assert "113 × 89 pixels" in got["numbers"]
    assert f"mean confidence {found.confidence.mean():.1%}".replace("%", " %") in got["numbers"]

    at = found.ids[point[1], point[0]]
    assert got["pointed"] == at
    sure = round(found.confidence[point[1], point[0]] * 100)
    said = re.fullmatch(rf"x 67, y 31: {re.escape(names[at])}, (\d+) %", got["probe"])
    assert said and abs(int(said[1]) - sure) <= 1 and got["tip"] in got["probe"]

    check_downloads(got["downloads"], photo, found, palette)
    first, second = got["rows"][0]["id"], got["rows"][1]["id"]
    assert (canvas(got["hidden"]) == painted(found.ids, palette, [first])).all()
    expected = np.where((found.ids == first)[..., None], photo, overlay(photo, found, palette))
    seen = pixels(base64.b64decode(got["hiddenOverlay"]["content"]))
    assert (seen[..., :3] == expected).all()
    others = [number for number in range(5) if number != second]
    assert (canvas(got["single"]) == painted(found.ids, palette, others)).all()
    assert [row["id"] for row in got["singleRows"] if not row["off"]] == [second]
    assert (canvas(got["all"]) == painted(found.ids, palette)).all()
    assert (canvas(got["confidence"])[..., 0] == grey(found.confidence)).all()
    assert (got["switchedOff"], got["alerts"], got["stray"]) == ("0", False, None)


def check_legend(rows, found, names):
    """Largest first; name, area, pixels and mean confidence as text."""
    counts = np.bincount(found.ids.reshape(-1), minlength=5)
    assert [row["id"] for row in rows] == [
        i for i in np.argsort(-counts, kind="stable") if counts[i]
    ]
    for row in rows:
        where = found.ids == row["id"]
        name, area, count, sure, only = re.split(r"\s*\t\s*", row["text"])
        assert (name.strip(), count, only) == (names[row["id"]], f"{where.sum():,}", "only")
        assert area == f"{where.mean():.1%}".replace("%", " %")
        assert abs(int(sure[:-2]) - found.confidence[where].mean() * 100) <= 0.51


def check_downloads(got, photo, found, palette):
    names = {kind: one["name"] for kind, one in got.items()}
    assert all(name.endswith(f".{kind}.png") and "/" not in name for kind, name in names.items())
    content = {kind: base64.b64decode(one["content"]) for kind, one in got.items()}
    for kind in ("ids", "confidence"):
        assert content[kind] == png(kind, photo, found, palette)
    with Image.open(io.BytesIO(content["ids"])) as mask:
        assert mask.mode == "P" and (np.asarray(mask) == found.ids).all()
        assert (np.reshape(mask.getpalette(), (-1, 3))[:5] == palette).all()
    assert (pixels(content["overlay"])[..., :3] == overlay(photo, found, palette)).all()


@needs_browser
def test_many_images_bad_ones_keys_and_narrow_pages(tmp_path, photo):
    files = {
        "jpeg": png_of(photo, "JPEG", exif=orientation(6)),
        "tiff": png_of(photo, "TIFF", tiffinfo={0x0112: 6}),
        "broken": png_of(photo)[:500],
        "large": bytes(SMALL.max_bytes + 1),
        "png": png_of(picture(71, 59, seed=5)),
    }
    paths = {}
    for name, content in files.items():
        paths[name] = str(tmp_path / f"{name}.png")
        Path(paths[name]).write_bytes(content)
    faults: list[str] = []
    with serving(make_bundle(tmp_path / "bundle", DESCRIPTION)) as served:
        got = visit(FOLDER / "gather.mjs", faults=faults, url=served.url, files=paths)
        palette = served.predictor.bundle.palette
        jpeg = served.predictor(paths["jpeg"]).ids
    assert len(faults) == 2 and all("422" in fault for fault in faults), faults  # the broken one
    assert jpeg.shape == (113, 89) and (canvas(got["jpeg"]) == painted(jpeg, palette)).all()
    assert (canvas(got["tiff"])[..., :3] == np.rot90(photo, -1)).all()
    assert (canvas(got["png"])[..., :3] == picture(71, 59, seed=5)).all()

    assert [state for state, _ in got["states"]] == ["done", "done", "failed", "failed", "done"]
    assert "broken.png: The image (500 bytes) is damaged or truncated" in got["problem"]
    assert "50,001 bytes" in got["states"][3][1] and not got["shownWithProblem"]
    assert got["problemGone"] and got["left"] == 4

    assert [key.partition(":")[0] for key in got["keys"]] == [
        "x 30, y 35", "x 30, y 45", "x 29, y 45", "x 29, y 35",
    ]  # fmt: skip
    assert got["mark"] and got["keyHidden"]
    wanted = {"choose", "layer", "mode", "on", "opacity", "ids", "overlay", "confidence", "entry"}
    assert wanted | {"away", "name", "only"} <= set(got["reached"])
    assert all(seen <= width for width, seen in got["widths"]), got["widths"]


BUSY = """import {{ open, drawn }} from "{folder}/page.mjs";
export default async (page, {{ url, file }}) => {{
  await open(page, url);
  await page.setInputFiles("#choose", file);
  const busy = page.locator("#files small").filter({{ hasText: "busy, trying again in" }});
  await busy.waitFor();
  await drawn(page, 1);
}};
"""


@needs_browser
def test_a_busy_server_is_asked_again(tmp_path, photo, caplog, monkeypatch):
    """The only place is taken; it is freed once the page was refused."""
    caplog.set_level("INFO", "paddle_ann.serve")
    file, script, faults = tmp_path / "a.png", tmp_path / "busy.mjs", []
    file.write_bytes(png_of(photo))
    script.write_text(BUSY.format(folder=FOLDER), encoding="utf-8")
    with serving(make_bundle(tmp_path / "bundle", DESCRIPTION), SMALL._replace(queue=0)) as served:
        gate = Gate(served.predictor)
        monkeypatch.setattr(served.predictor, "segment", gate.segment)
        with ThreadPoolExecutor(2) as pool:
            url = f"{served.url}/api/segment"
            pool.submit(requests.post, url, data=file.read_bytes(), timeout=60)
            wait_for(lambda: gate.started == 1)
            pool.submit(wait_for, lambda: "503:" in caplog.text, 60).add_done_callback(
                lambda done: gate.open.set()
            )
            visit(script, faults=faults, url=served.url, file=str(file))
    assert gate.started == 2 and faults and all("503" in fault for fault in faults)


def orientation(number):
    exif = Image.Exif()
    exif[0x0112] = number
    return exif
