"""Comparisons: hand-made differences, pairing, refusals, and what is said of chance."""

from __future__ import annotations

import json

import numpy as np
import pytest

from paddle_ann.report import comparing, files, measures, showing

CLASSES = ["sky", "road", "car"]


def report(matrices, **content):
    """A report as it is loaded, of confusion matrices of images."""
    areas = measures.areas(np.asarray(matrices))
    source = {"model": "out/best_model/model.pdparams", "how": "plain", "data": "toy"}
    whole = {"classes": [{"name": name} for name in CLASSES], "source": source}
    whole.update({"boundary_ratio": 0.02, "absent_classes": "present", **content})
    return files.Loaded(whole, [f"{i}.png" for i in range(len(areas))], areas, areas // 2)


def confusions(count=31, seed=0):
    """Images of 100 pixels for each of two classes; the third is nowhere."""
    generator = np.random.default_rng(seed)
    found = np.zeros((count, 3, 3), int)
    for k in (0, 1):
        found[:, k, k] = generator.integers(40, 90, count)
        found[:, k, 1 - k] = 100 - found[:, k, k]
    return found


def better(matrices, pixels=3, of=0):
    """The same with some more pixels of a class right in each image."""
    found = matrices.copy()
    found[:, of, of] += pixels
    found[:, of, 1 - of] -= pixels
    return found


def test_the_same_twice_differs_in_nothing():
    found = comparing.compare(report(confusions()), report(confusions()), 200)
    for row in found["rows"][:5]:
        assert row["difference"] == 0 and row["interval"] == [0, 0] and not row["excludes_zero"]
    assert found["rows"][5]["name"] == "car" and found["rows"][5]["difference"] is None
    assert (found["better"], found["worse"], found["gained"]) == (0, 0, [])


def test_what_is_a_little_better_in_every_image_is_found_by_pairing():
    """Images spread far more (0.40 to 0.89) than the models differ (0.03 of one class)."""
    one = confusions()
    found = comparing.compare(report(one), report(better(one)), 2000)
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["accuracy"]["difference"] == pytest.approx(0.015)
    assert rows["accuracy"]["interval"] == pytest.approx([0.015, 0.015])  # the same in all images
    assert all(rows[name]["even_of_many"] for name in ("accuracy", "mIoU", "sky", "road"))
    assert found["better"] == 31 and found["worse"] == 0
    iou = [measures.class_iou(measures.areas(m.sum(0)))[0] for m in (one, better(one))]
    assert rows["sky"]["difference"] == pytest.approx(iou[1] - iou[0])
    gain = [b - a for _, a, b in found["gained"]]
    assert len(gain) == comparing.EXTREMES and gain == sorted(gain, reverse=True)


def test_chance_alone_excludes_0_about_as_often_as_it_says():
    """150 pairs of models whose errors are drawn alike: the 95 % interval misses 0 in some."""
    hits = strict = 0
    for trial in range(150):
        one, other = confusions(40, trial), confusions(40, 1000 + trial)
        row = comparing.compare(report(one), report(other), 400, trial)["rows"][1]
        hits, strict = hits + row["excludes_zero"], strict + row["even_of_many"]
    assert 1 <= hits <= 18 and strict <= hits


def test_it_depends_on_the_seed_alone():
    one, two = report(confusions()), report(confusions(seed=5))
    assert comparing.compare(one, two, 300) == comparing.compare(one, two, 300)
    assert comparing.compare(one, two, 300) != comparing.compare(one, two, 300, seed=1)


def test_what_cannot_be_compared_is_said():
    one = report(confusions())
    with pytest.raises(ValueError, match="other images: A has 31, B 7"):
        comparing.compare(one, report(confusions(7)))
    renamed = one._replace(images=[*one.images[:3], "x.png", *one.images[4:]])
    with pytest.raises(ValueError, match=r"number 3 is '3.png' in A and 'x.png' in B"):
        comparing.compare(one, renamed)
    classes = report(confusions(), classes=[{"name": n} for n in ("sky", "street", "car")])
    with pytest.raises(ValueError, match="number 1 is 'road' in A and 'street' in B"):
        comparing.compare(one, classes)
    relabelled = confusions()
    relabelled[5, 0, 0] += 1
    with pytest.raises(ValueError, match="labels differ in 1 images, first in 5.png"):
        comparing.compare(one, report(relabelled))
    with pytest.raises(ValueError, match="width of contours: A has 0.02, B 0.01"):
        comparing.compare(one, report(confusions(), boundary_ratio=0.01))


def test_text():
    one = confusions(11)
    lines = showing.text(comparing.compare(report(one), report(better(one)), 500)).splitlines()
    assert lines[0].split() == ["A", "B", "B", "-", "A", "95", "%", "interval"]
    assert lines[2].startswith("accuracy") and "+0.0150    [+0.0150, +0.0150] **" in lines[2]
    assert lines[6].split() == ["car", "absent", "absent", "absent"]
    notes = [line for line in lines if line.startswith("Note: ")]
    assert (
        "5 differences" in notes[0] and "0.3 would" in notes[0] and "11 images are few" in notes[2]
    )
    assert "11 better in B, 0 worse" in "\n".join(lines)


def test_files_replace_their_like_alone(tmp_path):
    found = comparing.compare(report(confusions()), report(confusions(seed=2)), 100)
    html, data = str(tmp_path / "new/c.html"), str(tmp_path / "c.json")
    showing.check_targets(html, data)
    showing.save(found, html, data)
    assert json.loads((tmp_path / "c.json").read_text(encoding="utf-8")) == found
    showing.check_targets(html, data)
    with pytest.raises(FileExistsError, match="--html .*c.json exists and is something else"):
        showing.check_targets(data, None)
    with pytest.raises(ValueError, match="give two names"):
        showing.check_targets(str(tmp_path / "x"), str(tmp_path / "x"))
    showing.save(found, None, None)
