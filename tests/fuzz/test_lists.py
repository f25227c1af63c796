"""List files with anything in them: read, or refused with file, line and reason."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import strategies as st
from paddleseg.datasets import Dataset, PascalVOC

from paddle_ann.compat.lists import read_lines
from paddle_ann.compat.samples import NamingDataset
from paddle_ann.datasets.audit import plan, report
from paddle_ann.datasets.check import check_dataset
from tests.fuzz.mutations import spoilt_bytes
from tests.fuzz.outcome import attempt
from tests.fuzz.profiles import fuzz

IMAGES = [f"VOC2012/JPEGImages/image{i}.jpg" for i in range(3)]
MASKS = [f"VOC2012/SegmentationClass/image{i}.png" for i in range(3)]
NAMES = st.sampled_from(
    [*IMAGES, *MASKS, "/dev/null", "/dev/zero", "../voc/" + IMAGES[0], "VOC2012", ".", "", "/"]
    + ["gone.jpg", "image0", "image1", "a" * 300, "a/" * 3000, "caf\u00e9.jpg", "cafe\u0301.jpg"]
    + ["~/a.jpg", "C:\\a.jpg", "a\0b.jpg", "\ufeffimage0", "image0\u200b", "http://a/b.jpg", "\x1f"]
) | st.text(max_size=8)
SEPARATORS = st.sampled_from([" ", " ", "\t", ",", "  ", ", ", "\u3000", "\0", "|", "\x1f", ""])
ENDS = st.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n", "\x0b", "\u2028", "\0", ""])


@st.composite
def lists(draw: st.DrawFn) -> bytes:
    """A list of right and wrong lines, in a right or a wrong encoding."""
    text = ""
    for _ in range(draw(st.integers(0, 4))):
        names = draw(st.lists(NAMES, max_size=3)) if draw(st.booleans()) else [IMAGES[0], MASKS[0]]
        text += draw(SEPARATORS).join(names) + draw(ENDS)
    if draw(st.integers(0, 30)) == 0:
        text += " ".join(["word"] * 30_000)
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "gb18030"]))
    content = text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")
    return draw(spoilt_bytes(content)) if draw(st.integers(0, 4)) == 0 else content


def look_through(dataset: Dataset) -> None:
    """Checks a data set, and reads its first sample."""
    check_dataset(dataset, budget_s=1)
    NamingDataset(dataset)[0]


def listed(root: Path, path: Path, mode: str, separator: str) -> Dataset:
    return Dataset(
        mode=mode,
        dataset_root=str(root),
        transforms=[],
        num_classes=21,
        separator=separator,
        **{f"{mode}_path": str(path)},
    )


@fuzz(
    fast=40,
    slow=2500,
    content=lists(),
    separator=SEPARATORS,
    mode=st.sampled_from(["train", "val", "test"]),
)
def test_list_of_pairs(tmp_path, pictures, content, separator, mode):
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    attempt("list: lines", lambda: read_lines(str(path)))

    def read() -> None:
        dataset = listed(pictures, path, mode, separator)
        if mode != "test":
            look_through(dataset)

    attempt("list: Dataset", read)


@st.composite
def stems(draw: st.DrawFn) -> bytes:
    """A list of names without ending, of which at most one is wrong."""
    names = draw(st.lists(st.sampled_from([f"image{i}" for i in range(5)]), max_size=6))
    if draw(st.booleans()):
        names.insert(draw(st.integers(0, len(names))), draw(NAMES))
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\n\n", " \n"]))
    content = end.join(names).encode("utf-8", "surrogatepass")
    return draw(spoilt_bytes(content)) if draw(st.integers(0, 4)) == 0 else content


@fuzz(fast=25, slow=1500, content=stems() | stems() | lists() | st.binary(max_size=40))
def test_list_of_stems(pictures, content):
    with tempfile.TemporaryDirectory() as root:
        voc = Path(root, "VOC2012")
        (voc / "ImageSets/Segmentation").mkdir(parents=True)
        for name in ("JPEGImages", "SegmentationClass"):
            (voc / name).symlink_to(pictures / "VOC2012" / name)
        (voc / "ImageSets/Segmentation/train.txt").write_bytes(content)
        attempt("list: PascalVOC", lambda: look_through(PascalVOC([], root, "train")))


@fuzz(fast=20, slow=1000, content=lists())
def test_audit(tmp_path, pictures, content):
    path = tmp_path / "list.txt"
    path.write_bytes(content)

    def audit() -> None:
        found = plan.from_list("train", str(path), str(pictures))
        report.check(plan.Plan([found], 21))

    attempt("list: check_data", audit)
