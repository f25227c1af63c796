"""VisualDL's server as we start it, and its pages in a browser."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from paddle_ann.monitor import viewer
from tests.browser.driver import needs_browser, visit
from tests.engine.launcher import core_port
from tests.engine.test_resume import ROOT
from tests.monitor import logs

PAGES = Path(__file__).with_name("pages.mjs")
FAST = ("--cache-timeout", "1")
CURVES = {"route": "scalar", "groups": ["Evaluate", "Train"], "kind": "canvas", "least": 600}
HISTOGRAMS = {"route": "histogram", "kind": "canvas", "least": 3000}


def test_a_folder_without_logs_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder"):
        viewer.check_folder(tmp_path / "no")
    with pytest.raises(FileNotFoundError, match="no VisualDL log .*--use_vdl"):
        viewer.check_folder(tmp_path)


def test_torn_logs_are_named_and_repaired_if_asked_for(told, tmp_path):
    good = logs.log_of(told)
    path = tmp_path / "run/vdlrecords.7.log"
    path.parent.mkdir()
    content = good.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(ValueError, match=r"run/vdlrecords.7.log: \d+ bytes behind .*--repair"):
        viewer.check_logs(tmp_path, repair=False)
    assert path.read_bytes() == content[:-3]
    (line,) = viewer.check_logs(tmp_path, repair=True)
    assert "vdlrecords.7.log" in line and content.startswith(path.read_bytes())
    assert viewer.check_logs(tmp_path, repair=False) == []


def test_a_port_that_is_taken_is_refused(told):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match=f"127.0.0.1:{port} .*--port"):
            with viewer.serving(told, "127.0.0.1", port):
                pytest.fail("it serves")


def test_a_server_that_ends_says_why(told):
    with pytest.raises(RuntimeError, match="ended at once: .*unrecognized arguments: --wrong"):
        with viewer.serving(told, "127.0.0.1", core_port(), "--wrong"):
            pytest.fail("it serves")


@pytest.fixture(scope="module")
def served(told):
    port = core_port()
    with viewer.serving(told, "127.0.0.1", port, *FAST):
        yield f"http://127.0.0.1:{port}"


def ask(url: str, method: str, **parameters: object):
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    with urllib.request.urlopen(f"{url}/app/api/{method}?{query}", timeout=60) as answer:
        found = json.loads(answer.read())
    assert found["status"] == 0, found
    return found["data"]


def test_it_answers_a_browser_of_any_language(served):
    request = urllib.request.Request(f"{served}/app/index", headers={"Accept-Language": "fr"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def test_the_server_has_the_numbers(served, told):
    rows = [line for line in logs.lines(told) if line["event"] == "train"]
    points = ask(served, "scalar/list", run=told, tag="Train/gradient_norm")
    assert [step for _, step, _ in points] == [row["iteration"] for row in rows]
    assert [v for *_, v in points] == pytest.approx([r["gradient_norm"] for r in rows], rel=1e-6)
    (row,) = ask(served, "hparams/list")
    best = [line["mIoU"] for line in logs.lines(told) if line["event"] == "evaluation"]
    assert row["metrics"]["Evaluate/mIoU"] == pytest.approx(best[-1], rel=1e-6)
    assert row["metrics"]["Evaluate/Best_mIoU"] == pytest.approx(max(best), rel=1e-6)
    assert row["hparams"]["batch_size"] == 2


@needs_browser
def test_curves_are_drawn(served):
    """One page with the fast tests; the others below."""
    (curves,) = visit(PAGES, url=served, pages=[{**CURVES, "groups": []}])
    assert curves["count"] >= CURVES["least"]


@needs_browser
@pytest.mark.slow
def test_all_pages_are_drawn(served, told, tmp_path):
    wanted = [
        CURVES,
        {"route": "sample/image", "kind": "images", "least": 2},
        {"route": "sample/image", "groups": ["Classes", "Validation image 3"],
         "kind": "images", "least": 2},
        HISTOGRAMS,
        {"route": "hyper-parameter", "kind": "text", "want": str(told), "least": 1},
        {"route": "pr-curve", "kind": "canvas", "least": 150},
    ]  # fmt: skip
    faults: list[str] = []
    found = visit(PAGES, url=served, pages=wanted, faults=faults)
    # A page that is left does not wait for its workers.
    assert [fault for fault in faults if "net::ERR_ABORTED" not in fault] == []
    for page, answer in zip(wanted, found):
        assert answer["count"] >= page["least"], (page, answer)
    assert "Evaluate/Best_mIoU" in found[4]["text"] and "AdamW" in found[4]["text"]


@needs_browser
@pytest.mark.slow
def test_a_page_without_data_is_not_taken_for_drawn(tmp_path, monkeypatch):
    """The check itself can fail."""
    port = core_port()
    script = tmp_path / "pages.mjs"
    script.write_text(PAGES.read_text().replace("60_000", "6_000"))
    shutil.copytree(ROOT / "tests/browser/node_modules", tmp_path / "node_modules")
    with viewer.serving(tmp_path, "127.0.0.1", port, *FAST):
        pages = [{**CURVES, "groups": []}, HISTOGRAMS]
        found = visit(script, url=f"http://127.0.0.1:{port}", pages=pages, faults=[])
    assert all(answer["count"] < page["least"] for page, answer in zip(pages, found))


@pytest.mark.slow
def test_the_command(told, tmp_path):
    """It says where, and ends with its server."""
    port = core_port()
    command = [sys.executable, str(ROOT / "tools/vdl.py"), str(told), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()
        assert f"http://127.0.0.1:{port}/" in line, server.stderr.read()
        assert ask(f"http://127.0.0.1:{port}", "runs") == [str(told)]
        again = subprocess.run(command, capture_output=True, text=True, timeout=100)
        assert again.returncode == 2 and "Give another --port" in again.stderr
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 2)
    assert os.listdir(told)
