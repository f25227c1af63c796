"""From the bytes of a stranger's picture to what is answered; runs in the thread that computes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
from starlette.exceptions import HTTPException

from paddle_ann.datasets.images import ImageError, read_untrusted
from paddle_ann.deploy import Predictor
from paddle_ann.deploy.reading import Prepared
from paddle_ann.deploy.runner.prepare import prepared_size
from paddle_ann.serve.results import PICTURES, Result, png, summarise

_LONG = 8  # times as long as high: a picture that may still be prepared, however it is resized
_STATUS = {"empty": 400, "unreadable": 415, "too-large": 413, "damaged": 422}


class Segmenter:
    """Segments pictures that strangers send.

    Args:
        predictor: the network.
        max_pixels: of a picture that is decoded.

    Raises:
        ValueError: if the network has more classes than a PNG with a palette holds.
    """

    def __init__(self, predictor: Predictor, max_pixels: int) -> None:
        self.predictor, self.max_pixels = predictor, max_pixels
        self.has_scores = predictor.bundle.scores is not None
        if len(predictor.bundle.classes) > 256:
            raise ValueError(
                "The page and the mask show 256 classes at most; the network has "
                f"{len(predictor.bundle.classes)}. Use tools/infer.py or Predictor."
            )
        self._steps = predictor.bundle.steps
        self._max_prepared = max(
            max_pixels, _LONG * _prepared_area(math.isqrt(max_pixels), self._steps)
        )

    def warm_up(self) -> float:
        """Segment a grey picture, which shows whether the bundle works, and return the seconds.

        Raises:
            ValueError: if what comes out does not fit the classes.
        """
        start = time.perf_counter()
        keep = ("probabilities",) if self.has_scores else ()
        side = next(side for side in (64, 16, 4, 1) if _prepared_area(side, self._steps))
        found = self.predictor(np.full((side, side, 3), 127, np.uint8), keep)
        count = len(self.predictor.bundle.classes)
        if int(found.ids.max()) >= count or (keep and len(found.probabilities) != count):
            raise ValueError(
                f"{self.predictor.bundle.folder} names {count} classes, and its graph gives "
                "another number of them. Export it again."
            )
        return time.perf_counter() - start

    def check_kinds(self, kinds: Sequence[str]) -> None:
        """Raise HTTPException (400) unless such pictures can be had."""
        if unknown := sorted(set(kinds) - set(PICTURES)):
            raise HTTPException(
                400, f"outputs may be of {', '.join(PICTURES)}; received {', '.join(unknown)[:99]}."
            )
        if not self.has_scores and any(PICTURES[kind].keep for kind in kinds):
            raise HTTPException(
                400,
                "This network was exported with class numbers alone, without scores: it has no "
                "confidence and no entropy.",
            )

    def __call__(self, content: bytes, kinds: Sequence[str]) -> Result:
        """Segment a picture.

        Args:
            content: of a file.
            kinds: of `PICTURES`, to give as PNG.

        Raises:
            HTTPException: 400, 413, 415 or 422 if the picture cannot be used.
        """
        clock = _Clock()
        rgb = self._decode(content)
        clock.note("decode")
        prepared = self._prepare(rgb)
        clock.note("prepare")
        keep = {name for kind in kinds for name in PICTURES[kind].keep}
        keep |= {"confidence"} if self.has_scores else set()
        _, found = next(iter(self.predictor.segment([prepared], sorted(keep))))
        clock.note("network")
        bundle = self.predictor.bundle
        classes, confidence = summarise(found, len(bundle.classes))
        pictures = {kind: png(kind, rgb, found, bundle.palette) for kind in kinds}
        clock.note("draw")
        return Result(rgb.shape[1], rgb.shape[0], classes, confidence, pictures, clock.seconds)

    def _decode(self, content: bytes) -> np.ndarray:
        try:
            return read_untrusted(content, self.max_pixels)
        except ImageError as error:
            message = str(error)[:1].upper() + str(error)[1:]
            if error.kind == "too-large":  # whose own words are for who runs the server
                message = (
                    f"The picture has more than {self.max_pixels:,} pixels, the limit of this "
                    "server. Make it smaller."
                )
            raise HTTPException(_STATUS[error.kind], message) from None

    def _prepare(self, rgb: np.ndarray) -> Prepared:
        height, width = rgb.shape[:2]
        try:
            new_height, new_width = prepared_size(height, width, self._steps)
            if new_height * new_width > self._max_prepared:
                raise HTTPException(
                    413,
                    f"The picture, {width}x{height} pixels, is too long and thin: the network "
                    f"would see {new_width}x{new_height}. Cut it into pieces.",
                )
            return self.predictor.prepare(rgb)
        except ValueError as error:
            raise HTTPException(422, f"The network cannot take it: {error}") from None


def _prepared_area(side: int, steps: Sequence[dict[str, object]]) -> int:
    """Pixels that the network sees of a square picture; 0 if it cannot take it."""
    try:
        return math.prod(prepared_size(side, side, steps))
    except ValueError:
        return 0


class _Clock:
    """Notes how long each step took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def note(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step], self._last = now - self._last, now
