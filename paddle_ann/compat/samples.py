"""Samples and batches: an error in reading one names it and its files."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_EXPECTED = (TypeError, ValueError, RuntimeError, OSError)  # what a command says in a line
_SHOWN = 200


class _Verbatim(str):
    """A message that KeyError, which shows the repr of its argument, prints as it is."""

    def __repr__(self) -> str:
        return str(self)


def restated(kind: type[BaseException], message: str) -> BaseException:
    """Make an exception of type `kind` that says `message`; if it cannot, a RuntimeError."""
    try:
        error = kind(_Verbatim(message))
        if message in str(error):
            return error
    except Exception:
        pass
    return RuntimeError(f"{kind.__name__}: {message}")


def sample_name(dataset: Any, index: Any) -> str:
    """Name a sample for an error message: its index, and its files if the data set lists them."""
    files = getattr(dataset, "file_list", None)
    try:
        entry = files[index] if files is not None else ()
    except Exception:
        entry = ()
    entry = (entry,) if isinstance(entry, str) else entry
    return ", ".join([f"sample {index}", *(str(name) for name in entry if name)])


def failed_transform(error: BaseException, dataset: Any) -> str:
    """Name the transform of a data set that an error comes from, with its settings, or ''."""
    transforms = getattr(getattr(dataset, "transforms", None), "transforms", None) or ()
    frame = error.__traceback__
    while frame is not None:
        owner = frame.tb_frame.f_locals.get("self")
        if any(owner is transform for transform in transforms):
            settings = ", ".join(f"{name} {value!r}" for name, value in vars(owner).items())
            return f"in the transform {type(owner).__name__} ({settings[:_SHOWN]}), "
        frame = frame.tb_next
    return ""


class NamingDataset:
    """A data set whose errors name the sample, and whose labels are checked against its classes."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __getitem__(self, index: Any) -> Any:
        try:
            sample = self._dataset[index]
            check_not_empty(sample)
            check_label_values(sample, self._dataset)
            return sample
        except Exception as error:
            where = sample_name(self._dataset, index)
            transform = failed_transform(error, self._dataset)
            message = f"{str(error) or type(error).__name__}\n  ({transform}reading {where})"
            kind = RuntimeError if isinstance(error, StopIteration) else type(error)
            if transform and not issubclass(kind, _EXPECTED):  # such as cv2.error
                kind, message = RuntimeError, f"{kind.__name__}: {message}"
            raise restated(kind, message) from error

    def __len__(self) -> int:
        return len(self._dataset)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._dataset)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_dataset"], name)


def check_not_empty(sample: Any) -> None:
    """Refuse a sample without a pixel, as `RandomPaddingCrop(crop_size=[0, 32])` makes it.

    Raises:
        ValueError: With the shape that it has.
    """
    image = sample.get("img") if isinstance(sample, dict) else None
    if isinstance(image, np.ndarray) and image.size == 0:
        raise ValueError(
            f"The image has no pixel left: its shape is {image.shape}. Look for a size of 0 among "
            "the transforms (crop_size, target_size)."
        )


def check_label_values(sample: Any, dataset: Any) -> None:
    """Refuse a sample whose label holds a value that is neither a class nor ignored (C9).

    Raises:
        ValueError: Naming the values, the classes and the next step.
    """
    num_classes = getattr(dataset, "num_classes", None)
    label = sample.get("label") if isinstance(sample, dict) else None
    if not isinstance(num_classes, int) or not isinstance(label, np.ndarray):
        return
    if label.dtype.kind not in "ui" or label.size == 0:
        return
    if label.max() >= num_classes or label.min() < 0:
        from paddle_ann.datasets.check_files import check_label

        check_label(label, "of the sample", num_classes, getattr(dataset, "ignore_index", 255))


def _shapes(sample: Any) -> str:
    items = sample.items() if isinstance(sample, dict) else enumerate(np.atleast_1d(sample))
    return ", ".join(f"{key} {value.shape}" for key, value in items if hasattr(value, "shape"))


def naming_collate(collate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Wrap a collate function so that its errors show the shapes of the samples."""

    @functools.wraps(collate)
    def named(samples: Any) -> Any:
        try:
            return collate(samples)
        except Exception as error:
            shapes = "; ".join(sorted({_shapes(sample) for sample in samples}))
            raise restated(
                type(error),
                f"{error}\n  (making a batch of samples with the shapes: {shapes}. Samples of one "
                "batch must "
                "have one shape: resize or crop them, or use batch_size 1)",
            ) from error

    return named
