"""The `--opts key.sub_key=value` items of PaddleSeg's scripts."""

from __future__ import annotations

import ast
import contextlib
import copy
from collections.abc import Sequence
from typing import Any

from paddle_ann.config.spelling import did_you_mean

# literal_eval leaves these as text, and the text "false" counts as true.
_YAML_WORDS = {"null": "None", "~": "None", "true": "True", "false": "False"}


def check_overrides(settings: dict[str, Any], opts: Sequence[str] | None) -> None:
    """Raises a ValueError for an item that PaddleSeg would stumble over.

    The last key of an item may be new (`check` knows whether it has a meaning there); what leads to
    it must be in the file, or in an item before.
    """
    settings = copy.deepcopy(settings) if opts else settings
    for item in opts or ():
        if item.count("=") != 1 or item.startswith("="):
            raise ValueError(
                f"--opts {item!r}: each item must be key=value, as in "
                "--opts batch_size=1 model.backbone.pretrained=None"
            )
        key, value = literal(item).split("=")
        with contextlib.suppress(ValueError, SyntaxError):  # a text, as PaddleSeg takes it
            value = ast.literal_eval(value)
        _block_of(settings, key)[key.split(".")[-1]] = value


def _block_of(settings: dict[str, Any], key: str) -> dict[str, Any]:
    node: Any = settings
    walked: list[str] = []
    for part in key.split(".")[:-1]:
        if not isinstance(node, dict) or part not in node:
            here = f"under {'.'.join(walked)!r}" if walked else "at the top of the configuration"
            known = list(node) if isinstance(node, dict) else []
            raise ValueError(
                f"--opts {key}: there is no {part!r} {here}{did_you_mean(part, known)}"
            )
        node = node[part]
        walked.append(part)
    if not isinstance(node, dict):
        raise ValueError(f"--opts {key}: {'.'.join(walked)!r} is {node!r}, which has no settings.")
    return node


def literal(item: str) -> str:
    """Returns the item with YAML's words for nothing, true and false as Python writes them."""
    key, value = item.split("=")
    return f"{key}={_YAML_WORDS.get(value.strip().lower(), value)}"
