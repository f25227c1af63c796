"""Pages of other sites, and names of others that lead here, are not served."""

from __future__ import annotations

import pytest
import requests

from tests.deploy.conftest import DESCRIPTION, make_bundle
from tests.serve.conftest import serving


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    folder = make_bundle(tmp_path_factory.mktemp("guard") / "bundle", DESCRIPTION)
    with serving(folder, names={"localhost", "127.0.0.1", "::1", "seg.example"}) as found:
        yield found


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:PORT", None, 200),
        ("LocalHost:PORT", "http://LocalHost:PORT", 200),
        ("[::1]:PORT", "http://[::1]:PORT", 200),
        ("seg.example", "https://seg.example", 200),
        ("127.0.0.1:PORT", "https://seg.example", 200),  # a proxy that does not pass the name on
        ("evil.example", None, 403),  # DNS rebinding
        ("evil.example:PORT", "http://evil.example:PORT", 403),
        ("127.0.0.1.evil.example", None, 403),
        ("", None, 403),
        ("[", None, 403),
        ("127.0.0.1:PORT", "http://evil.example", 403),
        ("127.0.0.1:PORT", "http://127.0.0.1:1", 403),  # another program of this machine
        ("127.0.0.1:PORT", "http://localhost", 403),
        ("127.0.0.1:PORT", "null", 403),
        ("127.0.0.1:PORT", "http://[", 403),
    ],
)
def test_host_and_origin(local, host, origin, status):
    port = str(local.address[1])
    headers = {"Host": host.replace("PORT", port)}
    if origin:
        headers["Origin"] = origin.replace("PORT", port)
    answer = requests.get(f"{local.url}/api/model", headers=headers, timeout=20)
    assert answer.status_code == status
    if status == 403:
        assert set(answer.json()) == {"error"} and answer.headers["X-Frame-Options"] == "DENY"


def test_without_names_any_host_is_served_and_no_other_origin(served):
    url = f"{served.url}/api/model"
    assert requests.get(url, headers={"Host": "any.example"}, timeout=20).status_code == 200
    foreign = {"Host": "any.example", "Origin": "http://evil.example"}
    assert requests.get(url, headers=foreign, timeout=20).status_code == 403
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = requests.options(f"{served.url}/api/segment", headers=preflight, timeout=20)
    assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers
