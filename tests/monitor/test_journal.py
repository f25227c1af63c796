"""A file that only grows: what is written, what is taken off, what a full disk costs."""

from __future__ import annotations

import os

import pytest

from paddle_ann.checkpoint.fields import DamagedField
from paddle_ann.monitor.journal import Journal
from paddle_ann.monitor.lines import whole_lines


def started(path, cut_back=None):
    journal = Journal(whole_lines)
    journal.open(path, cut_back or pytest.fail)
    return journal


def test_nothing_stands_there_before_something_is_written(tmp_path):
    path = tmp_path / "new/a"
    journal = started(path)
    journal.flush()
    journal.sync()
    assert not path.parent.exists()
    journal.add(b"one\n")
    assert journal.size == 4 and not path.exists()
    journal.flush()
    assert path.read_bytes() == b"one\n"


def test_a_journal_that_was_not_opened_writes_nowhere():
    journal = Journal(whole_lines)
    journal.add(b"one\n")
    journal.close()


def test_back_to_a_state_in_a_new_process(tmp_path):
    journal = started(tmp_path / "a")
    journal.add(b"one\n")
    state = journal.state()
    journal.add(b"two\n")
    journal.flush()
    with open(tmp_path / "a", "ab") as file:
        file.write(b"thr")  # cut off by a kill
    again = Journal(whole_lines)
    again.go_back(state)
    again.open(tmp_path / "a", pytest.fail)
    assert (tmp_path / "a").read_bytes() == b"one\n"
    again.add(b"2\n")
    again.close()
    assert (tmp_path / "a").read_bytes() == b"one\n2\n" and again.size == 6


def test_back_to_a_state_while_it_runs(tmp_path):
    journal = started(tmp_path / "a")
    journal.add(b"one\n")
    state = journal.state()
    journal.add(b"two\n")
    journal.flush()
    journal.add(b"waits\n")
    journal.go_back(state)
    journal.add(b"2\n")
    journal.flush()
    assert (tmp_path / "a").read_bytes() == b"one\n2\n"


def test_a_state_beyond_a_torn_end(tmp_path):
    """A power cut may take what a checkpoint knew: the whole pieces stay."""
    journal = started(tmp_path / "a")
    journal.add(b"one\n")
    journal.add(b"two\n")
    state = journal.state()
    os.truncate(tmp_path / "a", 6)
    journal.go_back(state)
    journal.mend()
    assert (tmp_path / "a").read_bytes() == b"one\n" and journal.size == 4


def test_a_file_of_another_training_is_moved_away(tmp_path):
    journal = started(tmp_path / "a")
    journal.add(b"one\n")
    state = journal.state()
    (tmp_path / "a").write_bytes(b"something else\n")
    journal.go_back(state)
    journal.mend()
    assert (tmp_path / "earlier_1/a").read_bytes() == b"something else\n"
    assert not (tmp_path / "a").exists()


def test_without_a_state_the_file_is_cut_by_what_it_says(tmp_path):
    (tmp_path / "a").write_bytes(b"one\ntwo\n")
    journal = started(tmp_path / "a", lambda path: path.write_bytes(b"one\n"))
    journal.add(b"2\n")
    journal.close()
    assert (tmp_path / "a").read_bytes() == b"one\n2\n"


def test_a_damaged_state_is_refused():
    with pytest.raises(DamagedField, match="bytes is 'many'"):
        Journal(whole_lines).go_back({"bytes": "many", "crc": 0})


def test_a_full_disk_costs_lines_and_no_training(tmp_path, monkeypatch, capsys):
    journal = started(tmp_path / "a")
    journal.add(b"one\n")
    journal.flush()

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, content):
            return self.file.write(content[:2])

    import builtins

    real = builtins.open
    monkeypatch.setattr(
        "paddle_ann.monitor.journal.open",
        lambda path, mode, **given: Full(real(path, mode, **given)),
        raising=False,
    )
    for text in (b"two\n", b"three\n"):
        journal.add(text)
        journal.flush()
    assert (tmp_path / "a").read_bytes() == b"one\n" and journal.size == 4
    assert capsys.readouterr().out.count("could not be written") == 1
    monkeypatch.undo()
    journal.add(b"four\n")
    state = journal.state()
    journal.go_back(state)
    journal.mend()
    assert (tmp_path / "a").read_bytes() == b"one\nfour\n"
