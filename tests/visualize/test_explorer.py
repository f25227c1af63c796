"""The explorer's page shows, in a real browser, what the arrays say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from paddleseg.transforms import Normalize, Padding, Resize

from paddle_ann.visualize import prepare
from paddle_ann.visualize.attending import BlockMap, Observation, observe
from paddle_ann.visualize.explorer import explorer_page, quantise
from paddle_ann.visualize.shading import ramp, scale_top, shade
from tests.browser.driver import needs_browser, visit
from tests.deploy.toy import make_model, picture

EXPLORE = Path(__file__).with_name("explore.mjs")
NAMES = ["road", "<b class='evil'>sky</b>", "车", "{{script}}", "'\"&\\u003c"]
PALETTE = np.array([[1, 2, 3], [50, 60, 70], [200, 0, 0], [0, 200, 0], [0, 0, 200]], np.uint8)
FILE = "</script><img src='no.png'><b class='evil'>a\udcff.jpg"


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A picture of 106 x 142 pixels, of which the network sees 53 x 71 and 3 x 5 of padding."""
    prepared = prepare(picture(106, 142), [Resize((71, 53)), Padding((76, 56)), Normalize()])
    observation = observe(make_model(psp_size=(1, 2, 5)), prepared.image)
    decided = tuple(block._replace(weights=sharpen(block.weights)) for block in observation.blocks)
    observation = observation._replace(blocks=decided)
    path = tmp_path_factory.mktemp("explorer") / "page.html"
    path.write_text(explorer_page(FILE, prepared, observation, NAMES, PALETTE), encoding="utf-8")
    return prepared, observation, path


def sharpen(weights: np.ndarray) -> np.ndarray:
    """Random weights prefer nothing; this brings out what little they do prefer."""
    raised = weights**12
    return raised / raised.sum(-1, keepdims=True)


def expected(case, x: int, y: int, block: int):
    """Class, confidence and, by grid, the colours at a pixel of the picture."""
    prepared, observation, _ = case
    point = prepared.points_in_image(np.array([[x, y]]))
    found = observation.at(point)
    whole = observation.blocks[block]
    one = list(found.blocks.values())[block]
    top = scale_top([whole.weights])
    colors = [ramp()[shade(grid[0], one.uniform, top)].reshape(-1, 3) for grid in one.grids]
    return NAMES[found.classes[0]], found.probabilities.max(), colors, one


def check(case, shown, x: int, y: int, block: int) -> None:
    name, confidence, colors, one = expected(case, x, y, block)
    assert f"pixel ({x}, {y})" in shown["readout"]
    column, row = one.positions[0]
    assert (
        f"position ({column}, {row}) of {one.map_size[1]} × {one.map_size[0]}" in shown["readout"]
    )
    percent = float(re.search(r"(\d+) %", shown["readout"])[1])
    assert name in shown["readout"] and abs(percent - 100 * confidence) < 0.75
    for grid, color in zip(shown["grids"], colors):
        assert np.abs(np.array(grid, int) - color).max() <= 3  # one step of the ramp
    best = one.weights[0].argmax()
    brightness = np.concatenate([np.array(grid).sum(1) for grid in shown["grids"]])
    assert brightness[best] == brightness.max()
    assert shown["framed"] == np.searchsorted(np.cumsum([1, 4, 25]), best, side="right")
    assert abs(float(shown["strongest"][0][3]) - one.weights[0, best]) < 1e-4
    for caption, grid in zip(shown["captions"], one.grids):
        assert abs(float(re.search(r": (\S+)", caption)[1]) - grid[0].sum()) < 6e-4


def at(case, x: int, y: int) -> list[float]:
    height, width = case[0].picture.shape[:2]
    return [(x + 0.5) / width, (y + 0.5) / height]


@needs_browser
def test_by_mouse(case):
    steps = [
        ["move", *at(case, 17, 90)],
        ["press", "#blocks button:nth-child(2)"],
        ["move", *at(case, 120, 11)],
        ["click", *at(case, 33, 44)],
        ["move", *at(case, 99, 99)],  # the pin holds
        ["hover", "#grids figure:nth-child(2) .stage", 3, 3],
        ["click", *at(case, 33, 44)],  # lets go
        ["move", *at(case, 148, 109)],  # in the padding
        ["press", "#show"],
        ["move", *at(case, 17, 90)],
        ["look"],
    ]
    first, moved, other, again, pinned, held, cell, freed, padded, predicted, _, looked = visit(
        EXPLORE, url=case[2].as_uri(), steps=steps
    )
    assert first["blocks"] == ["AFNB", "APNB"]
    check(case, first, 76, 56, 0)
    check(case, moved, 17, 90, 0)
    assert moved["about"].startswith("AFNB:") and other["about"].startswith("APNB:")
    check(case, other, 17, 90, 1)
    check(case, again, 120, 11, 1)
    assert pinned["pins"] == ["1: (33, 44) ×"] == held["pins"]
    check(case, held, 33, 44, 1)
    assert "held by pin 1" in held["readout"]
    weight = expected(case, 33, 44, 1)[3].grids[1][0, 0, 0]
    assert "row 1, column 1 of 2 × 2" in cell["cell"]
    assert abs(float(re.search(r": ([\d.]+),", cell["cell"])[1]) - weight) < 2e-5
    assert "held" not in freed["readout"] and freed["pins"] == ["1: (33, 44) ×"]
    check(case, padded, 148, 109, 1)
    assert "in the padding" in padded["readout"] and padded["predicted"] is None
    assert predicted["predicted"][:3] == PALETTE[case[1].logits[:, 0, 0].argmax()].tolist()
    finest = expected(case, 17, 90, 1)[3].grids[2][0].flatten()
    assert np.argmax(looked["seen"]) == finest.argmax()  # on the screen, at its place


@needs_browser
def test_by_keyboard(case):
    steps = [
        ["key", "ArrowRight"],
        ["key", "ArrowDown", "ArrowDown"],
        ["key", "Shift+ArrowLeft"],
        ["key", "b"],
        ["key", "Enter"],
        ["key", *["ArrowLeft"] * 40, *["ArrowUp"] * 40],
        ["key", "Enter", "1"],
        ["key", "Delete"],
        ["key", "b", "p"],
        ["key", "Escape", "p", "9", "x"],
    ]
    results = visit(EXPLORE, url=case[2].as_uri(), steps=steps)
    places = [
        [int(n) for n in re.findall(r"\((\d+), (\d+)\)", shown["readout"])[0]] for shown in results
    ]
    positions = [
        [int(n) for n in re.findall(r"\((\d+), (\d+)\)", shown["readout"])[1]] for shown in results
    ]
    start, right, down, left, other, pinned, corner, back, removed, again, last = positions
    assert right == [start[0] + 1, start[1]] and down == [right[0], right[1] + 2]
    assert places[3] == [places[2][0] - 1, places[2][1]]
    assert other == left and results[4]["about"].startswith("APNB")
    check(case, results[4], *places[4], 1)
    assert len(results[5]["pins"]) == 1 and "held by pin 1" in results[5]["readout"]
    assert corner == [0, 0]
    assert places[7] == places[5] and len(results[7]["pins"]) == 2
    assert len(results[8]["pins"]) == 1 and "held" not in results[8]["readout"]
    assert results[9]["about"].startswith("AFNB") and results[9]["predicted"]
    assert results[10]["predicted"] is None
    for word in ("next position", "other block", "pin", "Esc"):
        assert word in results[0]["helped"]


@needs_browser
def test_by_touch_on_a_phone(case):
    steps = [
        ["tap", *at(case, 121, 23)],
        ["press", "#pin"],
        ["tap", *at(case, 9, 77)],
    ]
    _, tapped, pinned, moved = visit(EXPLORE, url=case[2].as_uri(), steps=steps, touch=True)
    for shown, x, y, pins in ((tapped, 121, 23, 0), (pinned, 121, 23, 1), (moved, 9, 77, 1)):
        name = expected(case, x, y, 0)[0]
        found = [int(n) for n in re.findall(r"\((\d+), (\d+)\)", shown["readout"])[0]]
        assert np.abs(np.array(found) - (x, y)).max() <= 1 and name in shown["readout"]
        check(case, shown, *found, 0)
        assert len(shown["pins"]) == pins
        assert shown["overflow"] <= 0


@needs_browser
def test_names_are_text(case, tmp_path):
    prepared, observation, _ = case
    stripes = np.eye(5, dtype="float32")[np.arange(76) // 16 % 5].T[:, None].repeat(56, 1)
    path = tmp_path / "page.html"
    page = explorer_page(FILE, prepared, observation._replace(logits=stripes), NAMES, PALETTE)
    path.write_text(page, encoding="utf-8")
    steps = [["move", *at(case, 32 * number + 9, 50)] for number in range(5)]
    first, *results = visit(EXPLORE, url=path.as_uri(), steps=steps)
    assert first["file"] == FILE.replace("\udcff", "\\udcff")
    for name, shown in zip(NAMES, results):
        assert shown["readout"].strip().startswith(name)
        assert shown["scripts"] == 2  # the data and the page's own


@needs_browser
def test_one_block(tmp_path):
    prepared = prepare(picture(53, 71), [Normalize()])
    observation = observe(make_model(use_fusion=False), prepared.image)
    path = tmp_path / "page.html"
    points = [(3, 5), (60, 50)]
    path.write_text(explorer_page("a", prepared, observation, (), PALETTE, points), "utf-8")
    first, same, second = visit(EXPLORE, url=path.as_uri(), steps=[["key", "b"], ["key", "2"]])
    assert first["blocks"] == ["APNB"] and same["about"] == first["about"]
    assert first["pins"] == ["1: (3, 5) ×", "2: (60, 50) ×"] and len(first["grids"]) == 4
    number = observation.logits[:, 5, 3].argmax()
    assert f"class {number}" in first["readout"] and "pixel (3, 5)" in first["readout"]
    assert "pixel (60, 50)" in second["readout"] and "held by pin 2" in second["readout"]
    middle = [tick.split() for tick in first["ticks"]][2]
    assert middle == ["0.0091", "even"]


def test_weights_are_rounded_as_the_page_says():
    weights = np.array([[0, 1, 0.5, 1 / 110, 1e-6, 1.0000002]], "float32")
    stored = quantise(weights)
    assert stored.dtype == "<u2" and stored[0, 1] == 65535 == stored[0, 5]
    assert np.abs(stored / 65535 - weights).max() <= 0.5 / 65535 + 2e-7


def test_a_page_of_512_pixels_is_a_few_megabytes():
    random = np.random.RandomState(0)
    weights = random.dirichlet(np.ones(110), (64, 64)).astype("float32")
    observation = Observation(
        random.randn(19, 512, 512).astype("float32"),
        tuple(BlockMap(name, (1, 3, 6, 8), weights) for name in ("AFNB", "APNB")),
        False,
    )
    prepared = prepare(picture(512, 512), [Normalize()])
    page = explorer_page("a.jpg", prepared, observation, [], PALETTE)
    assert 2e6 < len(page) < 4e6
    assert not re.search(r"(src|href)=.?(http|//)", page)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
    assert data["blocks"][1]["map"] == [64, 64] and "1/65535" in data["notes"]
