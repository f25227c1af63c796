"""Transforms that give wrong samples without an error."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from paddle_ann.compat.fix import Fix, Patches, module, source_has


def _module() -> Any:
    return module("paddleseg.transforms.transforms")


# -- RandomPaddingCrop(category_max_ratio) (C15) --------------------------------------------------


def _cropping(original: Any) -> Any:
    """Let the original choose the window, then crop the image by it."""

    @functools.wraps(original)
    def call(self: Any, data: dict[str, Any]) -> dict[str, Any]:
        if self.category_max_ratio >= 1.0 or data["img"].shape[:2] == tuple(self.crop_size):
            return original(self, data)
        windows: list[Any] = []
        choose = type(self)._get_crop_coordinates

        def remember(size: Any) -> Any:
            windows.append(choose(self, size))
            return windows[-1]

        self._get_crop_coordinates = remember
        try:
            data = self._padding(data)
            image = data["img"]
            data = original(self, data)
        finally:
            del self._get_crop_coordinates
        if windows:
            data["img"] = _module().functional.crop(image, windows[-1])
        return data

    return call


def _crop_bites() -> bool:
    crop = _module().RandomPaddingCrop
    return source_has(crop.__call__, "data['img'] = seg_temp")


def _patch_crop(patches: Patches) -> None:
    crop = _module().RandomPaddingCrop
    patches.set(crop, "__call__", _cropping(crop.__call__))


# -- ResizeByShort(max_size) (C16) ----------------------------------------------------------------


def _resize_bites() -> bool:
    resize = _module().ResizeByShort(short_size=4, max_size=4)
    resize({"img": np.zeros([2, 4, 3], "float32"), "trans_info": []})
    return bool(resize.short_size != 4)


def _patch_resize(patches: Patches) -> None:
    resize = _module().ResizeByShort
    original = resize.__call__

    @functools.wraps(original)
    def call(self: Any, data: dict[str, Any]) -> dict[str, Any]:
        short_size = self.short_size
        try:
            return original(self, data)
        finally:
            self.short_size = short_size

    patches.set(resize, "__call__", call)


FIXES = (
    Fix(
        "category-max-ratio",
        "RandomPaddingCrop with category_max_ratio < 1: the image is not cropped, or is replaced "
        "by its label",
        "RandomPaddingCrop.__call__ assigns the label's crop to the image (C15)",
        "paddleseg 2.8.0, every Paddle",
        _crop_bites,
        _patch_crop,
    ),
    Fix(
        "resize-by-short",
        "after one long image ResizeByShort(max_size=...) makes every later image small",
        "ResizeByShort.__call__ overwrites its own short_size (C16)",
        "paddleseg 2.8.0 and 2.10, every Paddle",
        _resize_bites,
        _patch_resize,
    ),
)
