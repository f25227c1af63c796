"""The one place that touches PaddleSeg's component manager.

`register()` makes every model, backbone and data set of this package available to YAML files under
its class name. The name `ANN` is PaddleSeg's: it is taken over on purpose, so that existing YAML
files run unchanged. `paddleseg.models.ANN`, the class, stays PaddleSeg's, and `unregister()` puts
the registry back as it was.
"""

from __future__ import annotations

from typing import Any

from paddleseg.cvlibs import manager

from paddle_ann import datasets, models

COMPONENTS: tuple[tuple[Any, type], ...] = (
    (manager.MODELS, models.ANN),
    (manager.DATASETS, datasets.CamVid),
)

_replaced: list[tuple[dict[str, type], str, type | None]] = []


def register() -> None:
    """Put our components into PaddleSeg's registry; a second call changes nothing."""
    for registry, component in COMPONENTS:
        known, name = registry.components_dict, component.__name__
        if known.get(name) is not component:
            _replaced.append((known, name, known.get(name)))
            known[name] = component


def unregister() -> None:
    """Put PaddleSeg's registry back as it was before `register()`."""
    while _replaced:
        known, name, before = _replaced.pop()
        if before is None:
            del known[name]
        else:
            known[name] = before
