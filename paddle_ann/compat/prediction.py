"""`predict` and `evaluate`: arguments that cannot give what was asked for."""

from __future__ import annotations

import functools
from typing import Any

import paddle

from paddle_ann import metrics
from paddle_ann.compat.fix import Fix, Patches, module, source_has
from paddle_ann.engine.inference import check_scales, check_windows
from paddle_ann.engine.report import present_line


def _infer() -> Any:
    return module("paddleseg.core.infer")


def _evaluate() -> Any:
    return module("paddleseg.core.val").evaluate


def _predict() -> Any:
    return module("paddleseg.core.predict").predict


# -- scales (A16) ---------------------------------------------------------------------------------


def float_scales(given: dict[str, Any]) -> None:
    """Take an int for the float that aug_inference insists on."""
    given["scales"] = check_scales(given["scales"])


def _scales_bite() -> bool:
    return source_has(_infer().aug_inference, "isinstance(scales, float)")


def _patch_scales(patches: Patches) -> None:
    patches.before(_infer().aug_inference, float_scales)


# -- sliding windows ------------------------------------------------------------------------------


def _check_windows(given: dict[str, Any]) -> None:
    if given["is_slide"]:
        check_windows(given["crop_size"], given["stride"])


def _patch_windows(patches: Patches) -> None:
    patches.before(_evaluate(), _check_windows)
    patches.before(_predict(), _check_windows)


# -- several images at once through sliding windows ------------------------------------------------


@functools.cache
def _of_batches(original: Any) -> Any:
    """Give `slide_inference` a batch as one image of N times as many channels."""

    @functools.wraps(original)
    def slide_inference(model: Any, im: Any, crop_size: Any, stride: Any) -> Any:
        count, channels = im.shape[:2]
        if count == 1:
            return original(model, im, crop_size, stride)

        def model_of_one(window: Any) -> Any:
            logits = model(window.reshape([count, channels, *window.shape[2:]]))
            if not isinstance(logits, (list, tuple)):
                return logits  # which the original refuses
            return [logits[0].reshape([1, -1, *logits[0].shape[2:]])]

        whole = original(model_of_one, im.reshape([1, -1, *im.shape[2:]]), crop_size, stride)
        return whole.reshape([count, -1, *whole.shape[2:]])

    return slide_inference


def _batches_bite() -> bool:
    model, images = lambda window: [window], paddle.zeros([2, 1, 3, 3])
    try:
        return _infer().slide_inference(model, images, (2, 2), (1, 1)).shape != [2, 1, 3, 3]
    except ValueError:
        return True


def _patch_batches(patches: Patches) -> None:
    original = _infer().slide_inference
    patches.everywhere(original, _of_batches(original))


# -- classes present (C20) ------------------------------------------------------------------------


@functools.cache
def _telling(original: Any) -> Any:
    @functools.wraps(original)
    def evaluate(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        counted = metrics.last_classes_present()
        if kwargs.get("print_detail", True) and counted and len(result[2]) == counted[1]:
            module("paddleseg.utils.logger").info(present_line(*counted))
        return result

    return evaluate


def _patch_telling(patches: Patches) -> None:
    evaluate = _evaluate()
    patches.everywhere(evaluate, _telling(evaluate))


FIXES = (
    Fix(
        "int-scales",
        "`scales: 1`: TypeError: `scales` expects float/tuple/list",
        "aug_inference tests for float (A16)",
        "paddleseg 2.8.0 and 2.10",
        _scales_bite,
        _patch_scales,
    ),
    Fix(
        "slide-arguments",
        "is_slide without crop_size or stride: `TypeError: cannot unpack non-iterable NoneType "
        "object`",
        "evaluate and predict pass them on unseen",
        "paddleseg 2.8.0 and 2.10",
        lambda: not source_has(_predict(), "crop_size is None"),
        _patch_windows,
    ),
    Fix(
        "slide-batch",
        "sliding windows over several images at once: `ValueError: non-broadcastable output "
        "operand`",
        "slide_inference adds up the logits in an array for one image",
        "paddleseg 2.8.0 and 2.10",
        _batches_bite,
        _patch_batches,
    ),
    Fix(
        "classes-present",
        "nothing tells how many classes the mean IoU is a mean of",
        "evaluate prints the mean alone (C20)",
        "paddleseg 2.8.0 and 2.10",
        lambda: not source_has(_evaluate(), "classes present"),
        _patch_telling,
    ),
)
