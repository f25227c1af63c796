"""Pictures of a fixed set of validation images: what the network makes of them, over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
from paddleseg.utils import logger
from PIL import Image

from paddle_ann.checkpoint import capture_random, restore_random
from paddle_ann.checkpoint.fields import FLAG, take
from paddle_ann.datasets import images
from paddle_ann.engine.callback import Callback, Run
from paddle_ann.engine.data import undisturbed
from paddle_ann.engine.evaluation import Seen
from paddle_ann.engine.processes import connect
from paddle_ann.monitor import confusion, records
from paddle_ann.monitor.vdl import VisualDLLog
from paddle_ann.visualize import class_palette, legend

SIDE = 384  # pixels of the longer side
RIGHT, WRONG, IGNORED = (255, 255, 255), (213, 94, 0), (200, 200, 200)
_STATE = {"shown": FLAG}


class Pictures(Callback):
    """Adds to the log, at each evaluation, pictures of some images and the confusion matrix.

    Of each image: once the image and its label; each time the prediction, the error, the
    confidence (the greatest probability, black 0, white 1), and what AFNB and APNB attend to from
    some points. The images are spread evenly over those that process 0 evaluates.

    Args:
        log: where the pictures go.
        dataset: the validation set.
        classes: unique names of the classes.
        count: how many images.
        points: query points of each image.
    """

    def __init__(
        self, log: VisualDLLog, dataset: Any, classes: Sequence[str], count: int, points: int
    ) -> None:
        self.log, self.dataset, self.classes = log, dataset, classes
        self.count, self.points = count, points
        self.colors = color_table(class_palette(dataset), dataset.ignore_index)
        self.shown = False  # image and label
        self.indices: list[int] = []
        self._seen: dict[str, np.ndarray] = {}
        self._attends = points > 0

    def on_start(self, run: Run) -> None:
        """Choose the images."""
        self.indices = spread(range(0, len(self.dataset), run.world), self.count)
        self._seen = {}

    def on_predictions(self, run: Run, seen: Seen) -> None:
        """Keep the pictures of those images that are among the chosen ones."""
        for i, index in enumerate(seen.indices):
            if run.is_main and index in self.indices:
                label = seen.labels[i].reshape(seen.labels.shape[-2:]).numpy()
                classes = seen.classes[i, 0].numpy()
                self._keep(index, label, classes, seen.logits[i])

    def _keep(
        self, index: int, label: np.ndarray, classes: np.ndarray, logits: paddle.Tensor
    ) -> None:
        chance = F.softmax(logits.astype("float32"), axis=0).max(axis=0).numpy()
        grey = (255 * chance).round().astype(np.uint8)
        found = {"prediction": self.colors[classes], "confidence": np.stack([grey] * 3, axis=2)}
        found["error"] = errors(label, classes, self.dataset.ignore_index)
        if not self.shown:
            found["label"] = self.colors[label]
        for name, picture in found.items():
            self._seen[self._tag(index, name)] = scaled(picture, Image.Resampling.NEAREST)

    def on_eval(self, run: Run, scores: dict[str, Any]) -> None:
        """Add the pictures."""
        if not run.is_main:
            return
        seen, self._seen = self._seen, {}
        with connect().during("drawing pictures for VisualDL", waits=False):
            if not self.shown:
                self._add(run, "Classes/colours", self._legend())
                for index in self.indices:
                    seen[self._tag(index, "image")] = scaled(picture_of(self.dataset, index))
            for tag in sorted(seen):
                self._add(run, tag, seen[tag])
            if scores.get("confusion") is not None:
                matrix = confusion.draw(scores["confusion"], self.classes)
                self._add(run, "Classes/confusion", matrix)
            for index in self.indices:
                self._attend(run, index)
        self.shown = True
        self.log.journal.flush()

    def _attend(self, run: Run, index: int) -> None:
        """Add what the blocks attend to; nothing of a network that has none."""
        if not self._attends:
            return
        from paddle_ann.visualize import attention_picture

        image = sample_of(self.dataset, index)["img"]
        height, width = image.shape[-2:]
        try:
            points = query_points(self.points, height, width)
            picture = attention_picture(run.model, image, points, self.classes)
        except ValueError:
            self._attends = False
        except RuntimeError as error:
            self._attends = False
            logger.warning(f"There will be no pictures of attention: {error}")
        else:
            self._add(run, self._tag(index, "attention"), picture, 256)

    def _add(self, run: Run, tag: str, picture: np.ndarray, colors: int = 0) -> None:
        self.log.add_large(records.picture(tag, picture, run.iteration, colors))

    def _tag(self, index: int, name: str) -> str:
        return f"Validation image {index}/{name}"

    def _legend(self) -> np.ndarray:
        entries = [(name, self.colors[i]) for i, name in enumerate(self.classes)]
        return np.asarray(legend([*entries, ("ignored", np.array(IGNORED))], SIDE))

    def state_dict(self) -> dict[str, Any]:
        """Return whether the images themselves are in the log."""
        return {"shown": self.shown}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` returned."""
        self.shown = take(state, _STATE)["shown"]


def spread(indices: Sequence[int], count: int) -> list[int]:
    """Return up to `count` of some indices, evenly spaced."""
    places = np.linspace(0, len(indices) - 1, min(count, len(indices)))
    return [indices[int(place)] for place in places]


def query_points(count: int, height: int, width: int) -> list[tuple[int, int]]:
    """Return points (x, y) spread over an image, the first in its middle; each prefix is even."""
    shares = [((0.5 + 0.7549 * k) % 1, (0.5 + 0.5698 * k) % 1) for k in range(count)]
    return [(int(x * width), int(y * height)) for x, y in shares]


def color_table(palette: np.ndarray, ignore_index: int) -> np.ndarray:
    """Return a colour for each label, (n, 3) uint8; grey for `ignore_index` and for no class."""
    colors = np.full((max(256, len(palette), ignore_index + 1), 3), IGNORED, np.uint8)
    colors[: len(palette)] = palette
    colors[ignore_index] = IGNORED
    return colors


def errors(label: np.ndarray, classes: np.ndarray, ignore_index: int) -> np.ndarray:
    """Colour an image (H, W) by right, wrong and ignored; (H, W, 3) uint8."""
    colors = np.array([WRONG, RIGHT], np.uint8)
    found = colors[(label == classes).astype(np.intp)]
    found[label == ignore_index] = IGNORED
    return found


def scaled(picture: np.ndarray, method: Image.Resampling = Image.Resampling.BILINEAR) -> np.ndarray:
    """Make the longer side of a picture (H, W, 3) at most `SIDE` pixels."""
    height, width = picture.shape[:2]
    factor = SIDE / max(height, width)
    if factor >= 1:
        return picture
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(Image.fromarray(picture).resize(size, method))


def picture_of(dataset: Any, index: int) -> np.ndarray:
    """Return an image of a data set as its file has it, else its sample's, (H, W, 3) uint8 RGB."""
    try:
        with images.open_image(dataset.file_list[index][0]) as file:
            return np.asarray(file.convert("RGB"))
    except (AttributeError, IndexError, KeyError, TypeError, OSError, ValueError):
        values = np.asarray(sample_of(dataset, index)["img"], np.float32)[:3].transpose(1, 2, 0)
        low, high = values.min(), values.max()
        return (255 * (values - low) / max(high - low, 1e-6)).astype(np.uint8)


def sample_of(dataset: Any, index: int) -> dict[str, Any]:
    """Read a sample; the random states are as before."""
    with undisturbed():
        before = capture_random()
        try:
            found: dict[str, Any] = dataset[index]
            return found
        finally:
            restore_random(before)
