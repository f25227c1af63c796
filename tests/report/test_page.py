"""The pages in a real browser: tables, charts and pictures are drawn, and names do no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddle_ann.report import comparing, describe, files, page, save, showing
from tests.browser.driver import needs_browser, visit
from tests.report.test_comparing import better, confusions, report
from tests.report.toy import Data, model, watched

HERE = Path(__file__).parent
EVIL = "</script><b class=evil>&amp;<img src=x onerror='window.evil=1'>"


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """What a visitor of a report finds, and the content of its report.json."""
    folder, data = tmp_path_factory.mktemp("report"), Data()
    data.CLASS_NAMES = (*data.CLASS_NAMES[:3], EVIL, "absent")
    result, recorder = watched(model(), data)
    save(folder, result, recorder, data, describe(data, f"out/{EVIL}", "c.yml", {}))
    url = (folder / "report.html").as_uri()
    return visit(HERE / "page.mjs", url=url), files.load(folder).content


@needs_browser
def test_tables_are_there_and_say_what_the_json_says(opened):
    found, content = opened
    rows = {row[0]: row for row in found["classes"]}
    assert list(rows) == [one["name"] for one in content["classes"]]
    assert rows["car"][1] == f"{content['classes'][2]['iou']:.4f}" and rows["absent"][1] == "absent"
    low, high = content["classes"][2]["iou_interval"]
    assert f"{low:.3f}\u2009–\u2009{high:.3f}" in rows["car"][2]
    for number in (content["mIoU"], content["accuracy"], content["kappa"]):
        assert f"{number:.4f}" in found["text"]
    assert "1 without a labelled pixel" in found["text"]
    assert found["bars"] > 15 + 4 and found["wide"] == [0, 0]


@needs_browser
def test_the_matrix_shows_shares_and_pixels(opened):
    found, content = opened
    row = content["confusion"][0]
    shown = found["shares"][0]
    assert float(shown[0]) == pytest.approx(100 * row[0] / sum(row), abs=0.51)
    assert found["shares"][4] == [""] * 5
    expected = [
        f"{n / 1000:.1f}k" if n >= 1000 else str(n or "") for n in sum(content["confusion"], [])
    ]
    assert sum(found["pixels"], []) == expected


@needs_browser
def test_columns_sort_both_ways_and_what_is_absent_is_last(opened):
    found, _ = opened
    down, up = ([float(v) for v in found[name][:4]] for name in ("sorted", "reversed"))
    assert down == sorted(down, reverse=True) and up == sorted(down)
    assert found["sorted"][4] == found["reversed"][4] == "absent"


@needs_browser
def test_five_pictures_of_each_of_the_worst(opened):
    found, content = opened
    assert len(content["worst"]) == 3 and len(found["pictures"]) == 15
    image, label, prediction, errors, confidence = found["pictures"][:5]
    assert image > 50 and errors > 50 and confidence > 50
    assert 2 <= label <= 5 and 2 <= prediction <= 4


@needs_browser
def test_names_are_text(opened):
    found, _ = opened
    assert EVIL in found["text"] and EVIL in found["title"] and found["injected"] == 0


def test_nothing_in_the_data_ends_the_script():
    html = page.page(EVIL, ["dom.js"], {"name": EVIL})
    assert html.startswith(page.MARK) and html.count("</script>") == 2 and "<b class" not in html


@needs_browser
def test_a_comparison(tmp_path):
    one = confusions()
    found = comparing.compare(report(one), report(better(one)), 500)
    showing.save(found, str(tmp_path / "c.html"), None)
    seen = visit(HERE / "comparison.mjs", url=(tmp_path / "c.html").as_uri())
    assert [row[0] for row in seen["rows"]] == [row["name"] for row in found["rows"]]
    assert seen["rows"][1][3] == "+0.0150" and seen["rows"][1][5] == "** even among all"
    assert len(seen["up"]) == 5 and all(x > seen["middle"][0] for x, _ in seen["up"])
    assert seen["points"] == 31 and "31 of 31" in seen["text"]
    assert "5 differences are looked at" in seen["text"]
