"""PaddleSeg's builder: an unknown component type names what is near it."""

from __future__ import annotations

import difflib
import functools
from typing import Any

from paddle_ann.compat.fix import Fix, Patches, module


def _suggesting(original: Any) -> Any:
    @functools.wraps(original)
    def load_component_class(self: Any, class_type: Any) -> Any:
        known = {name for manager in self.comp_list for name in manager.components_dict}
        if class_type in known:
            return original(self, class_type)
        near = difflib.get_close_matches(str(class_type), sorted(known), n=3)
        hint = (
            f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(sorted(known))}."
        )
        raise ValueError(f"No component has the type {class_type!r}. {hint}")

    return load_component_class


def _bites() -> bool:
    builder = module("paddleseg.cvlibs.builder").SegBuilder(None)
    try:
        builder.load_component_class("CrossEntropyLos")
    except Exception as error:
        return "CrossEntropyLoss" not in str(error)
    return True


def _patch(patches: Patches) -> None:
    Builder = module("paddleseg.cvlibs.builder").Builder
    patches.set(Builder, "load_component_class", _suggesting(Builder.load_component_class))


FIXES = (
    Fix(
        "unknown-component",
        "`The specified component (X) was not found.` without saying what there is",
        "Builder.load_component_class",
        "paddleseg 2.8.0 and 2.10",
        _bites,
        _patch,
    ),
)
