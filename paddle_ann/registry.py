"""The one place that touches PaddleSeg's component manager.

`register()` makes every model, backbone and data set of this package available to YAML files under
its class name. The name `ANN` is PaddleSeg's: it is taken over on purpose, so that existing YAML
files run unchanged. `paddleseg.models.ANN`, the class, stays PaddleSeg's; YAML files that compare
the two name it `PaddleSegANN`. `unregister()` puts the registry back as it was.
"""

from __future__ import annotations

from typing import Any

from paddleseg.cvlibs import manager
from paddleseg.models import ANN as PaddleSegANN
from paddleseg.models.backbones import resnet_vd

from paddle_ann import backbones, datasets, models

COMPONENTS: tuple[tuple[Any, str, Any], ...] = (
    (manager.MODELS, "ANN", models.ANN),
    (manager.MODELS, "ANNNet", models.ANNNet),
    (manager.MODELS, "PaddleSegANN", PaddleSegANN),
    *((manager.BACKBONES, name, getattr(backbones, name)) for name in backbones.__all__),
    (manager.DATASETS, "CamVid", datasets.CamVid),
    # PaddleSeg has these too, but lets YAML files name only ResNet18_vd, 50 and 101.
    (manager.BACKBONES, "ResNet34_vd", resnet_vd.ResNet34_vd),
    (manager.BACKBONES, "ResNet152_vd", resnet_vd.ResNet152_vd),
)

_replaced: list[tuple[dict[str, Any], str, Any]] = []


def register() -> None:
    """Put our components into PaddleSeg's registry; a second call changes nothing."""
    for registry, name, component in COMPONENTS:
        known = registry.components_dict
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
