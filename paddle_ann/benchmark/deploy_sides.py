"""What is compared in the benchmark of the deployment, and what each side does for a task.

Every side lives in a process of its own (`deploy_worker`), because the environment decides how
Paddle uses the processor. A task gives values: of which image (-1: all), which, and how much.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest import mock

import numpy as np
from paddleseg.transforms import Compose

from paddle_ann.benchmark.deploy_material import Material
from paddle_ann.deploy import Predictor
from paddle_ann.deploy.finding import Found
from paddle_ann.deploy.inferring import infer
from paddle_ann.deploy.outputs import Outputs
from paddle_ann.deploy.preprocessing import describe
from paddle_ann.deploy.reading import read
from paddle_ann.deploy.runner.engines import Run, graph_files, open_engine, open_paddle
from paddle_ann.deploy.runner.prepare import prepare

Values = list[tuple[int, str, float]]  # image, what, seconds

PADDLESEG, TUNED = "PaddleSeg", "PaddleSeg with paddle_ann.cpu"
EXPORT = "PaddleSeg's export, "  # an engine's name follows
BF16, INT8 = "openvino, bf16", "onnxruntime, int8"
PRECISIONS = {BF16: "openvino", INT8: "onnxruntime"}  # and the engine that they are compared with
ENVIRONMENTS = {
    PADDLESEG: {"PADDLE_ANN_COMPAT": "off"},  # as it is installed
    TUNED: {"PADDLE_ANN_COMPAT": "minimal"},
}
WHOLE, GRAPH_RUNS = "whole", 3


def make_side(name: str, material: Material) -> Any:
    """Build the side of that name; its methods `call`, `graph` and `latency` are tasks."""
    if name in ENVIRONMENTS:
        return PaddleSeg(material, material.folder / "masks" / name)
    if name.startswith(EXPORT):
        return Graph(material, open_export(material.theirs, name[len(EXPORT) :]))
    if name == INT8:
        return Graph(material, open_engine("onnxruntime", material.int8))
    engine, _, precision = name.partition(", ")
    return Ours(material, engine, precision or "fp32", material.folder / "masks" / name)


def masks(name: str, material: Material) -> list[Path]:
    """List the masks that a side has written, in the order of the images."""
    folder = material.folder / "masks" / name
    if name in ENVIRONMENTS:
        return [folder / "pseudo_color_prediction" / f"{p.stem}.png" for p in material.images]
    return [folder / "ids" / f"{path.name}.png" for path in material.images]


class Stopwatch:
    """Adds up what functions take while an image is worked on."""

    def __init__(self) -> None:
        self.values: Values = []
        self.spent: dict[str, float] = {}

    def timed(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function."""

        def run(*args: Any, **options: Any) -> Any:
            start = perf_counter()
            result = function(*args, **options)
            self.spent[what] = self.spent.get(what, 0.0) + perf_counter() - start
            return result

        return run

    def finish(self, image: int, share: int = 1) -> None:
        """Keep what was spent, as that of an image, or of each of several."""
        self.values += [(image, what, seconds / share) for what, seconds in self.spent.items()]
        self.spent = {}


class Watched(list[str]):
    """A list of images that tells when the work on each begins and ends."""

    def __init__(self, images: list[str], watch: Stopwatch) -> None:
        super().__init__(images)
        self._watch = watch

    def __iter__(self) -> Iterator[str]:
        for number, image in enumerate(super().__iter__()):
            start = perf_counter()
            yield image
            spent = self._watch.spent
            rest = perf_counter() - start - sum(spent.values())
            spent["postprocess and write"] = rest
            self._watch.finish(number)


class PaddleSeg:
    """PaddleSeg's own `predict` on its own network."""

    def __init__(self, material: Material, target: Path) -> None:
        self._model, self._material = material.paddleseg_model(), material
        self._transforms = Compose(material.transforms())
        self._target = target
        self._predict([str(material.images[0])])

    def call(self) -> Values:
        """Segment all images, in one call."""
        watch = Stopwatch()
        images = Watched([str(path) for path in self._material.images], watch)
        with _watching(watch):
            start = perf_counter()
            self._predict(images)
            return [(-1, WHOLE, perf_counter() - start), *watch.values]

    def _predict(self, images: list[str]) -> None:
        module = importlib.import_module("paddleseg.core.predict")
        module.predict(
            self._model,
            str(self._material.weights),
            self._transforms,
            images,
            save_dir=str(self._target),
        )


@contextmanager
def _watching(watch: Stopwatch) -> Iterator[None]:
    predict: Any = importlib.import_module("paddleseg.core.predict")
    preparing = watch.timed("decode and preprocess", predict.preprocess)
    network = watch.timed("network", predict.infer.inference)
    with (
        mock.patch.object(predict, "preprocess", preparing),
        mock.patch.object(predict.infer, "inference", network),
    ):
        yield


class Ours:
    """Our `Predictor` with one engine."""

    def __init__(self, material: Material, engine: str, precision: str, target: Path) -> None:
        self._material, self._target = material, target
        self._open = partial(Predictor, material.ours, engine, precision=precision)
        self._predictor = self._open()
        self._infer(self._predictor, material.images[:1])

    def call(self) -> Values:
        """Open the bundle and segment all images, writing what PaddleSeg's predict writes."""
        start = perf_counter()
        self._infer(self._open(), self._material.images)
        return [(-1, WHOLE, perf_counter() - start)]

    def graph(self) -> Values:
        """Run the graph alone on one image, several times."""
        return run_graph(self._predictor.bundle.run, "argmax", self._material)

    def latency(self, batch: int) -> Values:
        """Work on image after image, or batch after batch, with nothing at the same time."""
        predictor, watch = self._predictor, Stopwatch()
        outputs = self._outputs(predictor)
        inner = watch.timed("network", predictor.bundle.run)
        decode = watch.timed("decode", read)
        preprocess = watch.timed("preprocess", predictor.prepare)
        write = watch.timed("write", outputs.write)
        with mock.patch.object(predictor.bundle, "run", inner):
            for first in range(0, len(self._material.images), batch):
                paths = self._material.images[first : first + batch]
                prepared = [preprocess(decode(path)) for path in paths]
                start = perf_counter()
                found = predictor.run(prepared)
                watch.spent["postprocess"] = perf_counter() - start - watch.spent["network"]
                for path, one, result in zip(paths, prepared, found):
                    write(path.name, one.rows, [(0, result)])
                watch.finish(first // batch, len(paths))
        return watch.values

    def _infer(self, predictor: Predictor, images: list[Path]) -> None:
        found = [Found(path, path.name) for path in images]
        infer(predictor, found, self._outputs(predictor), strict=True, stream=None)

    def _outputs(self, predictor: Predictor) -> Outputs:
        bundle = predictor.bundle
        kinds = ("ids", "overlay")
        return Outputs(self._target, kinds, bundle.classes, bundle.palette, overwrite=True)


def open_export(folder: Path, engine: str) -> Run:
    """Open PaddleSeg's own export in one engine, with the settings that ours has.

    Paddle Inference cannot run it with oneDNN, which Paddle 3.3 has on by default.
    """
    if engine == "paddle":
        return open_paddle(graph_files(engine, folder), onednn=False)
    return open_engine(engine, folder)


class Graph:
    """A graph alone."""

    def __init__(self, material: Material, run: Run) -> None:
        self._material, self._run = material, run

    def graph(self) -> Values:
        """Run the graph on one image, several times."""
        return run_graph(lambda batch, _: self._run(batch, 0), "argmax", self._material)


def run_graph(run: Callable[[np.ndarray, str], Any], output: str, material: Material) -> Values:
    """Run a graph on the first image, `GRAPH_RUNS` times after one that does not count."""
    steps = describe(material.transforms())
    batch = prepare(read(material.images[0]), steps)[0][None]
    watch = Stopwatch()
    timed = watch.timed(WHOLE, run)
    run(batch, output)
    for _ in range(GRAPH_RUNS):
        timed(batch, output)
    watch.finish(-1, GRAPH_RUNS)
    return watch.values
