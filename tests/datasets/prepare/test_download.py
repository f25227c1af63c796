"""Downloads from a local server with the faults of real ones."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from pathlib import Path

import pytest

from paddle_ann.datasets.prepare import ChecksumError, DownloadError, answers, download, prepare_voc
from paddle_ann.datasets.prepare.answers import Interrupted, Note, Refused
from paddle_ann.datasets.prepare.download import fetch

from .conftest import COUNTS, HASTY, Archives, Server

URL = "http://x/y"


@pytest.fixture
def get(archives: Archives, server: Server, tmp_path: Path):
    """Downloads VOC's archive in the given modes and compares it."""
    content = archives.voc_path.read_bytes()

    def get(*modes: str) -> Path:
        target = tmp_path / archives.voc_path.name
        urls = [server.url(mode, target.name) for mode in modes]
        fetch(archives.named(archives.voc_path, *urls), target, HASTY)
        assert target.read_bytes() == content
        assert [p.name for p in tmp_path.iterdir() if p.suffix != ".bad"] == [target.name]
        return target

    return get


def ranges(server: Server) -> list[str | None]:
    return [asked for _, asked, _ in server.asked]


def test_from_download_to_folders(archives: Archives, server: Server, tmp_path: Path) -> None:
    voc, sbd = (server.url("plain", p.name) for p in (archives.voc_path, archives.sbd_path))
    options = archives.options(voc_urls=(voc,), sbd_urls=(sbd,))
    done = prepare_voc(tmp_path, **options, download=True)
    assert done.counts == COUNTS
    assert [p.name for p in done.archives] == [archives.voc_path.name, archives.sbd_path.name]
    asked = len(server.asked)
    prepare_voc(tmp_path, **options, download=True)
    assert len(server.asked) == asked == 2


@pytest.mark.parametrize("mode", ["plain", "redirect", "nolength"])
def test_whole_at_once(get, server: Server, mode: str) -> None:
    get(mode)
    assert ranges(server)[0] is None


def test_a_cut_connection_is_taken_up_where_it_broke(
    get, server: Server, archives: Archives, capsys: pytest.CaptureFixture[str]
) -> None:
    get("cut")
    size = archives.voc_path.stat().st_size
    starts = [int(asked[6:-1]) if asked else 0 for asked in ranges(server)]
    gains = [after - before for before, after in zip(starts, [*starts[1:], size])]
    assert all(server.piece - (1 << 14) < gain <= server.piece for gain in gains[:-1])
    assert len(starts) > HASTY.attempts
    assert {tag for _, _, tag in server.asked[1:]} == {server.etag}
    assert "the connection broke off; 0.0 MB are here, trying again" in capsys.readouterr().err


def begin(server: Server, archives: Archives, tmp_path: Path) -> Path:
    """Leaves a part as a killed download does."""
    target = tmp_path / archives.voc_path.name
    part = download.Part(target)
    content = archives.voc_path.read_bytes()
    part.note = Note(server.url("plain", target.name), server.etag, None, len(content))
    part.path.write_bytes(content[:50_003])
    return part.path


def test_what_was_there_is_not_sent_again(
    get, server: Server, archives: Archives, tmp_path: Path
) -> None:
    begin(server, archives, tmp_path)
    get("plain")
    assert ranges(server) == ["bytes=50003-"]


def test_another_version_of_the_file_is_fetched_from_the_start(
    get, server: Server, archives: Archives, tmp_path: Path
) -> None:
    begin(server, archives, tmp_path).write_bytes(b"old" * 20_000)
    server.etag = '"two"'
    get("plain")
    assert ranges(server) == ["bytes=60000-"]


def test_a_server_without_ranges_starts_anew(
    get, server: Server, archives: Archives, tmp_path: Path
) -> None:
    begin(server, archives, tmp_path)
    get("norange")
    assert server.asked[0][1] == "bytes=50003-"


def test_a_part_without_a_note_is_not_trusted(get, server, archives, tmp_path) -> None:
    path = begin(server, archives, tmp_path)
    path.with_name(path.name + ".json").write_text("{")
    get("plain")
    assert ranges(server) == [None]


@pytest.mark.parametrize("more", [0, 7])
def test_nothing_left_to_send(get, server, archives, tmp_path, more: int) -> None:
    """A 416: the part is the whole file, or longer, which is thrown away."""
    begin(server, archives, tmp_path).write_bytes(archives.voc_path.read_bytes() + b"x" * more)
    get("plain")
    assert len(server.asked) == (1 if more == 0 else 2)


def test_a_busy_server_is_asked_again(get, server: Server) -> None:
    get("busy")
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("mode", "reason"), [("gone", "status 404"), ("page", r"a web page \(text/html\)")]
)
def test_a_page_is_never_the_file(get, server, tmp_path, mode: str, reason: str) -> None:
    with pytest.raises(DownloadError, match=f"{mode}/VOCtrain.*{reason}.*--voc_url.*--voc_archive"):
        get(mode)
    assert len(server.asked) == 1 and not list(tmp_path.iterdir())


def test_another_file_is_kept_aside_and_named_with_both_sums(
    get, server: Server, archives: Archives, tmp_path: Path
) -> None:
    wrong = archives.voc_path.read_bytes()[:-3] + b"abc"
    right = hashlib.md5(archives.voc_path.read_bytes()).hexdigest()
    with pytest.raises(ChecksumError, match=f"{hashlib.md5(wrong).hexdigest()}, not {right}.*bad"):
        get("wrong")
    assert [p.name for p in tmp_path.iterdir()] == ["VOCtrainval_11-May-2012.tar.bad"]
    get("plain")


def test_the_next_mirror_is_asked(get, server: Server) -> None:
    get("gone", "wrong", "page", "plain")
    assert [path.split("/")[1] for path, _, _ in server.asked] == ["gone", "wrong", "page", "plain"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "file:///etc/passwd", "nonsense"])
def test_an_address_that_does_not_answer(archives: Archives, tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match="could not be downloaded. .*Run again"):
        fetch(archives.named(archives.voc_path, url), tmp_path / "x.tar", HASTY)
    assert not list(tmp_path.iterdir())


def test_a_server_that_falls_silent(archives: Archives, server: Server, tmp_path: Path) -> None:
    hasty = dataclasses.replace(HASTY, read_s=0.05, attempts=1)
    url = server.url("slow", archives.voc_path.name)
    target = tmp_path / "x.tar"
    with pytest.raises(DownloadError, match="timed out|Timeout"):
        fetch(archives.named(archives.voc_path, url), target, hasty)
    assert not target.exists()


def test_too_little_room(archives, server, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda p: dataclasses.make_dataclass("U", ["free"])(9))
    with pytest.raises(RuntimeError, match="Downloading VOC.*0.00 GB are free.*--root"):
        url = server.url("plain", archives.voc_path.name)
        fetch(archives.named(archives.voc_path, url), tmp_path / "x.tar", HASTY)
    assert not server.asked


def test_a_second_run_while_one_downloads(archives, server, tmp_path) -> None:
    options = archives.options(
        voc_urls=(server.url("slow", archives.voc_path.name),),
        sbd_urls=(server.url("plain", archives.sbd_path.name),),
    )
    first = threading.Thread(
        target=prepare_voc, args=(tmp_path,), kwargs={**options, "download": True}
    )
    first.start()
    while not list(tmp_path.glob("*.part")):
        assert first.is_alive()
    with pytest.raises(RuntimeError, match="another run is preparing"):
        prepare_voc(tmp_path, **options, download=True)
    first.join()
    assert prepare_voc(tmp_path, **options).counts == COUNTS


NOTE = Note(URL, '"a"', None, 13)


@pytest.mark.parametrize(
    ("status", "headers", "have", "expected"),
    [
        (200, {"Content-Length": "13", "ETag": '"b"'}, 5, (0, False, False)),
        (200, {}, 0, (0, False, False)),
        (206, {"Content-Range": "bytes 5-12/13"}, 5, (5, False, False)),
        (206, {"Content-Range": "bytes 3-12/13"}, 5, (3, False, False)),
        (206, {"Content-Range": "bytes 5-12/*"}, 5, (5, False, False)),
        (206, {"Content-Range": "bytes 7-12/13"}, 5, (0, False, True)),  # a hole
        (206, {"Content-Range": "bytes 5-16/17"}, 5, (0, False, True)),  # another file
        (206, {"Content-Range": "bytes */13"}, 5, (0, False, True)),
        (206, {"Content-Range": "nonsense"}, 5, (0, False, True)),
        (206, {}, 5, (0, False, True)),
        (416, {"Content-Range": "bytes */13"}, 13, (13, True, False)),
        (416, {}, 13, (13, True, False)),
        (416, {"Content-Range": "bytes */11"}, 13, (0, False, True)),
        (416, {"Content-Range": "bytes */0"}, 0, (0, False, True)),
    ],
)
def test_plans(status: int, headers: dict, have: int, expected: tuple) -> None:
    plan = answers.plan(URL, status, headers, have, NOTE)
    assert (plan.offset, plan.whole, plan.again) == expected


@pytest.mark.parametrize("status", [204, 301, 400, 401, 403, 404, 410, 451, 501])
def test_plans_refused(status: int) -> None:
    with pytest.raises(Refused, match=f"status {status}"):
        answers.plan(URL, status, {}, 5, NOTE)


@pytest.mark.parametrize(("wait", "seconds"), [("17", 17.0), ("Wed, 21 Oct 2026", 0.0)])
def test_plans_for_later(wait: str, seconds: float) -> None:
    with pytest.raises(Interrupted) as raised:
        answers.plan(URL, 503, {"Retry-After": wait}, 5, NOTE)
    assert raised.value.wait_s == seconds


@pytest.mark.parametrize(
    ("have", "note", "expected"),
    [
        (0, NOTE, {}),
        (5, None, {}),
        (5, NOTE, {"Range": "bytes=5-", "If-Range": '"a"'}),
        (5, Note(URL, None, "date"), {"Range": "bytes=5-", "If-Range": "date"}),
        (5, Note("http://mirror", '"a"'), {"Range": "bytes=5-"}),
        (5, Note(URL), {"Range": "bytes=5-"}),
    ],
)
def test_questions(have: int, note: Note | None, expected: dict) -> None:
    assert answers.question(URL, have, note) == {"Accept-Encoding": "identity", **expected}


def test_a_weak_name_does_not_vouch_for_bytes() -> None:
    assert answers.plan(URL, 200, {"ETag": 'W/"a"'}, 0, None).note.etag is None


def test_waits_grow_to_a_limit() -> None:
    patience = download.Patience()
    assert [patience.wait(n, 0.0) for n in (1, 2, 3, 9)] == [1.0, 2.0, 4.0, 60.0]
    assert patience.wait(1, 30.0) == 30.0 and patience.wait(1, 9999.0) == 60.0
