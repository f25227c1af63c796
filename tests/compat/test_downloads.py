"""Downloads: none without consent; HTTPS, resumed, checked, unpacked with care."""

from __future__ import annotations

import hashlib
import inspect
import io
import os
import stat
import tarfile
import threading
import zipfile

import paddle
import pytest
import requests
from paddleseg import utils
from paddleseg.cvlibs import manager
from paddleseg.datasets import ADE20K, PascalVOC
from paddleseg.utils import download

import paddle_ann.compat.downloads as consent
from paddle_ann.datasets.prepare import ChecksumError, DownloadError, Patience
from paddle_ann.datasets.prepare import download as prepared
from tests.compat import tiny

fetch = download.download_file_and_uncompress


@pytest.fixture(autouse=True)
def consent_as_it_was(monkeypatch):
    monkeypatch.delenv("PADDLE_ANN_DOWNLOAD", raising=False)
    monkeypatch.setattr(prepared, "Patience", lambda: Patience(2, 5, 5, 0.01, 0.02))
    yield
    consent.allow_downloads(None)


@pytest.fixture
def offline(monkeypatch):
    """The addresses that were asked, in vain."""
    asked = []

    def send(self, request, **kwargs):
        asked.append(request.url)
        raise requests.exceptions.ConnectionError(request.url)

    monkeypatch.setattr(requests.Session, "send", send)
    return asked


class Host:
    """Answers with files by URL; a file that is a list is sent piece by piece, then breaks off."""

    def __init__(self, secure: bool = True) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.secure, self.breaks = secure, 0
        self.leads_to: str | None = None

    def send(self, session, request, **kwargs):
        where = request.headers.get("Range", "")
        self.asked.append((request.method, request.url, where))
        if request.url.startswith("https") and not self.secure:
            raise requests.exceptions.ConnectionError("no TLS here")
        response = requests.Response()
        response.url, response.request = self.leads_to or request.url, request
        content = self.files.get(request.url.split("://")[1])
        if content is None:
            response.status_code, response.raw = 404, io.BytesIO(b"not found")
            return response
        start = int(where[len("bytes=") : -1]) if where else 0
        response.status_code = 206 if where else 200
        response.headers["Content-Length"] = str(len(content) - start)
        response.headers["ETag"] = '"1"'
        if where:
            response.headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:]
        if self.breaks:
            self.breaks -= 1
            body = body[: len(body) // 2]
        response.raw = io.BytesIO(body)
        return response


@pytest.fixture
def host(monkeypatch):
    one = Host()
    monkeypatch.setattr(requests.Session, "send", lambda s, r, **k: one.send(s, r, **k))
    consent.allow_downloads()
    return one


def tar_of(files, mode="w:gz"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = content if isinstance(content, bytes) else b""
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zip_of(files, **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


# -- consent --------------------------------------------------------------------------------------


def datasets_that_download():
    for name, kind in sorted(manager.DATASETS.components_dict.items()):
        module = __import__(kind.__module__, fromlist=["x"])
        if kind.__module__.startswith("paddleseg.") and hasattr(
            module, "download_file_and_uncompress"
        ):
            yield pytest.param(kind, id=name)


def _needed(kind):
    return [name for name in inspect.signature(kind).parameters if "transforms" in name]


@pytest.mark.parametrize("kind", list(datasets_that_download()))
def test_no_data_set_is_downloaded_without_consent(kind, offline, tmp_path):
    root = tmp_path / "mistyped"
    with pytest.raises(FileNotFoundError, match="mistyped does not exist.*://.*--download"):
        kind(**{name: [] for name in _needed(kind)}, dataset_root=str(root))
    assert offline == [] and os.listdir(tmp_path) == []


def test_no_weights_without_consent_but_from_the_cache(offline, tmp_path, monkeypatch):
    monkeypatch.setattr(utils.utils.seg_env, "PRETRAINED_MODEL_HOME", str(tmp_path))
    url = "https://example.com/models/tiny/model.pdparams"
    model = tiny.tiny_model()
    with pytest.raises(FileNotFoundError, match=r"example.com.*allow_downloads\(\)"):
        utils.load_pretrained_model(model, url)
    assert offline == [] and os.listdir(tmp_path) == []
    (tmp_path / "tiny").mkdir()
    paddle.save(tiny.tiny_model().state_dict(), str(tmp_path / "tiny/model.pdparams"))
    utils.load_pretrained_model(model, url)
    assert offline == []


@pytest.mark.parametrize("way", ["call", "environment"])
def test_with_consent_it_asks_and_leaves_nothing_half(offline, tmp_path, monkeypatch, way):
    if way == "call":
        consent.allow_downloads()
    else:
        monkeypatch.setenv("PADDLE_ANN_DOWNLOAD", "1")
    with pytest.raises(DownloadError, match="ConnectionError.*2 times in a row.*other means"):
        PascalVOC([], dataset_root=str(tmp_path / "voc"))
    assert offline and os.listdir(tmp_path) == []
    consent.allow_downloads(False)
    with pytest.raises(FileNotFoundError):
        ADE20K([], dataset_root=str(tmp_path / "ade"))


# -- fetching -------------------------------------------------------------------------------------

URL = "https://example.com/models/net.tar.gz"


def run(folder, url=URL, **options):
    options = {"savepath": str(folder), "extrapath": str(folder), "extraname": "net", **options}
    return fetch(url, **options)


@pytest.mark.parametrize("pack", [tar_of, lambda files: tar_of(files, "w"), zip_of])
@pytest.mark.parametrize("root", ["", "net_v2/", "./net_v2/"])
def test_an_archive_becomes_the_folder(host, tmp_path, pack, root):
    files = {f"{root}model.pdparams": b"weights", f"{root}a/b.txt": b"more", "__MACOSX/x": b""}
    host.files["example.com/models/net.tar.gz"] = pack(files)
    assert run(tmp_path, filename="model.pdparams") == str(tmp_path / "net")
    assert (tmp_path / "net/model.pdparams").read_bytes() == b"weights"
    assert (tmp_path / "net/a/b.txt").read_bytes() == b"more"
    assert os.listdir(tmp_path) == ["net"]
    host.asked.clear()
    run(tmp_path, filename="model.pdparams")
    assert host.asked == []


def test_weights_by_url(host, tmp_path, monkeypatch):
    monkeypatch.setattr(utils.utils.seg_env, "PRETRAINED_MODEL_HOME", str(tmp_path))
    source = tiny.tiny_model()
    paddle.save(source.state_dict(), str(tmp_path / "w"))
    content = (tmp_path / "w").read_bytes()
    host.files["example.com/m/tiny/model.pdparams"] = content
    host.files["example.com/m/packed.tar.gz"] = tar_of({"x/model.pdparams": content})
    digest = hashlib.sha256(content).hexdigest()
    for end in (f"tiny/model.pdparams#sha256={digest}", "packed.tar.gz"):
        model = tiny.tiny_model()
        utils.load_pretrained_model(model, f"https://example.com/m/{end}")
        assert (model.conv.weight == source.conv.weight).all()


def test_a_download_goes_on_where_it_broke_off(host, tmp_path):
    content = tar_of({"net/model.pdparams": os.urandom(70_001)})
    host.files["example.com/models/net.tar.gz"] = content
    host.breaks = 1
    run(tmp_path)
    asked = [where for _, url, where in host.asked if url == URL]
    assert asked[0] == "" and asked[1].startswith("bytes=")


def test_the_next_run_goes_on_where_one_was_stopped(host, tmp_path, monkeypatch):
    content = tar_of({"net/model.pdparams": os.urandom(70_001)})
    host.files["example.com/models/net.tar.gz"] = content
    host.breaks = 1

    def stop(seconds):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(prepared.time, "sleep", stop)
        run(tmp_path)
    assert os.listdir(tmp_path) == ["net.download"]
    run(tmp_path)
    assert host.asked[1][2] == f"bytes={len(content) // 2}-" and os.listdir(tmp_path) == ["net"]


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_checksum_is_verified(host, tmp_path, kind):
    content = tar_of({"net/model.pdparams": b"weights"})
    host.files["example.com/models/net.tar.gz"] = content
    digest = hashlib.new(kind, content).hexdigest()
    wrong = digest.translate(str.maketrans("0123456789", "1234567890"))
    with pytest.raises(ChecksumError, match=f"its {kind} is {digest}, not {wrong}"):
        run(tmp_path, url=f"{URL}#{kind}={wrong}")
    assert not (tmp_path / "net").exists()
    run(tmp_path, url=f"{URL}#{kind}={digest}")
    assert (tmp_path / "net/model.pdparams").exists()
    with pytest.raises(ValueError, match="behind the # must stand"):
        run(tmp_path, url=f"{URL}#sha1=123")


def test_without_a_known_checksum_the_one_found_is_shown(host, tmp_path, capsys):
    content = tar_of({"net/model.pdparams": b"weights"})
    host.files["example.com/models/net.tar.gz"] = content
    run(tmp_path)
    found = hashlib.sha256(content).hexdigest()
    assert f"sha256 {found}; none is known to compare it with" in capsys.readouterr().err


def test_the_known_checksum_of_voc_is_used(host, tmp_path):
    name = "host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar"
    host.files[name] = tar_of({"VOCdevkit/VOC2012/x": b""}, "w")
    with pytest.raises(ChecksumError, match="not 6cd6e144f989b92b3379bac3b3de84fd"):
        PascalVOC([], dataset_root=str(tmp_path / "VOCdevkit"))
    assert not (tmp_path / "VOCdevkit").exists()


def test_https_where_the_host_has_it(host, tmp_path, capsys):
    host.files["example.com/models/net.tar.gz"] = tar_of({"net/model.pdparams": b"1"})
    run(tmp_path, url=URL.replace("https", "http"))
    assert {url for _, url, _ in host.asked} == {URL}
    host.secure = False
    run(tmp_path, url=URL.replace("https", "http"), extraname="other")
    assert host.asked[-1][1] == URL.replace("https", "http")
    assert "example.com does not give this file over HTTPS" in capsys.readouterr().err


def test_https_does_not_lead_to_http(host, tmp_path):
    host.files["example.com/models/net.tar.gz"] = tar_of({"net/model.pdparams": b"1"})
    host.leads_to = "http://elsewhere.com/net.tar.gz"
    with pytest.raises(DownloadError, match="leads to http://elsewhere.com.* is not encrypted"):
        run(tmp_path)
    assert os.listdir(tmp_path) == []


def test_an_error_page_is_no_download(host, tmp_path):
    with pytest.raises(DownloadError, match="status 404"):
        run(tmp_path)
    assert os.listdir(tmp_path) == []


def test_several_processes_download_once(host, tmp_path):
    host.files["example.com/models/net.tar.gz"] = tar_of({"net/model.pdparams": b"1"})
    threads = [threading.Thread(target=run, args=(tmp_path,)) for _ in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(host.asked) == 1 and os.listdir(tmp_path) == ["net"]


def test_an_archive_at_hand_is_used_without_consent_and_stays(host, tmp_path):
    consent.allow_downloads(False)
    (tmp_path / "net.tar.gz").write_bytes(tar_of({"net/model.pdparams": b"1"}))
    run(tmp_path)
    assert host.asked == [] and sorted(os.listdir(tmp_path)) == ["net", "net.tar.gz"]


def test_what_is_there_is_not_replaced(host, tmp_path):
    host.files["example.com/models/net.tar.gz"] = tar_of({"net/model.pdparams": b"1"})
    (tmp_path / "net").mkdir()
    (tmp_path / "net/mine").touch()
    with pytest.raises(FileExistsError, match="net is there, but has no model.pdparams"):
        run(tmp_path, filename="model.pdparams")
    assert os.listdir(tmp_path / "net") == ["mine"]


@pytest.mark.parametrize("url", ["https://x.com/a/..", "https://x.com/", "https://x.com/a/%00\0"])
def test_a_url_without_a_name(host, tmp_path, url):
    with pytest.raises(ValueError, match="tells no name"):
        run(tmp_path, url=url)
    with pytest.raises(ValueError, match="tells no name"):
        run(tmp_path, extraname="..")
    with pytest.raises(ValueError, match="tells no name"):
        utils.load_pretrained_model(tiny.tiny_model(), "https://x.com/a/../model.pdparams")
    assert os.listdir(tmp_path) == []


# -- hostile archives -----------------------------------------------------------------------------


def link(name, kind, to):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


def zip_member(name, mode):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


ABSOLUTE = f"/tmp/evil-{os.getpid()}"
LINK = zip_member("net/link", stat.S_IFLNK | 0o777)
HOSTILE = {
    "tar: up": (tar_of({"../evil": b"x"}), "leads out"),
    "tar: down and up": (tar_of({"net/a/../../../evil": b"x"}), "leads out"),
    "tar: absolute": (tar_of({ABSOLUTE: b"x"}), "leads out"),
    "tar: symbolic link": (tar_of({"a": link("net/a", tarfile.SYMTYPE, "/etc")}), "no plain file"),
    "tar: link and through it": (
        tar_of({"a": link("net", tarfile.SYMTYPE, ".."), "net/evil": b"x"}), "no plain file"
    ),
    "tar: hard link": (
        tar_of({"a": link("net/a", tarfile.LNKTYPE, "/etc/passwd")}), "no plain file"
    ),
    "tar: device": (tar_of({"a": link("net/a", tarfile.CHRTYPE, "")}), "no plain file"),
    "tar: pipe": (tar_of({"a": link("net/a", tarfile.FIFOTYPE, "")}), "no plain file"),
    "zip: up": (zip_of({"../evil": b"x"}), "leads out"),
    "zip: down and up": (zip_of({"net/../../evil": b"x"}), "leads out"),
    "zip: absolute": (zip_of({ABSOLUTE: b"x"}), "leads out"),
    "zip: backslashes": (zip_of({"..\\evil": b"x"}), "leads out"),
    "zip: link": (zip_of({LINK: "/etc/passwd"}), "no plain file"),
    "zip: device": (zip_of({zip_member("d", stat.S_IFCHR): b""}), "no plain file"),
    "zip: twice": (zip_of({"net/a": b"1", "net/./a": b"2"}), "comes twice"),
    "zip: bzip2": (zip_of({"net/a": b"1"}, compression=zipfile.ZIP_BZIP2), "packed by method 12"),
    "zip: bomb": (
        zip_of({"net/a": bytes(150 << 20)}, compression=zipfile.ZIP_DEFLATED), "200 times its own"
    ),
    "tar.bz2": (tar_of({"net/a": b"x"}, "w:bz2"), "packed by bzip2"),
    "tar.xz": (tar_of({"net/a": b"x"}, "w:xz"), "packed by xz"),
    "tar.gz cut": (tar_of({"net/a": os.urandom(10**5)})[:-1000], "damaged|ends within"),
    "zip cut": (zip_of({"net/a": os.urandom(10**5)})[:-1000], "damaged"),
    "zip with a false sum": (
        zip_of({"net/a": b"content!"}).replace(b"content!", b"CONTENT!"), "damaged"
    ),
    "without the file": (tar_of({"net/other": b"x"}), "holds net, not the model.pdparams"),
    "empty": (tar_of({}), "holds nothing"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives(host, tmp_path, name):
    content, reason = HOSTILE[name]
    host.files["example.com/models/net.tar.gz"] = content
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    with pytest.raises(ValueError, match=reason):
        run(inner, filename="model.pdparams")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["a", "a/b"]
    assert not os.path.exists(ABSOLUTE)


def test_an_archive_in_an_archive_stays_a_file(host, tmp_path):
    inner = tar_of({"../evil": b"x"})
    host.files["example.com/models/net.tar.gz"] = zip_of({"net/inner.tar.gz": inner})
    run(tmp_path)
    assert (tmp_path / "net/inner.tar.gz").read_bytes() == inner
    assert os.listdir(tmp_path) == ["net"]


def test_weights_that_are_zips_are_not_unpacked(host, tmp_path):
    content = zip_of({"archive/data.pkl": b"N."})
    host.files["example.com/models/net.pth"] = content
    run(tmp_path, url="https://example.com/models/net.pth", filename="net.pth")
    assert (tmp_path / "net/net.pth").read_bytes() == content


def test_paddlesegs_own_way_writes_outside(tmp_path):
    """What is mended is there: its function extracts `..`."""
    original = inspect.unwrap(fetch)
    (tmp_path / "in").mkdir()
    members = {"net": link("net", tarfile.DIRTYPE, ""), "../evil": b"x"}
    (tmp_path / "in/net.tgz").write_bytes(tar_of(members))
    where = str(tmp_path / "in")
    original("https://x/net.tgz", savepath=where, extrapath=where, print_progress=False)
    assert (tmp_path / "evil").exists()
