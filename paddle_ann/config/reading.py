"""The files behind a configuration: does each exist, and is it YAML that says something?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

# YAML 1.1 takes `4e-5` for a string, for want of a dot; no setting means it as text.
_SCIENTIFIC = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+")
# Settings that PaddleSeg accepts only as float, where users write 0 or 1.
_FLOAT_KEYS = {"weight_decay", "scales"}
_MOST_VALUES = 100_000  # in one file; the largest that is shipped has about a hundred
_TEXT_KEYS = {"type", "name", "pretrained", "dataset_root", "train_path", "val_path", "test_path"}


def check_files(
    path: Path, referrer: Path | None = None, open_files: tuple[Path, ...] = ()
) -> None:
    """Raises an error that names file and line if `path` or a `_base_` file cannot be used."""
    named_by = f", which {referrer} names as its _base_," if referrer else ""
    if not _exists(path):
        hint = _similar_files(path)
        raise FileNotFoundError(f"The configuration {path}{named_by} does not exist.{hint}")
    if not path.is_file() or path.suffix not in (".yml", ".yaml"):
        raise ValueError(f"The configuration {path}{named_by} must be a .yml or .yaml file.")
    resolved = path.resolve()
    if resolved in open_files:
        raise ValueError(f"The configuration {path} is its own _base_ (by way of {referrer}).")
    for base in base_names(path, parse(path)):
        check_files(path.parent / base, path, (*open_files, resolved))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or holds a NUL
        return False


def base_names(path: Path, content: dict[str, Any]) -> list[str]:
    """Returns the paths that a file names as its `_base_`, as they stand there."""
    bases = content.get("_base_", [])
    names = [bases] if isinstance(bases, str) else bases
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f"{path}: _base_ is {bases!r}; it must be the path of a YAML file, or a list of paths."
        )
    return names


def parse(path: Path) -> dict[str, Any]:
    """Returns the content of one file; raises a ValueError that names line and column."""
    try:
        content = yaml.load(_text(path), Loader=_UniqueKeys)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        raise ValueError(f"{where}: this is no valid YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no valid YAML: {error}") from None
    except RecursionError:
        raise ValueError(f"{path}: blocks stand in blocks too deep to be read.") from None
    except Exception as error:  # PyYAML lets a date or number that is none fall through
        raise ValueError(
            f"{path}: this is no valid YAML: a value in it is not of its type ({error}). Put it in "
            "quotes if it is a text."
        ) from None
    if content is None:
        raise ValueError(f"{path} is empty: it must hold settings such as `_base_` or `model`.")
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} holds a {type(content).__name__} at its top; it must hold `key: value` lines."
        )
    if _count(content, {}) > _MOST_VALUES:
        raise ValueError(
            f"{path}: its anchors (&) and aliases (*) stand for more than {_MOST_VALUES:,} values. "
            "Write the values out."
        )
    return content


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}. Save it as UTF-8.") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}). Check its rights.") from None


def _count(value: Any, known: dict[int, int]) -> int:
    """Counts values as if each alias were written out; what is shared is counted once itself."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in known:
        items = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count(item, known) for item in items)
    return known[id(value)]


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice in one block: YAML would drop the first one silently."""


def _mapping_of_unique_keys(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(
                None, None, "a key must be a word or a number", key_node.start_mark
            )
        if key_node.value in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key_node.value!r} is given twice", key_node.start_mark
            )
        if key_node.tag != "tag:yaml.org,2002:merge":
            seen.add(key_node.value)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_UniqueKeys.add_constructor("tag:yaml.org,2002:map", _mapping_of_unique_keys)


def _similar_files(path: Path) -> str:
    from difflib import get_close_matches

    siblings = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
    close = get_close_matches(path.name, siblings, n=3, cutoff=0.7)
    return (
        f" Did you mean {' or '.join(str(path.parent / name) for name in close)}?" if close else ""
    )


def coerce_numbers(value: Any, key: str = "") -> Any:
    """Returns the setting with numbers where a number was meant: `'4e-5'` and whole floats."""
    if isinstance(value, dict):
        return {name: coerce_numbers(item, name) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(coerce_numbers(item, key) for item in value)
    if isinstance(value, str) and key not in _TEXT_KEYS and _SCIENTIFIC.fullmatch(value):
        return float(value)
    if isinstance(value, int) and not isinstance(value, bool) and key in _FLOAT_KEYS:
        return float(value)
    return value
