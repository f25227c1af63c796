"""The names of the peers' modules, as data: rows (theirs, ours), and what is dropped.

They were taken from the peers' source code and compared with files that it wrote.
"""

from __future__ import annotations

from collections.abc import Sequence

from paddle_ann.convert.renaming import Row, Table


def under(theirs: str, ours: str, rows: Sequence[Row]) -> tuple[Row, ...]:
    """Put names in front of both sides."""
    return tuple((theirs + a, ours + b) for a, b in rows)


# -- backbones ------------------------------------------------------------------------------------

_STAGES = tuple(
    (name, name)
    for name in ("layer{s}.{i}.conv{j}", "layer{s}.{i}.bn{j}", "layer{s}.{i}.downsample.{j}")
)
_PLAIN = (("conv1", "conv1"), ("bn1", "bn1"), *_STAGES)  # torchvision, timm
_OWN = (("stem.{i}", "stem.{i}"), *_PLAIN)  # mmsegmentation, torchvision
_AUTHORS_PLAIN = (("prefix.conv1", "conv1"), ("prefix.bn1", "bn1"), *_STAGES)
_AUTHORS_DEEP = (
    *((f"prefix.conv{i + 1}", f"stem.{3 * i}") for i in range(3)),
    *((f"prefix.bn{i + 1}", f"stem.{3 * i + 1}") for i in range(3)),
    *_STAGES,
)
_TIMM_DEEP = (
    *((f"conv1.{i}", f"stem.{i}") for i in (0, 1, 3, 4, 6)),
    ("bn1", "stem.7"),
    *_STAGES,
)

# PaddleSeg's ResNet_vd: (our module, PaddleSeg's).
RESNET_VD = (
    *((f"stem.{3 * i}", f"conv1_{i + 1}._conv") for i in range(3)),
    *((f"stem.{3 * i + 1}", f"conv1_{i + 1}._batch_norm") for i in range(3)),
    *(
        (f"layer{s}.{{i}}.{name}{j}", f"bb_{s - 1}_{{i}}.conv{j - 1}.{entry}")
        for s in (1, 2, 3, 4)
        for j in (1, 2, 3)
        for name, entry in (("conv", "_conv"), ("bn", "_batch_norm"))
    ),
    *(
        (f"layer{s}.{{i}}.downsample.{j}", f"bb_{s - 1}_{{i}}.short.{entry}")
        for s in (1, 2, 3, 4)
        for j, entry in ((1, "_conv"), (2, "_batch_norm"))
    ),
)

# -- heads ----------------------------------------------------------------------------------------

_MODULE = ((".conv", "._conv"), (".bn", "._batch_norm"))  # mmsegmentation's ConvModule
_BN_RELU = ((".0", "._conv"), (".1.0", "._batch_norm"))  # the authors' conv, BNReLU
_BN = ((".0", "._conv"), (".1", "._batch_norm"))

_MMSEG_ATTENTION = (
    *under("key_project", "f_key", _MODULE),
    *under("query_project", "f_query", _MODULE),
    ("value_project", "f_value"),
    ("out_project", "W"),
)
_AUTHORS_ATTENTION = (
    *under("f_key", "f_key", _BN_RELU),
    *under("f_query", "f_query", _BN_RELU),
    ("f_value", "f_value"),
    ("W", "W"),
)
_AUTHORS_HEAD = (
    *under("fusion.stages.0.", "head.fusion.stages.0.", _AUTHORS_ATTENTION),
    *under("fusion.conv_bn_dropout", "head.fusion.conv_bn", _BN),
    *under("context", "head.context.0", _BN_RELU),
    *under("context.2.stages.0.", "head.context.1.stages.0.", _AUTHORS_ATTENTION),
    *under("context.2.conv_bn_dropout", "head.context.1.conv_bn", _BN_RELU),
    ("cls", "head.cls"),
    *under("dsn", "head.auxlayer.conv_bn_relu", _BN_RELU),
    ("dsn.3", "head.auxlayer.conv"),
)
_TUTORIAL_APNB = (
    *under("Conv_Key", "f_key", _BN),
    *under("Conv_Query", "f_query", _BN),
    ("Conv_Value", "f_value"),
    ("Conv_Out", "W"),
)

# -- whole networks -------------------------------------------------------------------------------

_FC = ((r"(backbone\.)?fc\.(weight|bias)$", "the ImageNet classifier is not used here"),)

MMSEG = Table(
    (
        *under("backbone.", "backbone.", _OWN),
        *under("decode_head.fusion.stages.0.", "head.fusion.stages.0.", _MMSEG_ATTENTION),
        *under("decode_head.fusion.bottleneck", "head.fusion.conv_bn", _MODULE),
        *under("decode_head.bottleneck", "head.context.0", _MODULE),
        *under("decode_head.context.stages.0.", "head.context.1.stages.0.", _MMSEG_ATTENTION),
        *under("decode_head.context.bottleneck", "head.context.1.conv_bn", _MODULE),
        ("decode_head.conv_seg", "head.cls"),
        *under("auxiliary_head.convs.0", "head.auxlayer.conv_bn_relu", _MODULE),
        ("auxiliary_head.conv_seg", "head.auxlayer.conv"),
    )
)
AUTHORS = tuple(
    Table((*under("backbone.", "backbone.", rows), *_AUTHORS_HEAD), _FC)
    for rows in (_AUTHORS_PLAIN, _AUTHORS_DEEP)
)
TUTORIAL = Table(
    (
        *under("backbone.", "backbone.", _PLAIN),
        *under("fusion.Conv_key", "head.fusion.f_key", _BN),
        *under("fusion.Conv_query", "head.fusion.f_query", _BN),
        ("fusion.Conv_value", "head.fusion.f_value"),
        ("fusion.ConvOut", "head.fusion.W"),
        *under("context", "head.context.0", _BN),
        *under("APNB.", "head.context.1.", _TUTORIAL_APNB),
        *under("context.3.", "head.context.1.", _TUTORIAL_APNB),  # the same module, listed twice
        ("cls", "head.cls"),
        *under("dsn", "head.auxlayer.conv_bn_relu", _BN),
        ("dsn.4", "head.auxlayer.conv"),
    ),
    _FC,
)
TORCHVISION = Table(under("", "backbone.", _OWN), _FC)
TIMM = tuple(Table(under("", "backbone.", rows), _FC) for rows in (_PLAIN, _TIMM_DEEP))
