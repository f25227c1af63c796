"""The inference form of ANN: the same function of the image for less than half of the head's work.

In eval mode everything between two ReLUs is linear, and the rows of an attention sum to 1:

* AFNB ends without a ReLU, so its fusing 1x1 convolution and the 3x3 behind it are one 3x3, whose
  kernel is composed ahead of time.
* The context half of that 3x3 is a convolution over the S channels of the attention itself, with a
  kernel that is built for each image from its S sampled values.
* Biases ride on the sampled values, so that zero padding of the attention is zero padding of the
  map it stands for, and borders come out right with no special case.
* Batch norms are folded, the auxiliary head is left out.
"""

from __future__ import annotations

import copy
from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddleseg import models as paddleseg_models

from paddle_ann.models.ann import ANN, resize_logits
from paddle_ann.models.fusible import check_fusible, pool_sizes_of
from paddle_ann.nn import functional
from paddle_ann.nn.conv import unflatten
from paddle_ann.nn.folding import compose, exact, fold_batch_norm, split_fusion
from paddle_ann.nn.sampling import PyramidSampling


def fuse(model: ANN) -> FusedANN:
    """Build the inference form of a trained ANN; the model itself is left as it is.

    Args:
        model: an ANN in eval mode, ours or PaddleSeg's.

    Returns:
        A layer that maps images to [logits] as the model does, to float rounding, and cannot be
        trained.

    Raises:
        TypeError: if `model` is no ANN.
        RuntimeError: if it is in training mode.
        ValueError: if it holds something that the inference form cannot represent.
    """
    if not isinstance(model, (ANN, paddleseg_models.ANN)):
        raise TypeError(
            f"fuse() takes an ANN; received {type(model).__name__}. For a wrapped model pass the "
            "network inside, e.g. model._layers of a DataParallel."
        )
    if model.training:
        raise RuntimeError(
            "fuse() takes a model in eval mode, whose batch norms use their running statistics; "
            "received one in training mode. Call model.eval() first."
        )
    check_fusible(model.head)
    with paddle.no_grad():
        return FusedANN(model)


class FusedANN(nn.Layer):
    """ANN for inference only, made by `fuse`.

    Args:
        model: an ANN in eval mode.
    """

    def __init__(self, model: ANN) -> None:
        super().__init__()
        self.backbone = copy.deepcopy(model.backbone)
        self.head = FusedHead(model.head)
        self.align_corners = model.align_corners
        self.eval()

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map images (N, 3, H, W) to [logits], (N, num_classes, H, W)."""
        return resize_logits(self.head(self.backbone(x)), x, self.align_corners)

    def train(self) -> nn.Layer:
        """Refuse: there are no batch norms left to train with.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("A fused ANN is for inference only; train the model it was made from.")


class FusedHead(nn.Layer):
    """The head of a fused ANN.

    Args:
        head: an ANNHead in eval mode.
    """

    def __init__(self, head: nn.Layer) -> None:
        super().__init__()
        self.backbone_indices = head.backbone_indices
        kernel, bias = fold_batch_norm(head.context[0]._conv, head.context[0]._batch_norm)
        self.fusion = self.context = None
        if hasattr(head, "fusion"):
            self.fusion, kernel = fuse_block(head.fusion, kernel)
        if len(head.context) > 1:
            self.context, self_kernel = fuse_block(head.context[1])
            hold(self, x_weight=self_kernel)
        hold(self, kernel=kernel, bias=bias)
        hold(self, cls_weight=head.cls.weight, cls_bias=exact(head.cls)[1])

    def forward(self, feat_list: list[Tensor]) -> list[Tensor]:
        """Map the backbone's outputs to [logits], (N, num_classes, H, W) of the high-level map."""
        low, high = (feat_list[i] for i in self.backbone_indices)
        x = functional.convolve3x3(high, self.kernel, self.bias)
        if self.fusion is not None:
            weights, values = self.fusion(low, high)
            x = x + attention_convolution(weights, values, like=high)
        x = F.relu(x)
        if self.context is not None:
            weights, values = self.context(x, x)
            fused = functional.weighted_sum(weights, values.flatten(2))
            x = unflatten(F.relu(functional.pointwise(x.flatten(2), self.x_weight) + fused), x)
        return [F.conv2d(x, self.cls_weight, self.cls_bias)]


class FusedAttention(nn.Layer):
    """Attention weights, and sampled values with all that follows them folded in.

    Args:
        stage: the attention of an AFNB or APNB in eval mode.
        kernel: what follows the values, (C_out, C_v, k, k).
        bias: (C_out, k, k).
    """

    def __init__(self, stage: nn.Layer, kernel: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.sampling = PyramidSampling(pool_sizes_of(stage))
        self.shared = stage.f_query is stage.f_key
        self.shape = [kernel.shape[0], kernel.shape[2] * kernel.shape[3]]
        key_weight, key_bias = fold_batch_norm(stage.f_key._conv, stage.f_key._batch_norm)
        hold(self, key_weight=key_weight, key_bias=key_bias)
        if not self.shared:
            weight, query_bias = fold_batch_norm(stage.f_query._conv, stage.f_query._batch_norm)
            hold(self, query_weight=weight, query_bias=query_bias)
        value_weight, value_bias = exact(stage.f_value)
        hold(self, value_weight=value_weight, value_bias=value_bias)
        hold(self, out_weight=kernel.transpose([0, 2, 3, 1]).flatten(0, 2), out_bias=bias.flatten())

    def forward(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return weights (N, L, S) and values (N, C_out, k * k, S)."""
        key = F.relu(functional.pointwise(low.flatten(2), self.key_weight, self.key_bias))
        if self.shared:
            query = key
        else:
            query = functional.pointwise(high.flatten(2), self.query_weight, self.query_bias)
            query = F.relu(query)
        weights = functional.attention_weights(query, self.sampling(unflatten(key, low)))
        values = functional.pointwise(self.sampling(low), self.value_weight, self.value_bias)
        values = functional.pointwise(values, self.out_weight, self.out_bias)
        return weights, values.reshape([0, *self.shape, values.shape[-1]])


def fuse_block(block: nn.Layer, outer: Tensor | None = None) -> tuple[FusedAttention, Tensor]:
    """Fold an AFNB or APNB, and the kernel (C_out, C_mid, k, k) behind it where there is one.

    Returns:
        The attention with its folded values, and the kernel that reads the map itself,
        (C_out, C_in, k, k).
    """
    stage = block.stages[0]
    context, x, bias = split_fusion(block.conv_bn._conv, block.conv_bn._batch_norm, stage.W)
    if outer is None:
        return FusedAttention(stage, context, bias.reshape([-1, 1, 1])), x
    kernel, taps = compose(outer, context, bias)
    return FusedAttention(stage, kernel, taps), compose(outer, x, paddle.zeros_like(bias))[0]


def attention_convolution(weights: Tensor, values: Tensor, like: Tensor) -> Tensor:
    """Convolve the attention, as a map of S channels, with a 3x3 kernel of each image's own.

    Args:
        weights: (N, L, S).
        values: (N, C_out, 9, S), the kernel.
        like: (N, any, H, W), L = H * W.

    Returns:
        (N, C_out, H, W).
    """
    columns = F.unfold(unflatten(weights.transpose([0, 2, 1]), like), 3, paddings=1)
    kernel = values.transpose([0, 1, 3, 2]).flatten(2)
    return unflatten(paddle.matmul(kernel, columns), like)


def hold(layer: nn.Layer, **tensors: Any) -> None:
    """Keep tensors in a layer's state dict, in the default dtype, out of any optimizer's reach."""
    for name, tensor in tensors.items():
        layer.register_buffer(name, tensor.detach().astype(paddle.get_default_dtype()))
