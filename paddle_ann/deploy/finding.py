"""Which images are meant: files, folders, globs and lists; and a name for each one's results."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".gif", ".jp2")


class Found(NamedTuple):
    """An image, and its name below the folder it was found by: `sub/a.jpg`."""

    path: Path
    name: str


def find(given: Sequence[str], without: Sequence[str | os.PathLike[str]] = ()) -> list[Found]:
    """Find images.

    Args:
        given: each an image; a folder, with those below it whose names end as images' do; a glob
            such as `data/**/*.jpg`; or a list, a text file in UTF-8 that ends in .txt with a path
            in each line, from the list's own folder, and maybe a label's behind it.
        without: what folders and globs do not stand for, with all that is below it: results of
            an earlier run.

    Returns:
        Each image once, in the order given, those of a folder or glob sorted. That a file which a
        list names is there is not looked at.

    Raises:
        FileNotFoundError: if something does not exist, or a folder, glob or list holds no image.
        ValueError: if two images would have one name, or a list is no text.
    """
    left_out = {Path(os.path.abspath(path)) for path in without}
    found: dict[str, Found] = {}
    for one in given:
        images = list(_find(one, left_out))
        if not images:
            raise FileNotFoundError(
                f"{one} holds no image; names of images end in {' '.join(ENDINGS)}."
            )
        for image in images:
            found.setdefault(os.path.abspath(image.path), image)
    check_names(found.values())
    return list(found.values())


def _find(given: str, left_out: set[Path]) -> Iterator[Found]:
    path = Path(given)
    if os.path.isfile(path):  # nor where the system refuses the path
        yield from _listed(path) if path.suffix.lower() == ".txt" else [Found(path, path.name)]
    elif os.path.isdir(path):
        yield from (image for image in _below(path) if not _is_below(image.path, left_out))
    elif glob.has_magic(given):
        yield from (image for image in _matching(given) if not _is_below(image.path, left_out))
    else:
        raise FileNotFoundError(f"{given} does not exist: no image, folder, list or glob.")


def _matching(pattern: str) -> Iterator[Found]:
    root = _root(Path(pattern))
    for name in sorted(glob.glob(pattern, recursive=True)):
        if os.path.isfile(name):
            yield Found(Path(name), _name(Path(name), root))


def _below(folder: Path) -> Iterator[Found]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(ENDINGS) and not name.startswith("."):
                path = Path(root, name)
                yield Found(path, _name(path, folder))


def _listed(path: Path) -> Iterator[Found]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no list of images: it is no text in UTF-8.") from error
    for line in filter(None, map(str.strip, lines)):
        whole, first = path.parent / line, path.parent / line.split()[0]
        spaced = os.path.isfile(whole) or not os.path.isfile(first)  # names have spaces
        image = whole if spaced else first
        yield Found(image, _name(image, path.parent))


def _root(pattern: Path) -> Path:
    """Return the folder that a glob begins in."""
    fixed: list[str] = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)


def _name(path: Path, folder: Path) -> str:
    """Name an image below a folder; one that is elsewhere by its own name alone."""
    try:
        name = path.relative_to(folder)
    except ValueError:
        return path.name
    return path.name if ".." in name.parts else name.as_posix()


def _is_below(path: Path, folders: set[Path]) -> bool:
    absolute = Path(os.path.abspath(path))
    return not folders.isdisjoint((absolute, *absolute.parents))


def check_names(images: Iterable[Found]) -> None:
    """Raise ValueError if two images have one name."""
    names: dict[str, Path] = {}
    for path, name in images:
        if name in names:
            raise ValueError(
                f"The results of {names[name]} and {path} would both be called {name}. Give the "
                "folder that holds both, or run them into folders of their own."
            )
        names[name] = path
