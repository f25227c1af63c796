"""How images are run through a network: plainly, with scales and flips, or by a sliding window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import paddle
from paddleseg.core import infer

from paddle_ann.engine.precision import Precision

_LEAST, _MOST = 0.05, 20  # beyond, nothing is left of an image, or it takes all memory


def check_scales(scales: Any) -> list[float]:
    """Return the scales as the list of floats that PaddleSeg's `aug_inference` insists on.

    Raises:
        ValueError: if one is no number of 0.05 to 20, or there is none.
    """
    several = list(scales) if isinstance(scales, (list, tuple)) else [scales]
    if (
        not all(isinstance(s, (int, float)) and _LEAST <= s <= _MOST for s in several)
        or not several
    ):
        raise ValueError(
            f"scales must be a number from {_LEAST} to {_MOST} or a list of them, such as "
            f"[0.75, 1.0, 1.25]; received {scales!r}."
        )
    return [float(s) for s in several]


def check_windows(crop_size: Any, stride: Any) -> None:
    """Refuse a sliding window without its two sizes, or with gaps between the windows.

    Args:
        crop_size: (width, height) of the window in pixels.
        stride: (width, height) of its step.

    Raises:
        ValueError: naming the argument.
    """
    for name, value in (("crop_size", crop_size), ("stride", stride)):
        pair = isinstance(value, (list, tuple)) and len(value) == 2
        if not pair or not all(isinstance(side, int) and side > 0 for side in value):
            raise ValueError(
                f"is_slide=True needs {name}=(width, height) in pixels, both positive, received "
                f"{value!r}."
            )
    if any(step > size for step, size in zip(stride, crop_size)):
        raise ValueError(
            f"stride {stride} leaves gaps between windows of crop_size {crop_size}; make it at "
            "most as large."
        )


@dataclass(frozen=True)
class Inference:
    """The choices of PaddleSeg's `evaluate`, by its names.

    Attributes:
        precision: what to compute in.
        aug_eval: average over scales and flips.
        scales: of the image, with `aug_eval`.
        flip_horizontal: average with the mirror image, with `aug_eval`.
        flip_vertical: average with the image upside down, with `aug_eval`.
        is_slide: slide a window over the image.
        crop_size: (width, height) of the window.
        stride: (width, height) of its step.

    Raises:
        ValueError: if scales or windows cannot be used.
    """

    precision: Precision
    aug_eval: bool = False
    scales: Any = 1.0
    flip_horizontal: bool = False
    flip_vertical: bool = False
    is_slide: bool = False
    crop_size: Any = None
    stride: Any = None

    def __post_init__(self) -> None:
        if self.aug_eval:
            object.__setattr__(self, "scales", check_scales(self.scales))
        if self.is_slide:
            check_windows(self.crop_size, self.stride)

    def __call__(
        self, model: paddle.nn.Layer, images: paddle.Tensor, trans_info: Sequence[Any]
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Run images of equal size and history.

        Args:
            model: returns a list of logits, of which the first counts.
            images: [N, 3, H, W].
            trans_info: what PaddleSeg's transforms did to them: ('resize' or 'padding', (h, w)),
                the size before it; undone in reverse order.

        Returns:
            Classes int32 [N, 1, h, w] and logits [N, C, h, w] at the size before the transforms.
        """
        window = {"is_slide": self.is_slide, "crop_size": self.crop_size, "stride": self.stride}
        with self.precision.autocast():
            if not self.aug_eval:
                return infer.inference(model, images, trans_info=trans_info, **window)
            return infer.aug_inference(
                model,
                images,
                trans_info=trans_info,
                scales=self.scales,
                flip_horizontal=self.flip_horizontal,
                flip_vertical=self.flip_vertical,
                **window,
            )
