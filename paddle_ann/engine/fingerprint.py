"""What a training consists of, so that resuming with something else is noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Where the training stands, not what it is.
_MOVING = {"last_epoch", "last_lr", "verbose", "_var_name", "_step_count", "_full_name", "training"}
# Where files lie may change between the parts of a training; which files they are may not.
_PLACES = {"dataset_root", "train_path", "val_path", "file_list", "pretrained"}
_SIMPLE = (bool, int, float, str, type(None))
_DEPTH = 5


def fingerprint(
    model: Any, optimizer: Any, losses: dict[str, Any], dataset: Any, **numbers: Any
) -> dict[str, Any]:
    """Describe a training in numbers and names.

    Args:
        model: the network.
        optimizer: its optimizer, with its schedule.
        losses: the loss configuration.
        dataset: the training set.
        **numbers: what else decides the result, e.g. batch_size.

    Returns:
        A nested dict that JSON can hold and that is the same in another process.
    """
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    frozen = sorted(n for n, p in model.named_parameters() if p.stop_gradient)
    return {
        "model": {
            "type": type(model).__name__,
            "tensors": len(shapes),
            "shapes": _digest(shapes),
            "layers": _digest(repr(model)),
            "frozen": len(frozen),
            "frozen_names": _digest(frozen),
        },
        "optimizer": {
            "type": type(optimizer).__name__,
            "settings": describe(getattr(optimizer, "_default_dict", {})),
            "learning_rate": describe(optimizer._learning_rate),
            "grad_clip": describe(optimizer._grad_clip),
        },
        "losses": [
            {"coef": float(coef), **_as_dict(describe(loss))}
            for loss, coef in zip(losses["types"], losses["coef"])
        ],
        "train_dataset": {
            **_as_dict(describe(dataset)),
            "samples": len(dataset),
            "names": _digest(_names(dataset)),
        },
        **numbers,
    }


def describe(thing: Any, depth: int = _DEPTH) -> Any:
    """Describe an object by its class and its attributes that are plain values or such objects."""
    if isinstance(thing, _SIMPLE):
        return thing
    if isinstance(thing, Mapping):
        items = sorted(thing.items(), key=lambda item: str(item[0]))
        found = {str(name): describe(value, depth - 1) for name, value in items}
        return {name: value for name, value in found.items() if value is not ...}
    if isinstance(thing, (list, tuple, set)):
        values = sorted(thing, key=str) if isinstance(thing, set) else thing
        return [describe(value, depth - 1) for value in values] if len(thing) <= 256 else len(thing)
    if hasattr(thing, "item") and getattr(thing, "size", 0) == 1:
        return thing.item()
    if hasattr(thing, "tolist") and getattr(thing, "size", 257) <= 256:
        return thing.tolist()
    if depth == 0 or not hasattr(thing, "__dict__"):
        return type(thing).__name__
    own = {
        name: value
        for name, value in vars(thing).items()
        if name not in _MOVING | _PLACES
        and (isinstance(value, _SIMPLE) or not name.startswith("_"))
        and (hasattr(value, "__dict__") or not callable(value))
    }
    return {"type": type(thing).__name__, **_as_dict(describe(own, depth - 1))}


def differences(saved: Any, now: Any, where: str = "") -> list[str]:
    """List what differs between two fingerprints, a line each."""
    if isinstance(saved, dict) and isinstance(now, dict):
        keys = [*saved, *(key for key in now if key not in saved)]
        return [
            line
            for key in keys
            for line in differences(
                saved.get(key, "not set"), now.get(key, "not set"), f"{where}.{key}".lstrip(".")
            )
        ]
    if isinstance(saved, list) and isinstance(now, list) and len(saved) == len(now):
        pairs = enumerate(zip(saved, now))
        return [line for i, (a, b) in pairs for line in differences(a, b, f"{where}[{i}]")]
    return [] if saved == now else [f"{where}: {saved!r} then, {now!r} now"]


def plain(thing: Any) -> Any:
    """Return what JSON makes of a fingerprint, for comparison with one that was saved."""
    return json.loads(json.dumps(thing, default=str))


def _as_dict(described: Any) -> dict[str, Any]:
    return described if isinstance(described, dict) else {"value": described}


def _names(dataset: Any) -> list[str]:
    files = getattr(dataset, "file_list", None) or []
    return [Path(str(entry if isinstance(entry, str) else entry[0])).name for entry in files]


def _digest(thing: Any) -> str:
    return hashlib.sha256(json.dumps(thing, sort_keys=True).encode()).hexdigest()[:16]
