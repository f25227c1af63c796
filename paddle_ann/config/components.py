"""Components by their registered name, and the arguments that each one takes."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import paddle
from paddleseg.cvlibs import manager

from paddle_ann.config.spelling import did_you_mean

# The order in which PaddleSeg's SegBuilder looks a name up.
_ALL_MANAGERS = (
    manager.MODELS,
    manager.BACKBONES,
    manager.DATASETS,
    manager.TRANSFORMS,
    manager.LOSSES,
    manager.OPTIMIZERS,
)
# What the builder adds from the data set, or builds from a block of its own.
_ADDED_BY_BUILDER = {"num_classes", "in_channels", "ignore_index"}


def find(name: str) -> Any:
    """Returns the registered class or factory function; the name must exist."""
    return next(m.components_dict[name] for m in _ALL_MANAGERS if name in m.components_dict)


def lr_schedules() -> dict[str, type]:
    """Returns Paddle's learning-rate schedules by name."""
    base = paddle.optimizer.lr.LRScheduler
    return {
        name: item
        for name, item in vars(paddle.optimizer.lr).items()
        if inspect.isclass(item) and issubclass(item, base) and item is not base
    }


def component_class(component: Any) -> Any:
    """Returns the class that a factory such as `ResNet50_vd(**args)` calls, or the component."""
    if inspect.isfunction(component):
        called = [component.__globals__.get(name) for name in component.__code__.co_names]
        classes = [item for item in called if inspect.isclass(item)]
        if len(classes) == 1:
            return classes[0]
    return component


def arguments_of(component: Any) -> Mapping[str, inspect.Parameter]:
    """Returns the parameters of the component, or of the one class that a factory calls."""
    return inspect.signature(component_class(component)).parameters


def check_component(
    node: dict[str, Any], path: str, registry: Any = None, extra: Iterable[str] = ()
) -> None:
    """Raises a ValueError unless `node` names a registered component and arguments it takes.

    Args:
        node: A block of the configuration, with `type`.
        path: Where the block stands, for the message.
        registry: The component manager that must hold the name; None for any of them.
        extra: Keys that are read before the component is built.
    """
    kind = node.get("type")
    registries = (registry,) if registry is not None else _ALL_MANAGERS
    known = [name for item in registries for name in item.components_dict]
    if kind is None:
        raise ValueError(f"{path} has no `type`{did_you_mean('', known)}")
    if kind not in known:
        what = f" among PaddleSeg's {registry.name}" if registry is not None else ""
        raise ValueError(
            f"{path}.type is {kind!r}, which is not registered{what}{did_you_mean(kind, known)}"
        )
    check_arguments(node, find(kind), path, extra)


def check_arguments(
    node: dict[str, Any], component: Any, path: str, extra: Iterable[str] = ()
) -> None:
    """Raises a ValueError for a key that is no argument, or a required one that is missing."""
    parameters = arguments_of(component)
    kinds = {parameter.kind for parameter in parameters.values()}
    named = {
        name
        for name, parameter in parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        for key in node:
            if key not in named | {"type", *extra}:
                raise ValueError(
                    f"{path} ({node['type']}) has no argument {key!r}{did_you_mean(key, named)}"
                )
    if inspect.isfunction(component):  # the factory fills in what its class still needs
        return
    required = {name for name in named if parameters[name].default is inspect.Parameter.empty}
    for name in sorted(required - set(node) - _ADDED_BY_BUILDER):
        raise ValueError(f"{path} ({node['type']}) needs the argument {name!r}; add it.")
