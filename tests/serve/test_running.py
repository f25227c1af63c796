"""The port, the warning, and what is said before the first request."""

from __future__ import annotations

import socket
import sys

import pytest

from paddle_ann.deploy import Predictor
from paddle_ann.serve import Limits, create_app, needs, running
from paddle_ann.serve.segmenting import Segmenter
from tests.deploy.conftest import DESCRIPTION, make_bundle


def test_a_port_that_is_taken():
    with running.bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"127.0.0.1, port {port}: another program .* --port"):
            running.bind("127.0.0.1", port)
    running.bind("127.0.0.1", port).close()  # at once again


@pytest.mark.parametrize(
    ("host", "port", "error"),
    [
        ("no such host", 0, ValueError),
        ("x" * 70, 0, ValueError),
        ("192.0.2.1", 0, OSError),  # of documents, no machine's
        ("127.0.0.1", 65536, ValueError),
        ("127.0.0.1", -1, ValueError),
    ],
)
def test_what_cannot_be_listened_at(host, port, error):
    with pytest.raises(error, match="host|Cannot listen|port"):
        running.bind(host, port)


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (Limits(max_bytes=0), "max_bytes"),
        (Limits(max_pixels=True), "max_pixels"),
        (Limits(queue=-1), "queue"),
        (Limits(timeout=0), "timeout"),
        (Limits(timeout=float("nan")), "timeout"),
    ],
)
def test_limits_that_are_none(limits, name):
    with pytest.raises(ValueError, match=name):
        limits.check()


class FakeServer:
    """In place of uvicorn's: notes who may call it."""

    def __init__(self, app, limits):
        FakeServer.app = app

    def run(self, sockets):
        assert isinstance(sockets[0], socket.socket)


@pytest.mark.parametrize(
    ("host", "names", "warned", "allowed"),
    [
        ("127.0.0.1", [], False, {"localhost", "127.0.0.1", "::1"}),
        ("localhost", ["a.example"], False, {"localhost", "127.0.0.1", "::1", "a.example"}),
        ("0.0.0.0", [], True, None),
        ("0.0.0.0", ["a.example"], True, {"localhost", "127.0.0.1", "::1", "0.0.0.0", "a.example"}),
    ],
)
def test_who_may_call_it(tmp_path, monkeypatch, capsys, host, names, warned, allowed):
    monkeypatch.setattr(running, "make_server", FakeServer)
    folder = make_bundle(tmp_path / "bundle", DESCRIPTION)
    running.serve(folder, host, 0, names=names, engine="onnxruntime")
    output = capsys.readouterr()
    assert "5 classes, onnxruntime, tried in" in output.out
    assert ("without a password" in output.err) == warned
    assert FakeServer.app._names == allowed


def test_a_bundle_that_does_not_work_is_refused_before_it_is_served(tmp_path):
    short = {**DESCRIPTION, "classes": ["a", "b"], "palette": DESCRIPTION["palette"][:2]}
    folder = make_bundle(tmp_path / "bundle", short)
    with pytest.raises(ValueError, match="names 2 classes"):
        running.serve(folder, port=0, engine="onnxruntime")
    with pytest.raises(FileNotFoundError, match="bundle"):
        running.serve(tmp_path, port=0)


def test_more_classes_than_a_mask_holds(tmp_path):
    many = {**DESCRIPTION, "classes": ["x"] * 257, "palette": [[1, 2, 3]] * 257}
    folder = make_bundle(tmp_path / "bundle", many)
    with pytest.raises(ValueError, match="257"):
        create_app(Predictor(folder, "onnxruntime"))


def test_warming_up_takes_every_preparation(tmp_path):
    for index, size in enumerate(([7, 5], [700, 500])):
        steps = [{"type": "Padding", "target_size": size}, DESCRIPTION["preprocessing"][1]]
        folder = make_bundle(tmp_path / str(index), {**DESCRIPTION, "preprocessing": steps})
        assert Segmenter(Predictor(folder, "onnxruntime"), 100).warm_up() > 0


def test_an_absent_package_is_named(monkeypatch):
    found = needs.find_spec

    def find(name):
        return None if name in ("uvicorn", "python_multipart") else found(name)

    monkeypatch.setattr(needs, "find_spec", find)
    for name in [name for name in sys.modules if name.startswith("paddle_ann.serve")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match="pip install uvicorn python-multipart"):
        needs.check_installed()
