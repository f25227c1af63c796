"""Small archives of VOC's and SBD's structure, and a local server with the faults of real ones."""

from __future__ import annotations

import hashlib
import io
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from paddle_ann.datasets import toy_voc
from paddle_ann.datasets.prepare import Archive, Counts, Patience

HASTY = Patience(attempts=3, connect_s=5, read_s=5, first_wait_s=0.01, longest_wait_s=0.02)
TRAIN = ["2007_000032", "2007_000039", "2007_000063"]
VAL = ["2007_000033", "2007_000042"]
AUG = [f"2008_{n:06d}" for n in (2, 3, 5, 7, 11)]
COUNTS = Counts(train=3, val=2, trainaug=8)
HEIGHT, WIDTH = 101, 131


def png(ids: np.ndarray) -> bytes:
    image = Image.fromarray(ids)
    image.putpalette(toy_voc.VOC_PALETTE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def mat(ids: np.ndarray) -> bytes:
    """One of SBD's: a structure GTcls with Boundaries, Segmentation and CategoriesPresent."""
    present = np.setdiff1d(np.unique(ids), [0]).astype(np.uint8)
    content = {"Boundaries": np.zeros((20, 1)), "Segmentation": ids, "CategoriesPresent": present}
    buffer = io.BytesIO()
    savemat(buffer, {"GTcls": content}, do_compression=True)
    return buffer.getvalue()


def sbd_ids(name: str) -> np.ndarray:
    """The mask that SBD has for a picture: (H, W) in [0, 20]."""
    random = np.random.default_rng(int(name.replace("_", "")))
    return np.kron(random.integers(0, 21, (11, 11)), np.ones((13, 13), int))[
        :HEIGHT, :WIDTH
    ].astype(np.uint8)


def voc_ids(name: str) -> np.ndarray:
    """The mask that VOC has, which knows 255 as SBD does not."""
    ids = sbd_ids(name).copy()
    ids[::7] = 255
    return ids


def tar(path: Path, entries: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as file:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def voc_entries() -> dict[str, bytes]:
    entries = {}
    for name in TRAIN + VAL + AUG:
        noise = np.random.default_rng(len(entries)).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        entries[f"JPEGImages/{name}.jpg"] = toy_voc.jpeg(noise)
        entries[f"Annotations/{name}.xml"] = b"<annotation/>"
    for name in TRAIN + VAL:
        entries[f"SegmentationClass/{name}.png"] = png(voc_ids(name))
    for name, ids in (("train", TRAIN), ("val", VAL), ("trainval", TRAIN + VAL)):
        entries[f"ImageSets/Segmentation/{name}.txt"] = "".join(f"{n}\n" for n in ids).encode()
    return {f"VOCdevkit/VOC2012/{name}": content for name, content in entries.items()}


def sbd_entries() -> dict[str, bytes]:
    names = [*AUG, TRAIN[1], VAL[0]]  # SBD has some of VOC's own pictures too, of both splits
    entries = {f"cls/{name}.mat": mat(sbd_ids(name)) for name in names}
    entries["img/2008_000002.jpg"] = np.random.default_rng(5).bytes(150_001)
    entries["train.txt"] = "".join(f"{n}\n" for n in names[::2]).encode()
    entries["val.txt"] = "".join(f"{n}\n" for n in names[1::2]).encode()
    return {f"benchmark_RELEASE/dataset/{name}": content for name, content in entries.items()}


@dataclass(frozen=True)
class Archives:
    """Both archives as files, and as what can be downloaded from a server's address."""

    voc_path: Path
    sbd_path: Path

    def named(self, path: Path, *urls: str) -> Archive:
        digest = hashlib.md5(path.read_bytes()).hexdigest()
        return Archive(path.name, digest, urls, path.stat().st_size)

    def options(self, *, voc_urls: tuple[str, ...] = (), sbd_urls: tuple[str, ...] = ()) -> dict:
        return {
            "voc": self.named(self.voc_path, *(voc_urls or ("http://127.0.0.1:9/none",))),
            "sbd": self.named(self.sbd_path, *(sbd_urls or ("http://127.0.0.1:9/none",))),
            "counts": COUNTS,
            "patience": HASTY,
        }

    def given(self) -> dict:
        return {**self.options(), "voc_archive": self.voc_path, "sbd_archive": self.sbd_path}


def digest(root: Path) -> dict[str, str]:
    """What is in VOCdevkit, by name."""
    files = sorted(p for p in (root / "VOCdevkit").rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Archives:
    folder = tmp_path_factory.mktemp("archives")
    return Archives(
        tar(folder / "VOCtrainval_11-May-2012.tar", voc_entries()),
        tar(folder / "benchmark.tgz", sbd_entries(), "w:gz"),
    )


@dataclass
class Server:
    """What it serves as /MODE/NAME, and what it was asked."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)  # path, ranges
    etag: str = '"one"'
    piece: int = 40_000  # bytes after which mode cut hangs up, and pause of mode slow

    def url(self, mode: str, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{mode}/{name}"


class Handler(BaseHTTPRequestHandler):
    state: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        state, (_, mode, name) = self.state, self.path.split("/")
        state.asked.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        content = state.files[name]
        if mode == "gone" or (mode == "busy" and len(state.asked) < 3):
            return self.page(404 if mode == "gone" else 503)
        if mode == "page":
            return self.page(200)
        if mode == "redirect":
            self.send_response(302)
            self.send_header("Location", f"/plain/{name}")
            return self.end_headers()
        if mode == "wrong":
            content = content[:-3] + b"abc"
        self.file(mode, content)

    def page(self, status: int) -> None:
        text = b"<html>no</html>"
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def file(self, mode: str, content: bytes) -> None:
        first = 0
        asked = self.headers.get("Range")
        if (
            asked
            and mode != "norange"
            and self.headers.get("If-Range", "") in ("", self.state.etag)
        ):
            first = int(asked[len("bytes=") :].rstrip("-"))
        total = len(content)
        if first >= total:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
        if mode != "nolength":
            self.send_header("Content-Length", str(total - first))
        self.send_header("ETag", self.state.etag)
        self.end_headers()
        body, piece = content[first:], self.state.piece
        if mode == "cut":
            body = body[:piece]
        for start in range(0, len(body), piece):
            try:
                self.wfile.write(body[start : start + piece])
            except OSError:  # the client was killed
                return
            if mode == "slow":
                time.sleep(0.2)


@pytest.fixture
def server(archives: Archives) -> Iterator[Server]:
    state = Server(files={p.name: p.read_bytes() for p in (archives.voc_path, archives.sbd_path)})
    handler = type("Bound", (Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        state.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _only_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but this machine can be reached, from here or from a process started here."""
    connect = socket.socket.connect

    def local(self: socket.socket, address: tuple) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1"):
            raise AssertionError(f"a test reached for {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody answers
