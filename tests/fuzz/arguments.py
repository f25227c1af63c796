"""Command lines near right ones, made from a tool's own parser."""

from __future__ import annotations

import argparse
from pathlib import Path

from hypothesis import strategies as st

NUMBERS = ["0", "-1", "1", "2", "3", "0.5", "-0.0", "nan", "inf", "1e400", "9" * 30, "0x7", "1_0"]
TEXTS = ["", " ", "x", "-", "--", "None", "a=b", "\udcff", "a\nb", "城市", "%s", "{}", "~", "١"]
PATHS = ["gone", "gone/x.yml", ".", "./", "/dev/null", "/dev/null/x", "x" * 300, "\udcff/x"]
PATHS += ["a/" * 2000, "file.txt", "file.txt/x", "folder", "FOLDER/../folder", "loop", "c.yml"]
PATHS += ["weights", "voc", "list.txt", "\u202e"]

# Where a number that is accepted is work to do, or memory to take.
COUNTS = ["0", "-1", "1", "2", "x", "", "1.5", "9" * 30 + "x"]
SAFE = {
    **dict.fromkeys(("iters", "num_train", "num_val", "repeats", "accumulate"), COUNTS),
    **dict.fromkeys(("epochs", "save_epochs", "eval_epochs"), COUNTS),
    **dict.fromkeys(("batch_size", "eval_batch_size", "workers"), [*COUNTS, "7"]),
    **dict.fromkeys(("num_workers", "benchmark"), ["-1", "x", "", "0.5", "0"]),
    **dict.fromkeys(("crop_size", "stride", "size"), ["0", "-3", "7", "32", "x", "", "31"]),
    **dict.fromkeys(("tile", "threads"), ["0", "-1", "x", "", "1", "32", "31", "0.5"]),
    **dict.fromkeys(("height", "resamples"), ["0", "-1", "x", "", "1", "32", "0.5"]),
    "scales": ["0", "-1", "nan", "inf", "0.5", "1", "1e-9", "x", ""],
    "device": ["cpu", "gpu", "xpu", "tpu"],
}
# Not to be drawn: what asks the net, prints help, raises on purpose, or compiles for seconds.
LEFT_OUT = {"help", "download", "debug", "to_static_training", "voc_url", "sbd_url"}


def takes_path(action: argparse.Action) -> bool:
    """True for an option of one text that is no number and no choice: most of them are paths."""
    one = action.nargs is None and action.type in (None, Path) and not action.choices
    return one and action.dest not in LEFT_OUT and action.dest not in SAFE


@st.composite
def arguments(
    draw: st.DrawFn,
    parser: argparse.ArgumentParser,
    base: tuple[str, ...],
    option: st.SearchStrategy[str],
) -> list[str]:
    """The base command line with some options more, less or otherwise; `option`: for --opts."""
    words = list(base)
    for _ in range(draw(st.integers(0, 2)) if draw(st.booleans()) else 0):  # a word changed
        if words:
            at = draw(st.integers(0, len(words) - 1))
            words[at : at + 1] = draw(st.sampled_from([[], [words[at]] * 2, [words[at] + "x"]]))
    actions = [action for action in parser._actions if action.dest not in LEFT_OUT]
    for action in draw(st.lists(st.sampled_from(actions), max_size=2)):
        name = [draw(st.sampled_from(action.option_strings))] if action.option_strings else []
        words += [*name, *draw(_values(action, option))]
    return words


def _values(
    action: argparse.Action, option: st.SearchStrategy[str]
) -> st.SearchStrategy[list[str]]:
    if action.nargs == 0:
        return st.just([])
    if action.dest == "opts":
        return st.lists(option, max_size=2)
    known = [str(choice) for choice in action.choices or ()]
    one = st.sampled_from(SAFE.get(action.dest, [*known, *known, *NUMBERS, *TEXTS, *PATHS]))
    right = action.nargs if isinstance(action.nargs, int) else 1
    number = st.sampled_from([right, right, right, right, 0, 1, 3])
    return number.flatmap(lambda count: st.lists(one, min_size=count, max_size=count))
