"""PaddleSeg's builder: what cannot be built is named, with its arguments and what is near it."""

from __future__ import annotations

import difflib
import functools
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from paddle_ann.compat.fix import Fix, Patches, module

_PACKAGE = Path(__file__).resolve().parents[1]
_PARTS = (
    *("model", "optimizer", "lr_scheduler", "loss", "distill_loss"),
    *("train_dataset", "val_dataset", "val_transforms"),
)
_PADDLES_STACK = re.compile(r"[^\0]*Error Message Summary:\s*-*\s*")
_NAMED = (TypeError, ValueError, FileNotFoundError, FileExistsError, RuntimeError)


def _suggesting(original: Any) -> Any:
    @functools.wraps(original)
    def load_component_class(self: Any, class_type: Any) -> Any:
        known = {name for manager in self.comp_list for name in manager.components_dict}
        if isinstance(class_type, str) and class_type in known:
            return original(self, class_type)
        near = difflib.get_close_matches(str(class_type), sorted(known), n=3)
        hint = (
            f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(sorted(known))}."
        )
        raise ValueError(f"No component has the type {class_type!r}. {hint}")

    return load_component_class


def _naming(original: Any) -> Any:
    """Say which block cannot be built, of which arguments, and why."""

    @functools.wraps(original)
    def build_component(self: Any, cfg: dict[str, Any]) -> Any:
        try:
            return original(self, cfg)
        except Exception as error:
            # PaddleSeg wraps the error of a constructor, and forgets its type.
            cause = error.__context__ if "Tried to create a" in str(error) else error
            if cause is error and _is_ours(error):
                raise
            given = {key: value for key, value in cfg.items() if key != "type"}
            raise refusal(str(cfg.get("type")), given, cause or error) from error

    return build_component


def _naming_part(original: Any, name: str) -> Any:
    """Say which section of the configuration cannot be built, where no component did."""

    @functools.wraps(original)
    def part(self: Any) -> Any:
        try:
            return original(self)
        except Exception as error:
            if _is_ours(error):
                raise
            section = self.config.dic.get(name.replace("val_transforms", "val_dataset"))
            raise refusal(name, section, error) from error

    return part


def _of_settings(original: Any, section: str) -> Any:
    """Give the class that a data set of the section's arguments has, where it depends on them."""

    @functools.wraps(original)
    def dataset_class(self: Any) -> Any:
        found = original(self)
        make = getattr(found, "for_settings", None)
        return found if make is None else make(getattr(self.config, f"{section}_cfg"))

    return dataset_class


def refusal(name: str, given: Any, error: BaseException) -> Exception:
    """Make the error about something that cannot be built.

    Args:
        name: Of the component or section.
        given: Its arguments.
        error: What its constructor raised. One of this package's stands alone and keeps its type.
    """
    reason = _PADDLES_STACK.sub("", str(error)).strip() or type(error).__name__
    kinds = [kind for kind in _NAMED if type(error) is kind]
    if _is_ours(error) and kinds:
        return kinds[0](f"{name}: {reason}")
    kind = "" if isinstance(error, (*_NAMED, AssertionError)) else f"{type(error).__name__}: "
    shown = repr(given) if len(repr(given)) < 300 else repr(given)[:300] + " …"
    return RuntimeError(
        f"{name} cannot be built from {shown}: {kind}{reason.rstrip('.')}. Check these arguments "
        "in the configuration."
    )


def _is_ours(error: BaseException) -> bool:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    file = traceback.tb_frame.f_code.co_filename if traceback is not None else ""
    return _PACKAGE in Path(file).parents


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


def _building_bites() -> bool:
    builder = module("paddleseg.cvlibs.builder").SegBuilder(None)
    try:
        builder.build_component({"type": "CrossEntropyLoss", "no_such": 1})
    except Exception as error:
        return "CrossEntropyLoss cannot" not in str(error)
    return True


def _patch_building(patches: Patches) -> None:
    builder = module("paddleseg.cvlibs.builder")
    patches.set(builder.Builder, "build_component", _naming(builder.Builder.build_component))
    for name in _PARTS:
        part = vars(builder.SegBuilder).get(name)
        if part is not None:
            patches.set(builder.SegBuilder, name, type(part)(_naming_part(part.func, name)))


class _ByArguments:
    """A data set class whose number of classes depends on its arguments."""

    for_settings: Any = staticmethod(dict)


def _class_count_bites() -> bool:
    builder = module("paddleseg.cvlibs.builder").SegBuilder(
        SimpleNamespace(train_dataset_cfg={"type": "x"})
    )
    builder.load_component_class = lambda _: _ByArguments
    return builder.train_dataset_class is _ByArguments


def _patch_class_count(patches: Patches) -> None:
    builder = module("paddleseg.cvlibs.builder").SegBuilder
    for section in ("train_dataset", "val_dataset"):
        part = vars(builder)[f"{section}_class"]
        patches.set(builder, f"{section}_class", type(part)(_of_settings(part.func, section)))


FIXES = (
    Fix(
        "unknown-component",
        "`The specified component (X) was not found.` without saying what there is",
        "Builder.load_component_class",
        "paddleseg 2.8.0 and 2.10",
        _bites,
        _patch,
    ),
    Fix(
        "unbuildable",
        "arguments that a constructor stumbles over are a `RuntimeError` without the arguments, or "
        "an `AttributeError` or `KeyError` from within Paddle that names no setting",
        "Builder.build_component keeps the message of an error alone; SegBuilder's parts check "
        "nothing",
        "paddleseg 2.8.0 and 2.10",
        _building_bites,
        _patch_building,
    ),
    Fix(
        "class-count",
        "a data set whose number of classes depends on its arguments (CamVid's layouts) is refused "
        "in YAML: `The num_classes is not consistent for model config and train_dataset class`",
        "SegBuilder compares with NUM_CLASSES of the class, whatever arguments the section gives",
        "paddleseg 2.8.0 and 2.10",
        _class_count_bites,
        _patch_class_count,
    ),
)
