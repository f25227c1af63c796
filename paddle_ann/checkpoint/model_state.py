"""Model, optimizer, loss scaler and moving average in the files of a checkpoint, exactly."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import paddle

from paddle_ann.checkpoint.manifest import EMA_WEIGHTS, OPTIMIZER, OPTIMIZER_NOTES, WEIGHTS
from paddle_ann.checkpoint.optimizer_state import (
    capture_optimizer,
    parameters_with_state,
    rename_optimizer_state,
    restore_optimizer,
    unwrap,
)
from paddle_ann.checkpoint.state import read_json, write_json
from paddle_ann.weights import NAME_TABLE, load_state, require_same_state

_NEXT_STEP = "Resume with the configuration of that training."


def save_model(
    folder: str | Path,
    model: paddle.nn.Layer,
    optimizer: Any = None,
    scaler: Any = None,
    ema: paddle.nn.Layer | None = None,
) -> None:
    """Write the weights, and what is needed to go on from them, into a folder.

    PaddleSeg's files: `model.pdparams`, `model.pdopt`, `ema_model.pdparams`; ours:
    `optimizer.json`. They are written in place, so the folder should be the temporary one of
    `CheckpointStore.save`.

    Args:
        folder: An existing folder.
        model: The model, not the wrapper for several processes.
        optimizer: Its `paddle.optimizer`, or a wrapper of one; None for the weights alone.
        scaler: A `paddle.amp.GradScaler`.
        ema: A model that holds the moving average of the weights.
    """
    folder = Path(folder)
    paddle.save(model.state_dict(), str(folder / WEIGHTS))
    if ema is not None:
        paddle.save(ema.state_dict(), str(folder / EMA_WEIGHTS))
    if optimizer is None:
        return
    with warnings.catch_warnings():  # SGD without a schedule has none; the file is written
        warnings.filterwarnings("ignore", "The input state dict is empty")
        paddle.save(capture_optimizer(optimizer), str(folder / OPTIMIZER))
    notes = {
        "optimizer": type(unwrap(optimizer)).__name__,
        "parameters_with_state": parameters_with_state(optimizer),
        "scaler": scaler.state_dict() if scaler is not None else {},
    }
    write_json(folder / OPTIMIZER_NOTES, notes)


def load_model(
    folder: str | Path,
    model: paddle.nn.Layer,
    optimizer: Any = None,
    scaler: Any = None,
    ema: paddle.nn.Layer | None = None,
) -> list[str]:
    """Fill model, optimizer, scaler and moving average from a checkpoint, after all was compared.

    Every parameter and buffer, and every accumulator of the optimizer, must be in the files in the
    right shape. The parameters' names need not be those of then: a second model of a process has
    others.

    Args:
        folder: As `save_model` or PaddleSeg's train filled it.
        model: The model to fill.
        optimizer: Its optimizer with its schedule; None to leave it out.
        scaler: A `paddle.amp.GradScaler`; it stays as it is if the checkpoint has no state for it.
        ema: Model of the moving average; it gets the weights if the checkpoint has no average.

    Returns:
        One line for each thing that starts anew because the checkpoint does not hold it.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged or would run code, or is another model's or optimizer's;
            model, scaler and average are unchanged then.
    """
    folder = Path(folder)
    weights = _load_weights(folder / WEIGHTS, model)
    average, lines = _load_average(folder / EMA_WEIGHTS, ema)
    if optimizer is not None:
        notes = _read_notes(folder, optimizer)
        _load_optimizer(folder / OPTIMIZER, model, weights, optimizer, notes)
        lines += _load_scaler(notes.get("scaler"), scaler)
    weights.pop(NAME_TABLE, None)
    model.set_state_dict(weights)
    if ema is not None:
        ema.set_state_dict(weights if average is None else average)
    return lines


def _load_weights(path: Path, model: paddle.nn.Layer) -> dict[str, Any]:
    _require_file(path)
    state = load_state(path, keep_name_table=True)
    require_same_state(model, state, str(path), _NEXT_STEP)
    _require_same_precision(model, state, path)
    return dict(state)


def _require_same_precision(model: paddle.nn.Layer, state: dict[str, Any], path: Path) -> None:
    """Refuse what Paddle refuses only when half of the model is filled."""
    for key, value in model.state_dict(use_hook=False).items():
        if key not in state:  # a counter that paddle.flops left in the model
            continue
        here, there = (str(item.dtype).rpartition(".")[2] for item in (value, state[key]))
        if here != there and not {here, there} & {"bfloat16", "uint16"}:  # one and the same
            raise ValueError(
                f"{path}: {key} is {there} there and {here} in the model. {_NEXT_STEP}"
            )


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            f"Cannot resume: {path} does not exist. Give a folder iter_N that train() wrote, with "
            f"{WEIGHTS} and {OPTIMIZER} (best_model has no optimizer state: load it as "
            "`pretrained`)."
        )


def _load_average(path: Path, ema: Any) -> tuple[dict[str, Any] | None, list[str]]:
    if ema is None:
        return None, []
    if not path.exists():
        return None, [f"There is no {path}: the moving average starts from the weights."]
    state = load_state(path)
    require_same_state(ema, state, str(path), _NEXT_STEP)
    _require_same_precision(ema, state, path)
    return state, []


def _read_notes(folder: Path, optimizer: Any) -> dict[str, Any]:
    """Read what `save_model` noted; PaddleSeg's own loop notes nothing."""
    try:
        notes = read_json(folder / OPTIMIZER_NOTES)
    except FileNotFoundError:
        return {}
    noted = notes.get("parameters_with_state", [])
    if not isinstance(noted, list) or not all(isinstance(name, str) for name in noted):
        raise ValueError(
            f"{folder / OPTIMIZER_NOTES} is damaged: parameters_with_state is no list of names. "
            "Take another checkpoint."
        )
    kind = type(unwrap(optimizer)).__name__
    if notes.get("optimizer") != kind:
        raise ValueError(
            f"{folder / OPTIMIZER} is the state of {notes.get('optimizer')}, the optimizer here is "
            f"{kind}. {_NEXT_STEP}"
        )
    return notes


def _load_optimizer(
    path: Path, model: paddle.nn.Layer, weights: dict[str, Any], optimizer: Any, notes: Any
) -> None:
    _require_file(path)
    then = weights.get(NAME_TABLE, {})
    now = {key: value.name for key, value in model.state_dict().items()}
    names = {then[key]: now[key] for key in then if key in now and then[key] != now[key]}
    state = rename_optimizer_state(load_state(path), names)
    noted = notes.get("parameters_with_state")
    with_state = None if noted is None else {names.get(name, name) for name in noted}
    lines = restore_optimizer(optimizer, state, with_state)
    if lines:
        shown = lines[:20] + ([f"  ... and {len(lines) - 20} more"] if len(lines) > 20 else [])
        raise ValueError(
            f"{path} is not the state of this {type(unwrap(optimizer)).__name__}; {len(lines)} "
            "entries differ:\n" + "\n".join(shown) + f"\n{_NEXT_STEP}"
        )


def _load_scaler(state: dict[str, Any] | None, scaler: Any) -> list[str]:
    enabled = scaler is not None and scaler.is_enable()
    if enabled and state:
        try:
            scaler.load_state_dict(state)
        except Exception as error:  # a KeyError, or what arithmetic with a text raises
            raise ValueError(
                f"{OPTIMIZER_NOTES} is damaged: {state!r} is no state of a loss scaler. Take "
                "another checkpoint."
            ) from error
    elif enabled:
        return ["The checkpoint has no state of a loss scaler: it starts anew."]
    elif state:
        return ["The checkpoint has the state of a loss scaler, which is not used here."]
    return []
