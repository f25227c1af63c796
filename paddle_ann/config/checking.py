"""The rules of a configuration: known keys, components and arguments, numbers that agree."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from paddleseg.core import evaluate, predict
from paddleseg.cvlibs import manager

from paddle_ann.config import epochs
from paddle_ann.config.components import (
    arguments_of,
    check_arguments,
    check_component,
    component_class,
    find,
    lr_schedules,
)
from paddle_ann.config.spelling import did_you_mean

_REQUIRED = ("batch_size", "train_dataset", "optimizer", "lr_scheduler", "loss", "model")
# Everything that the scripts and the library of PaddleSeg 2.8 and 2.10 read.
_OPTIONAL = (
    *epochs.WORDS,  # the second is ours; one of them must be there
    "val_dataset",
    "distill_loss",
    "test_config",
    "train_options",  # ours
    "to_static_training",
    "uniform_output_enabled",
    "print_mem_info",
    "log_ranks",
)
# 2.10's train script takes `shuffle` from the section before it builds the data set.
_SCRIPT_KEYS = {"train_dataset": {"shuffle"}}
_MANAGERS = {
    "train_dataset": manager.DATASETS,
    "val_dataset": manager.DATASETS,
    "transforms": manager.TRANSFORMS,
    "model": manager.MODELS,
    "backbone": manager.BACKBONES,
    "types": manager.LOSSES,
    "losses": manager.LOSSES,
    "optimizer": manager.OPTIMIZERS,
}


def check(settings: dict[str, Any]) -> None:
    """Raises a ValueError for the first setting that cannot work, naming key, value and rule."""
    _check_top_level(settings)
    _check_counts(settings)
    for section in ("train_dataset", "val_dataset", "model", "loss", "distill_loss"):
        _check_blocks(section, settings.get(section, {}))
        _check_section(section, settings.get(section, {}), section, _SCRIPT_KEYS.get(section, ()))
    _check_optimizer(settings["optimizer"])
    _check_schedule(settings["lr_scheduler"])
    _check_test_config(settings.get("test_config") or {})
    _check_train_options(settings.get("train_options") or {})
    _check_num_classes(settings)
    _check_losses(settings)
    _check_class_weights(settings)


def _check_top_level(settings: dict[str, Any]) -> None:
    for key in settings:
        if key not in _REQUIRED + _OPTIONAL:
            raise ValueError(
                f"The configuration has an unknown key {key!r}"
                f"{did_you_mean(key, _REQUIRED + _OPTIONAL)}"
            )
    for key in _REQUIRED:
        if settings.get(key) in (None, {}):
            raise ValueError(
                f"The configuration has no {key!r}; every configuration needs "
                f"{', '.join(_REQUIRED)}."
            )
    if epochs.one_of(epochs.said(settings), "The configuration") is None:
        raise ValueError(
            "The configuration has neither 'iters' nor 'epochs'; it needs one, the length of the "
            "training."
        )
    for key in ("train_dataset", "val_dataset", "model", "optimizer", "lr_scheduler", "loss"):
        if not isinstance(settings.get(key, {}), dict):
            raise ValueError(f"{key!r} is {settings[key]!r}; it must be a block of `key: value`.")


def _check_counts(settings: dict[str, Any]) -> None:
    for key in ("batch_size", *epochs.said(settings)):
        value = settings[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{key!r} is {value!r}; it must be a whole number of at least 1.")


def _check_blocks(section: str, settings: dict[str, Any]) -> None:
    """Sees that blocks stand where PaddleSeg reads blocks, for it takes anything else as it is."""
    if "backbone" in settings and not isinstance(settings["backbone"], dict):
        raise ValueError(
            f"{section}.backbone is {settings['backbone']!r}; it must be a block with a `type`."
        )
    for key in ("transforms", "types"):
        blocks = settings.get(key, [])
        if not isinstance(blocks, list) or not all(isinstance(item, dict) for item in blocks):
            raise ValueError(
                f"{section}.{key} is {blocks!r}; it must be a list of blocks, each with a `type`."
            )


def _check_section(
    name: str, node: Any, path: str, extra: Iterable[str] = (), manager_key: str = ""
) -> None:
    """Walks a section and checks every block that has a `type`, or that must have one."""
    manager_ = _MANAGERS.get(manager_key or name)
    for child_name, child, child_path in _children(name, node, path):
        _check_section(child_name, child, child_path)
    there = node or path != name  # only whole sections may be left empty
    if isinstance(node, dict) and there and ("type" in node or manager_ is not None):
        check_component(node, path, manager_, extra)


def _children(name: str, node: Any, path: str) -> Iterator[tuple[str, Any, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, (dict, list)):
                yield key, value, f"{path}.{key}"
    elif isinstance(node, list):
        for index, value in enumerate(node):
            if isinstance(value, dict):
                yield name, value, f"{path}[{index}]"


def _check_train_options(section: Any) -> None:
    from paddle_ann.engine import TrainOptions

    if not isinstance(section, dict):
        raise ValueError(f"'train_options' is {section!r}; it must be a block of `key: value`.")
    try:
        TrainOptions.from_dict(section)
    except TypeError as error:
        raise ValueError(f"train_options: {error}") from error


def _check_optimizer(settings: dict[str, Any]) -> None:
    """PaddleSeg's builder reads `sgd`, `adam`, and SGD with a momentum as Momentum."""
    kind = {"sgd": "SGD", "adam": "Adam"}.get(str(settings.get("type")), settings.get("type"))
    if kind == "SGD" and "momentum" in settings:
        kind = "Momentum"
    node = {**settings, "type": kind} if kind is not None else settings
    check_component(node, "optimizer", manager.OPTIMIZERS)


def _check_schedule(settings: dict[str, Any]) -> None:
    schedules = lr_schedules()
    kind = settings.get("type")
    if not isinstance(kind, str) or kind not in schedules:
        raise ValueError(
            f"lr_scheduler.type is {kind!r}, which paddle.optimizer.lr does not have"
            f"{did_you_mean(str(kind), schedules)}"
        )
    extra = {"warmup_iters", "warmup_start_lr", "by_epoch"}
    added = {name: 1 for schedule, name in epochs.WHOLE_TRAINING.items() if schedule == kind}
    check_arguments({**added, **settings}, schedules[kind], "lr_scheduler", extra)
    epochs.check_schedule(settings)
    if "warmup_iters" in settings and "warmup_start_lr" not in settings:
        raise ValueError("lr_scheduler has warmup_iters but no warmup_start_lr; give both.")


def _check_test_config(settings: dict[str, Any]) -> None:
    known: set[str] = set()
    for function in (evaluate, predict):
        known |= set(inspect.signature(function).parameters)
    known -= {"model", "eval_dataset", "model_path", "transforms", "image_list", "image_dir"}
    known |= {"use_multilabel"}
    if not isinstance(settings, dict):
        raise ValueError(f"'test_config' is {settings!r}; it must be a block of `key: value`.")
    for key in settings:
        if key not in known:
            raise ValueError(f"test_config has an unknown key {key!r}{did_you_mean(key, known)}")


def _check_num_classes(settings: dict[str, Any]) -> None:
    counts = {
        f"{section} ({settings[section].get('type')})": _num_classes(settings[section])
        for section in ("model", "train_dataset", "val_dataset")
        if settings.get(section)
    }
    given = {name: count for name, count in counts.items() if count is not None}
    if len(set(given.values())) > 1:
        listed = ", ".join(f"{name}: {count}" for name, count in given.items())
        raise ValueError(f"num_classes disagrees: {listed}. Set model.num_classes to the data's.")


def _num_classes(section: dict[str, Any]) -> int | None:
    if "num_classes" in section:
        count = section["num_classes"]
        if not isinstance(count, int) or isinstance(count, bool):
            raise ValueError(f"num_classes is {count!r}; it must be a whole number of classes.")
        return count
    component = component_class(find(section["type"]))
    if hasattr(component, "for_settings"):  # its number of classes depends on its arguments
        component = component.for_settings(section)
    return getattr(component, "NUM_CLASSES", None)


def _check_losses(settings: dict[str, Any]) -> None:
    loss, model = settings["loss"], settings["model"]
    if not all(isinstance(loss.get(key), list) and loss[key] for key in ("types", "coef")):
        raise ValueError("loss needs `types` and `coef`, each a list with at least one item.")
    types, coef = len(loss["types"]), len(loss["coef"])
    if types not in (1, coef):
        raise ValueError(
            f"loss has {types} types and {coef} coef; give one type for all, or one per coef."
        )
    if model["type"] not in ("ANN", "ANNNet"):
        return
    default = arguments_of(find(model["type"]))["enable_auxiliary_loss"].default
    auxiliary = model.get("enable_auxiliary_loss", default)
    logits = 2 if auxiliary else 1
    if coef != logits:
        raise ValueError(
            f"loss.coef is {loss['coef']}, but {model['type']} with enable_auxiliary_loss: "
            f"{auxiliary} returns {logits} logits in training; give {logits} coef, such as "
            f"{[1, 0.4][:logits]}."
        )


def _check_class_weights(settings: dict[str, Any]) -> None:
    from paddle_ann.datasets.class_weights import WORD, loss_blocks

    classes = settings["model"].get("num_classes")
    for block in loss_blocks(settings["loss"]):
        weight = block.get("weight")
        if weight is None or weight == WORD:
            continue
        numbers = isinstance(weight, list) and all(type(item) in (int, float) for item in weight)
        if not numbers:
            raise ValueError(
                f"loss: the weight of {block['type']} is {weight!r}; it must be a list with a "
                f"number for each class, or {WORD}, which computes them from the training masks."
            )
        if isinstance(classes, int) and len(weight) != classes:
            raise ValueError(
                f"loss: the weight of {block['type']} has {len(weight)} numbers, but "
                f"model.num_classes is {classes}; tools/class_weights.py prints one for each class."
            )
