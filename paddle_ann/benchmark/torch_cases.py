"""The head in PyTorch beside ours in Paddle, and `--graphs torch`: both graphs in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from paddle_ann.benchmark import macs
from paddle_ann.benchmark.case import AUXILIARY, MEMORY, TIME, Case, Settings, Workload
from paddle_ann.benchmark.sizes import sizes
from paddle_ann.benchmark.weights import features, fill_torch

PAUSE = 0.3  # the threads of the framework before may spin for up to 0.2 s after their work
GROUP = "against a plain head in PyTorch"
TRANSCRIBED = "the two graphs, both transcribed to PyTorch"
TITLES = {"plain": "PaddleSeg's graph", "training": "our training graph",
          "inference": "our inference graph"}  # fmt: skip


def available() -> bool:
    """Tells whether PyTorch is installed."""
    return find_spec("torch") is not None


# -- PyTorch beside Paddle ------------------------------------------------------------------------


def cases(settings: Settings) -> Iterator[Case]:
    """Yields the head in PyTorch against ours in Paddle."""
    from paddle_ann.benchmark import paddleseg_cases as paddle_side

    w, ours = sizes(settings.quick).head, paddle_side.OURS
    for form in ("training", "inference"):
        sides = {
            "PyTorch": partial(evaluation, settings, w, "plain", "float32", settings.eval_batch),
            ours: partial(paddle_side.head_evaluation, settings, ours, form),
        }
        name = f"PyTorch head, eval, {form} form of ours, batch {settings.eval_batch}"
        yield Case(name, sides, group=GROUP, pause=PAUSE, quantities=(TIME, MEMORY))
    sides = {
        "PyTorch": partial(training, settings, w, "plain", "float32", settings.train_batch),
        ours: partial(paddle_side.head_training, settings, ours),
    }
    name = f"PyTorch head, train step, batch {settings.train_batch}"
    yield Case(name, sides, group=GROUP, pause=PAUSE, quantities=(TIME, MEMORY))


# -- both graphs in PyTorch -----------------------------------------------------------------------


def graph_cases(settings: Settings) -> Iterator[Case]:
    """Yields PaddleSeg's graph against our two, in float32 and bfloat16, at two sizes."""
    table = sizes(settings.quick)
    for height, width in table.graphs:
        w = replace(table.head, height=height, width=width)
        for dtype in ("float32", "bfloat16"):
            for form, make, batch, title in (
                ("training", evaluation, settings.eval_batch, "eval"),
                ("inference", evaluation, settings.eval_batch, "eval"),
                ("training", training, settings.train_batch, "forward + backward"),
            ):
                yield Case(
                    f"head at {8 * height}x{8 * width}, {dtype}, {title}, {form} graph, "
                    f"batch {batch}",
                    {
                        TITLES[f]: partial(make, settings, w, f, dtype, batch)
                        for f in ("plain", form)
                    },
                    quantities=(TIME, MEMORY),
                    group=TRANSCRIBED,
                    framework="torch",
                )


def evaluation(settings: Settings, w: macs.Widths, form: str, dtype: str, batch: int) -> Workload:
    """Builds a forward pass in evaluation mode; `form` as in `macs.head`."""
    import torch

    head, inputs = make_head(settings, w, form, batch)
    head.eval()

    def run() -> Any:
        with torch.no_grad(), precision(settings, dtype):
            return head(inputs)

    counted = batch * macs.total(macs.head(w, form, auxiliary=form == "plain"))
    return Workload(run, lambda: to_numpy(run()), counted)


def training(settings: Settings, w: macs.Widths, form: str, dtype: str, batch: int) -> Workload:
    """Builds forward, cross entropy with the auxiliary one, and backward to the inputs."""
    import torch
    import torch.nn.functional as F

    head, inputs = make_head(settings, w, form, batch)
    head.train()
    for x in inputs:
        x.requires_grad_(True)
    generator = np.random.default_rng(5)
    label = generator.integers(0, w.classes, (batch, w.height, w.width))
    target = torch.from_numpy(label).to(inputs[0].device)

    def run() -> None:
        with precision(settings, dtype):
            logits = head(inputs)
        loss, auxiliary = (F.cross_entropy(logit.float(), target) for logit in logits)
        (loss + AUXILIARY * auxiliary).backward()
        head.zero_grad(set_to_none=False)
        for x in inputs:
            x.grad.zero_()

    def output() -> np.ndarray:
        head.eval()
        with torch.no_grad(), precision(settings, dtype):
            result = to_numpy(head(inputs))
        head.train()
        return result

    counted = batch * macs.total(macs.head(w, form, auxiliary=True)) * macs.TRAINING
    return Workload(run, output, counted, trains=True)


def make_head(settings: Settings, w: macs.Widths, form: str, batch: int) -> tuple[Any, list[Any]]:
    """Builds a head in one of the forms, with the shared weights, and its inputs."""
    import torch

    from paddle_ann.benchmark import torch_forms, torch_head

    device = use_torch(settings)
    makers: dict[str, Callable[[macs.Widths], Any]] = {"plain": torch_head.Head}
    head = fill_torch(makers.get(form, torch_forms.CheapHead)(w)).to(device)
    if form == "inference":
        head.eval()
        head = torch_forms.InferenceHead(head)
    shapes: Sequence[tuple[int, ...]] = [(batch, c, w.height, w.width) for c in (w.low, w.high)]
    arrays = (features(shape, seed=i) for i, shape in enumerate(shapes))
    return head, [torch.from_numpy(array).to(device) for array in arrays]


def use_torch(settings: Settings) -> str:
    """Sets the threads, keeps float32 what it says on a GPU, and returns the device.

    Raises:
        RuntimeError: if a GPU is asked for that PyTorch cannot use.
    """
    import torch

    torch.set_num_threads(settings.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if settings.device == "gpu" and not torch.cuda.is_available():
        raise RuntimeError("--device gpu: this PyTorch sees no GPU. Use --device cpu.")
    return "cuda" if settings.device == "gpu" else "cpu"


def precision(settings: Settings, dtype: str) -> Any:
    """Returns the context in which the head computes: plain float32, or autocast to `dtype`."""
    import torch

    device = "cuda" if settings.device == "gpu" else "cpu"
    return torch.autocast(device, getattr(torch, dtype), enabled=dtype != "float32")


def to_numpy(logits: Sequence[Any]) -> np.ndarray:
    """Returns the logits that count in evaluation."""
    return np.asarray(logits[0].detach().float().cpu().numpy())
