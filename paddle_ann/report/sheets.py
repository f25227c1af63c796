"""The pictures of `tools/visualize.py`: of which images, of one model or two, and where to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import paddle
from paddleseg.cvlibs import SegBuilder
from paddleseg.transforms import Compose
from paddleseg.utils import logger, utils

from paddle_ann import session
from paddle_ann.checkpoint.files import replacing
from paddle_ann.config import load as load_config
from paddle_ann.datasets.images import read_untrusted
from paddle_ann.engine.inference import Inference
from paddle_ann.paths import check_folder
from paddle_ann.pretrained import lenient
from paddle_ann.report import files, measures, panels, pictures
from paddle_ann.report.saving import names_of
from paddle_ann.visualize import class_palette


class Shown(NamedTuple):
    """One image to draw.

    Attributes:
        name: what its picture is called.
        path: its file; None for a data set that names none.
        rgb: uint8 [H, W, 3].
        label: integers [h, w], or None.
        sample: what the first model takes.
    """

    name: str
    path: str | None
    rgb: np.ndarray
    label: np.ndarray | None
    sample: dict[str, Any]


class Drawn(NamedTuple):
    """A model, and the transforms of its images if they are not the data set's."""

    model: paddle.nn.Layer
    transforms: Compose | None = None


class Classes(NamedTuple):
    """Names of the classes, colours uint8 [C, 3], and the label that does not count."""

    names: Sequence[str]
    palette: np.ndarray
    ignore_index: int


class Source(NamedTuple):
    """Which images, by one of three ways; without any, `most` of the validation set, spread.

    Attributes:
        indices: numbers in the validation set.
        worst_of: folder of a report of it.
        image_path: images without labels, see `session.find_images`.
        most: how many at most, but for `indices`.
    """

    indices: Sequence[int] | None
    worst_of: str | None
    image_path: str | None
    most: int

    def samples(self, builder: SegBuilder) -> Iterator[Shown]:
        """Read the images one by one.

        Raises:
            FileNotFoundError, ValueError: if there are no such images.
        """
        if self.image_path is not None:
            yield from self._of_files(builder)
            return
        dataset = builder.val_dataset
        names, listed = pictures.image_names(dataset), getattr(dataset, "file_list", None)
        for index in self._indices(names):
            path = None if listed is None else pictures.file_of(listed[index])
            sample = dataset[index]
            label = np.asarray(sample["label"]).reshape(np.shape(sample["label"])[-2:])
            yield Shown(names[index], path, pictures.image_of(dataset, index), label, sample)

    def _of_files(self, builder: SegBuilder) -> Iterator[Shown]:
        found, folder = session.find_images(str(self.image_path))
        transforms = Compose(builder.val_transforms)
        for path in found[: self.most]:
            name = os.path.relpath(path, folder) if folder else os.path.basename(path)
            yield Shown(name, path, read_untrusted(path), None, transforms({"img": path}))

    def _indices(self, names: Sequence[str]) -> Sequence[int]:
        if self.worst_of is not None:
            return worst(files.load(self.worst_of), names)[: self.most]
        if self.indices is None:
            return range(0, len(names), max(1, len(names) // self.most))[: self.most]
        outside = [index for index in self.indices if not 0 <= index < len(names)]
        if outside:
            raise ValueError(
                f"--indices {outside[0]} is none of the {len(names)} validation images; give "
                f"numbers from 0 to {len(names) - 1}."
            )
        return self.indices


def worst(report: files.Loaded, names: Sequence[str]) -> list[int]:
    """Return the images of a report, the worst first, as numbers in a data set.

    Args:
        report: of the data set.
        names: of its images.

    Raises:
        ValueError: if the report is of other images.
    """
    if list(names) != report.images:
        raise ValueError(
            f"The report is of other images ({len(report.images)}) than the validation set of the "
            f"configuration ({len(names)}). Give the --opts that it was made with."
        )
    scores = measures.image_iou(report.areas)
    return [
        int(index) for index in np.argsort(scores, kind="stable") if not np.isnan(scores[index])
    ]


def models(
    builder: SegBuilder, weights: Sequence[str], other_config: str | None, no_strict: bool
) -> list[Drawn]:
    """Build one model for each file of weights, the second by `other_config` if that is given."""
    made = [Drawn(builder.model)]
    if len(weights) > 1 and other_config:
        config = load_config(other_config)
        session.leave_out_pretrained(config.dic["model"])
        other = SegBuilder(config)
        made.append(Drawn(other.model, Compose(other.val_transforms)))
    elif len(weights) > 1:
        made.append(Drawn(SegBuilder(builder.config).model))
    with lenient(no_strict):
        for one, file in zip(made, weights):
            utils.load_entire_model(one.model, file)
    return made


class Writer:
    """Writes sheets as PNG below a folder, each under its image's own name with `.png` behind it.

    Args:
        folder: made when something is written.
        overwrite: replace files that are there.
        height: of each picture, in pixels.

    Raises:
        FileExistsError: if the folder is a file.
    """

    def __init__(self, folder: str, overwrite: bool, height: int) -> None:
        check_folder(folder, "--save_dir")
        self.folder, self.overwrite, self.height = Path(folder), overwrite, height

    def target(self, name: str) -> Path:
        """Return where an image's sheet belongs.

        Raises:
            FileExistsError: if it is there and may not be replaced.
        """
        parts = [part for part in Path(name).parts if part not in ("..", "/")]
        path = self.folder.joinpath(*parts).with_name(f"{parts[-1]}.png")
        if os.path.lexists(path) and not self.overwrite:
            raise FileExistsError(
                f"{path} exists, and nothing is overwritten: give another --save_dir, or "
                "--overwrite."
            )
        return path

    def write(self, sheet: panels.Sheet, name: str) -> Path:
        """Draw a sheet and write it, whole or not at all."""
        path = self.target(name)
        picture = panels.draw(sheet, name, self.height)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft:
            picture.save(draft, "PNG", optimize=True)
        return path


def draw_all(
    made: Sequence[Drawn],
    samples: Iterator[Shown],
    classes: Classes,
    inference: Inference,
    writer: Writer,
) -> None:
    """Predict and draw one image after another, of one model or of two, and log where it is."""
    for shown in samples:
        writer.target(shown.name)
        found = [
            panels.predict(one.model, _sample(shown, one), inference, len(classes.names))
            for one in made
        ]
        sheet = panels.of_models(shown.rgb, shown.label, found, *classes)
        logger.info(f"{writer.write(sheet, shown.name)}: {sheet.caption}")


def _sample(shown: Shown, one: Drawn) -> dict[str, Any]:
    if one.transforms is None:
        return shown.sample
    if shown.path is None:
        raise ValueError(
            f"{shown.name} has no file that the transforms of --compare_config could read. Leave "
            "the option out, or use a data set that lists files."
        )
    return dict(one.transforms({"img": shown.path}))


def classes_of(builder: SegBuilder) -> Classes:
    """Return the classes of a configuration's validation set."""
    dataset = builder.val_dataset
    return Classes(names_of(dataset), class_palette(dataset), dataset.ignore_index)
