"""Loading weights into a model: all of them, or all but a classifier for other classes.

PaddleSeg loads what fits and goes on with random weights for the rest. Here a difference is an
error with a table; `lenient` asks for PaddleSeg's way, which then shows the table as a warning.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from paddle_ann.state_table import (
    MISSHAPEN,
    OTHER_TYPE,
    UNEXPECTED,
    Difference,
    compare,
    counts,
    table,
)

__all__ = ["Loaded", "is_lenient", "lenient", "load_all", "load_pretrained"]

_lenient = False
_HOW = (
    "To load what fits all the same, and keep random weights for the rest: --no_strict (of train, "
    "val and predict), `with paddle_ann.pretrained.lenient():`, or the environment variable "
    "PADDLE_ANN_STRICT=0."
)


class Loaded(NamedTuple):
    """What became of the entries of a file.

    Attributes:
        filled: entries that were loaded.
        classifier: those of the classifier, left out because it is one for other classes.
        unused: those that the model has no place for.
        wrong: what else differs, where `lenient` let it pass.
    """

    filled: int
    classifier: list[Difference]
    unused: list[Difference]
    wrong: list[Difference]


@contextlib.contextmanager
def lenient(on: bool = True) -> Iterator[None]:
    """Within it, weights are loaded as far as they fit, as PaddleSeg does, with a warning.

    Args:
        on: False changes nothing, for a command line's option.
    """
    global _lenient
    before, _lenient = _lenient, _lenient or on
    try:
        yield
    finally:
        _lenient = before


def is_lenient() -> bool:
    """Whether weights that do not fit are to be loaded as far as they do."""
    return _lenient or os.environ.get("PADDLE_ANN_STRICT", "").lower() in ("0", "false", "no")


def load_all(model: Any, state: Mapping[str, Any], path: str) -> Loaded:
    """Set every entry of a model from a file that has these and no others.

    Args:
        model: a `paddle.nn.Layer`; it stays as it is if an error is raised.
        state: tensors by name.
        path: where they are from, for messages.

    Raises:
        ValueError: With the table of what is missing, left over or of another shape.
    """
    rows = compare(model.state_dict(), state)
    return _load(model, state, path, Loaded(0, [], [], rows), rows)


def load_pretrained(model: Any, state: Mapping[str, Any], path: str) -> Loaded:
    """Set every entry of a model from a file, except a classifier for another number of classes.

    What the file has beyond them, such as an ImageNet classifier (`fc.weight`), is not used. The
    arguments are those of `load_all`.

    Raises:
        ValueError: With the table of what is missing or of another shape, beside the classifier.
    """
    rows = compare(model.state_dict(), state)
    unused = [row for row in rows if row.kind == UNEXPECTED]
    classifier = classifier_of(model, rows)
    wrong = [row for row in rows if row not in unused and row not in classifier]
    shown = wrong + (unused if wrong else [])
    return _load(model, state, path, Loaded(0, classifier, unused, wrong), shown)


def _load(
    model: Any, state: Mapping[str, Any], path: str, found: Loaded, shown: Sequence[Difference]
) -> Loaded:
    own = model.state_dict()
    differ = {row.key for row in (*found.classifier, *found.unused, *found.wrong)}
    fitting = {key: value for key, value in state.items() if key in own and key not in differ}
    if found.wrong and (not is_lenient() or not fitting):
        raise ValueError(
            f"The weights in {path} do not fit this {type(model).__name__} with {len(own)} entries "
            f"({counts(shown)}):\n{table(shown)}\n{_hint(own, state)}{_HOW if fitting else ''}"
        )
    cast = {key: _of_type(value, own[key]) for key, value in fitting.items()}
    model.set_state_dict({**own, **cast})  # of what is not there Paddle would warn
    return found._replace(filled=len(fitting))


def _of_type(value: Any, own: Any) -> Any:
    """Cast floating-point weights (half precision) to the model's; Paddle refuses another type."""
    floating = "float" in str(value.dtype) and "float" in str(own.dtype)
    return value.astype(own.dtype) if floating and value.dtype != own.dtype else value


def classifier_of(model: Any, rows: Sequence[Difference]) -> list[Difference]:
    """Find the rows that are the classifier (and the auxiliary ones) for another class count.

    It is told by the shapes: convolutions without a batch norm behind them that differ in their
    number of outputs alone, weight and bias, all from the same number to the same other one, and
    nothing else has another shape: were they followed by a layer, that would differ too.

    Args:
        model: its `num_classes`, if it has that attribute, must be the new number.
        rows: what differs between model and file.

    Returns:
        The rows, or none if there is another difference of shapes.
    """
    misshapen = [row for row in rows if row.kind in (MISSHAPEN, OTHER_TYPE)]
    changes = {_change_of_outputs(row) for row in misshapen}
    if len(changes) != 1 or None in changes:
        return []
    own = model.state_dict()
    here = changes.pop()[1]  # type: ignore[index]
    modules = {row.key.rpartition(".")[0] for row in misshapen}
    inside = {key for key in own if key.rpartition(".")[0] in modules}
    if inside != {row.key for row in misshapen} or getattr(model, "num_classes", here) != here:
        return []
    names = list(own)
    behind = [b for a, b in zip(names, names[1:]) if a in inside and b not in inside]
    is_normalized = any(tuple(own[name].shape) == (here,) for name in behind)
    return [] if is_normalized else misshapen


def _change_of_outputs(row: Difference) -> tuple[int, int] | None:
    """Return the number of outputs in the file and in the model, if nothing else differs."""
    there, here = row.there, row.here
    if row.kind != MISSHAPEN or not isinstance(there, tuple) or not there or not here:
        return None
    return (there[0], here[0]) if there[1:] == here[1:] else None


def _hint(own: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """Say what the file may be, where no name fits."""
    if any(key in own for key in state):
        return ""
    if any(key[len("backbone.") :] in own for key in state if key.startswith("backbone.")):
        return "It holds a whole network: give it as model.pretrained, not as the backbone's.\n"
    if any(f"backbone.{key}" in own for key in state):
        return "It holds a backbone alone: give it as model.backbone.pretrained.\n"
    return (
        "No name is the same. Weights of another framework are converted by tools/convert.py "
        "(docs/convert.md).\n"
    )
