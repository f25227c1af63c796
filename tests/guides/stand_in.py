"""tools/prepare_voc.py on small archives from a server on this machine, for who has no Pascal VOC.

    python tests/guides/stand_in.py --download

makes two archives with the folders of VOC's and SBD's and generated shapes for pictures, serves
them, and runs tools/prepare_voc.py with its own options, `--voc_url` and `--sbd_url` added.
Nothing else differs but the checksums and counts that it expects.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from paddle_ann.datasets import toy_voc  # noqa: E402
from tests.datasets.prepare.conftest import mat, tar  # noqa: E402

VOC, SBD = "VOCtrainval_11-May-2012.tar", "benchmark.tgz"
_SPLITS = ("train", "val")


def main(train: int = 9, val: int = 3, aug: int = 8, size: tuple[int, int] = (96, 128)) -> int:
    """Runs the command line's options against archives with so many pictures."""
    import prepare_voc

    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as address:
        make_archives(Path(folder), train, val, aug, size)
        package = prepare_voc.load_package()
        _expect(package, Path(folder), package.Counts(train, val, train + aug))
        prepare_voc.load_package = lambda: package
        sys.argv[0] = "prepare_voc.py"
        sys.argv += ["--voc_url", f"{address}/{VOC}", "--sbd_url", f"{address}/{SBD}"]
        return int(prepare_voc.main())


def make_archives(folder: Path, train: int, val: int, aug: int, size: tuple[int, int]) -> None:
    """Writes both archives; SBD's has the masks of the `aug` pictures."""
    toy = toy_voc.generate(folder / "toy", num_train=train + aug, num_val=val, size=size)
    source = toy / "VOC2012"
    lists = {s: (source / f"ImageSets/Segmentation/{s}.txt").read_text().split() for s in _SPLITS}
    extra = lists["train"][train:]
    lists["train"] = lists["train"][:train]
    lists["trainval"] = lists["train"] + lists["val"]
    voc = {f"ImageSets/Segmentation/{s}.txt": _lines(names) for s, names in lists.items()}
    for name in [*lists["trainval"], *extra]:
        voc[f"JPEGImages/{name}.jpg"] = (source / f"JPEGImages/{name}.jpg").read_bytes()
    masks = source / "SegmentationClass"
    for name in lists["trainval"]:
        voc[f"SegmentationClass/{name}.png"] = (masks / f"{name}.png").read_bytes()
    sbd = {f"cls/{name}.mat": _sbd_mask(masks / f"{name}.png") for name in extra}
    sbd["train.txt"], sbd["val.txt"] = _lines(extra[::2]), _lines(extra[1::2])
    tar(folder / VOC, {f"VOCdevkit/VOC2012/{name}": content for name, content in voc.items()})
    benchmark = {f"benchmark_RELEASE/dataset/{name}": content for name, content in sbd.items()}
    tar(folder / SBD, benchmark, "w:gz")


def _lines(names: list[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def _sbd_mask(path: Path) -> bytes:
    """SBD's form of a mask; it has no 255 along the borders."""
    ids = np.array(Image.open(path))
    return mat(np.where(ids == 255, 0, ids).astype(np.uint8))


def _expect(package: ModuleType, folder: Path, counts: object) -> None:
    """Tells the package the checksums and counts of these archives."""
    for word, name in (("VOC2012", VOC), ("SBD", SBD)):
        content = (folder / name).read_bytes()
        known = dataclasses.replace(
            getattr(package, word), md5=hashlib.md5(content).hexdigest(), size=len(content)
        )
        setattr(package, word, known)
    package.prepare_voc = partial(package.prepare_voc, counts=counts)  # type: ignore[attr-defined]


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Serves a folder on this machine alone and yields its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    os.environ["NO_PROXY"] = "127.0.0.1"
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


if __name__ == "__main__":
    sys.exit(main())
