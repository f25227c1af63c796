"""A file that is replaced in one step."""

from __future__ import annotations

import pytest

from paddle_ann.checkpoint.files import replacing


def test_the_old_content_stands_until_the_new_is_whole(tmp_path):
    path = tmp_path / "rows.csv"
    for before, content in ((None, "one"), ("one", "two")):
        with replacing(path) as draft:
            draft.write_text(content)
            assert (path.read_text() if path.exists() else None) == before
        assert path.read_text() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_and_no_draft(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), replacing(path) as draft:
        draft.write_text("ne")
        raise OSError("full")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
