"""List files: blank lines, CRLF, a byte order mark, tabs and spaces in names are no errors."""

from __future__ import annotations

import builtins
import functools
import inspect
import io
import os
import tempfile
from pathlib import Path
from typing import Any

from paddle_ann.compat.fix import Fix, Patches, module

_SEPARATOR = "\x1f"  # ASCII unit separator: in no file name
_LONGEST = 8192  # two paths of Linux's longest
_LIST_ARGUMENT = {"train": "train_path", "val": "val_path", "test": "test_path"}


def read_lines(path: str) -> list[tuple[int, str]]:
    """Read a list file.

    Args:
        path: Text file in UTF-8, with or without byte order mark.

    Returns:
        (line number from 1, line without surrounding white space) of every line that is not blank.

    Raises:
        FileNotFoundError: If there is no such file, naming what its folder holds.
        ValueError: If it is not in UTF-8.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(_not_found(path))
    data = Path(path).read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"The list file {path} is not in UTF-8 ({error}). Save it as UTF-8."
        ) from None
    lines = enumerate(text.splitlines(), start=1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def _not_found(path: str) -> str:
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    held = sorted(os.listdir(folder))
    shown = ", ".join(held[:8]) + (", ..." if len(held) > 8 else "") if held else "nothing"
    return (
        f"The list file {path} does not exist; {folder} holds {shown}. Check the data set's root "
        "(dataset_root) and that the data set is complete."
    )


def split_pair(line: str, separator: str, root: str) -> list[str]:
    """Split a line into image and label name, also where the names hold the separator.

    Args:
        line: One line of a list file, stripped.
        separator: The separator asked for.
        root: Folder that the names are relative to.

    Returns:
        [image, label], or [line] where there is only one name.

    Raises:
        ValueError: If there are several ways to split it and not exactly one names two files.
    """
    if len(line) > _LONGEST:
        raise ValueError(f"it has {len(line):,} letters; two paths have at most {_LONGEST:,}")
    for candidate in (separator, "\t", None):
        items = [item.strip() for item in line.split(candidate) if item.strip()]
        if len(items) < 3 and (len(items) == 2 or candidate is None):
            if len(items) == 2 and not _exist(root, items) and _exist(root, [line]):
                return [line]
            return items
    cuts = [i for i, letter in enumerate(line) if letter == separator or letter.isspace()]
    pairs = [[line[:i].strip(), line[i + 1 :].strip(separator + " \t")] for i in cuts]
    found = [pair for pair in dict.fromkeys(map(tuple, pairs)) if _exist(root, pair)]
    if len(found) == 1:
        return list(found[0])
    if not found and _exist(root, [line]):
        return [line]
    raise ValueError(
        f"{len(found) or 'no'} way{'s' if len(found) > 1 else ''} of splitting it into an image "
        f"and a label gives two files that exist under {root}; write `image{separator}label`, or "
        "use another separator"
    )


def _exist(root: str, names: Any) -> bool:
    return all(os.path.isfile(os.path.join(root, name)) for name in names)


def read_pairs(path: str, separator: str, root: str, need_label: bool) -> list[list[str]]:
    """Read the pairs of a list file, with errors that name the list and the line."""
    pairs = []
    for number, line in read_lines(path):
        try:
            items = split_pair(line, separator, root)
            if need_label and len(items) != 2:
                raise ValueError(f"an image and a label name are needed, `image{separator}label`")
            if any(_SEPARATOR in item for item in items):
                raise ValueError("a name holds the control character \\x1f; rename the file")
        except ValueError as error:
            shown = repr(line) if len(line) < 200 else f"{line[:200]!r} …"
            raise ValueError(f"List file {path}, line {number}, {shown}: {error}.") from None
        pairs.append(items)
    if not pairs:
        raise ValueError(f"The list file {path} names no file: it is empty.")
    return pairs


def _dataset_init(original: Any) -> Any:
    """Read the list itself and give PaddleSeg an unambiguous copy."""
    signature = inspect.signature(original)

    @functools.wraps(original)
    def init(*args: Any, **kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        name = _LIST_ARGUMENT.get(str(given["mode"]).lower(), "")
        path, root = given.get(name), given["dataset_root"]
        if not path or root is None or not os.path.isdir(root):
            if root is not None and not os.path.isdir(root):
                raise FileNotFoundError(
                    f"The data set's root (dataset_root) {root} is not a folder."
                )
            return original(*args, **kwargs)  # PaddleSeg says which argument is missing
        need_label = str(given["mode"]).lower() != "test"
        pairs = read_pairs(path, given["separator"], root, need_label)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "list.txt"
            lines = [_SEPARATOR.join(pair) for pair in pairs]
            copy.write_text("\n".join(lines), encoding="utf-8")
            given[name], given["separator"] = str(copy), _SEPARATOR
            original(*bound.args, **bound.kwargs)

    return init


def open_list(path: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
    """`open` for PaddleSeg's data set modules: text is read as a list file without blank lines."""
    if mode not in ("r", "rt"):
        return builtins.open(path, mode, *args, **kwargs)
    return io.StringIO("".join(f"{line}\n" for _, line in read_lines(path)))


def _bites() -> bool:
    """True if a list with a blank last line, or a space in a name, is refused."""
    Dataset = module("paddleseg.datasets.dataset").Dataset
    with tempfile.TemporaryDirectory() as root:
        for name in ("a b.jpg", "a.png"):
            Path(root, name).touch()
        Path(root, "list.txt").write_text("a b.jpg a.png\n\n")
        try:
            Dataset("train", root, [], 2, train_path=os.path.join(root, "list.txt"))
        except ValueError:
            return True
    return False


def _patch(patches: Patches) -> None:
    import sys

    Dataset = module("paddleseg.datasets.dataset").Dataset
    patches.set(Dataset, "__init__", _dataset_init(Dataset.__init__))
    for name in [name for name in sys.modules if name.startswith("paddleseg.datasets.")]:
        patches.set(sys.modules[name], "open", open_list)


FIXES = (
    Fix(
        "list-files",
        "`File list format incorrect!` for a blank last line or a space in a name, without a line "
        "number; a byte order mark or Chinese names break under a C locale; an empty data root is "
        "a bare `[Errno 2]`",
        "every data set class splits its lines by itself and opens the list in the machine's "
        "encoding (C18)",
        "paddleseg 2.8.0 and 2.10, every Paddle",
        _bites,
        _patch,
    ),
)
