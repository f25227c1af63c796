"""tools/prepare_voc.py in a process of its own, as a user runs it; the net is never reached."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.datasets.prepare.conftest import (  # noqa: F401
    AUG,
    COUNTS,
    Archives,
    Server,
    _only_localhost,
    archives,
    server,
)
from tests.tools.conftest import call, load_tool, start


def refusal(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 2 and result.stdout == ""
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("prepare_voc.py: error: ") and "Traceback" not in result.stderr
    return last


def test_nothing_is_fetched_unasked(tmp_path: Path) -> None:
    began = time.monotonic()
    last = refusal(call("prepare_voc", cwd=tmp_path))
    assert time.monotonic() - began < 3  # no Paddle
    assert "--download" in last and "--voc_archive PATH" in last and "host.robots.ox.ac.uk" in last
    assert list(tmp_path.iterdir()) == []


def test_another_file_is_refused(archives: Archives, server: Server, tmp_path: Path) -> None:  # noqa: F811
    """The small archives are not the published ones, and the command has no option for others."""
    name, other = archives.voc_path, archives.sbd_path
    given = ("--voc_archive", str(name), "--sbd_archive", str(other))
    last = refusal(call("prepare_voc", *given, cwd=tmp_path))
    assert "not 6cd6e144f989b92b3379bac3b3de84fd" in last
    url = server.url("plain", name.name)
    options = ("--download", "--voc_url", url, "--voc_only", "--root", "my data")
    last = refusal(call("prepare_voc", *options, cwd=tmp_path))
    assert "not 6cd6e144f989b92b3379bac3b3de84fd" in last and ".tar.bad" in last
    assert not (tmp_path / "my data/VOCdevkit").exists()


def test_mirrors_are_asked_in_order(server: Server, tmp_path: Path) -> None:  # noqa: F811
    urls = [server.url(mode, "benchmark.tgz") for mode in ("gone", "page")]
    last = refusal(
        call("prepare_voc", "--download", "--voc_only", "--voc_url", *urls, cwd=tmp_path)
    )
    assert [path for path, *_ in server.asked] == ["/gone/benchmark.tgz", "/page/benchmark.tgz"]
    assert "status 404" in last and "web page" in last


def test_ctrl_c(server: Server, tmp_path: Path) -> None:  # noqa: F811
    server.piece = 5000
    url = server.url("slow", "VOCtrainval_11-May-2012.tar")
    process = start("prepare_voc", "--download", "--voc_only", "--voc_url", url, cwd=tmp_path)
    while not list(tmp_path.glob("data/*.part")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert output.strip().endswith("prepare_voc.py: interrupted; run it again to go on")
    assert "Traceback" not in output


def test_to_the_end(
    archives: Archives,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The whole way, in this process, where the small archives can be the published ones."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "tools"))
    tool = load_tool("prepare_voc")
    package = tool.load_package()
    prepare = package.prepare_voc
    small = {key: archives.options()[key] for key in ("voc", "sbd")}
    monkeypatch.setattr(
        package, "prepare_voc", lambda root, **o: prepare(root, **{**o, **small}, counts=COUNTS)
    )
    monkeypatch.setattr(tool, "load_package", lambda: package)
    monkeypatch.chdir(tmp_path)
    options = ["--voc_archive", str(archives.voc_path), "--sbd_archive", str(archives.sbd_path)]
    monkeypatch.setattr(sys, "argv", ["prepare_voc.py", *options])
    assert tool.main() == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == ("data/VOCdevkit is ready: train 3, val 2, trainaug 8 pictures")
    assert 'train_dataset: {type: PascalVOC, dataset_root: "data/VOCdevkit", mode: trainaug' in out
    assert "configs/ann/ann_resnet101_os8_voc12aug_512x512_40k.yml" in out and "--opts" not in out
    monkeypatch.setattr(sys, "argv", ["prepare_voc.py", "--root", "my data", *options])
    assert tool.main() == 0
    out = capsys.readouterr().out
    assert "--opts 'train_dataset.dataset_root=my data/VOCdevkit' 'val_dataset" in out
    assert len(list((tmp_path / "my data").rglob(f"{AUG[0]}.*"))) == 3  # picture, annotation, mask


def test_the_configurations_it_names_exist() -> None:
    from paddle_ann.datasets.prepare import Counts, Prepared, advice

    repository = Path(__file__).resolve().parents[2]
    for trainaug in (0, 8):
        words = advice(Prepared(Path("data/VOCdevkit"), Counts(3, 2, trainaug))).split()
        named = [word.strip("():") for word in words if ".yml" in word]
        assert len(named) == 2 and all((repository / name).is_file() for name in named)
