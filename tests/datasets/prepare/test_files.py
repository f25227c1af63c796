"""Files whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddle_ann.datasets.prepare.files import place, size_of, write_whole


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_write_that_fails_leaves_what_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    path, write = tmp_path / "a", Path.write_bytes
    if before:
        path.write_bytes(before)

    def half(path: Path, content: bytes) -> None:
        write(path, content[:3])
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        with pytest.raises(OSError, match="power cut"):
            write_whole(path, b"content")
    assert (path.read_bytes() if path.exists() else None) == before
    write_whole(path, b"content")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"content"]


def test_a_folder_gets_its_name_and_never_replaces_another(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/a").write_bytes(b"12345")
    place(tmp_path / "new", tmp_path / "x/y/final")
    assert size_of(tmp_path / "x") == 5 and not (tmp_path / "new").exists()
    (tmp_path / "new").mkdir()
    with pytest.raises(OSError):
        place(tmp_path / "new", tmp_path / "x/y/final")
    assert size_of(tmp_path / "x/y/final") == 5
