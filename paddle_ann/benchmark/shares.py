"""Where the time of a whole training step, `evaluate()` and `predict()` goes, by kind of operator.

Paddle's own profiler times every operator's kernel; what is left of the whole is Python, readers,
image files and the metric's NumPy part.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import paddle
from paddle import profiler
from paddleseg import transforms
from paddleseg.core import evaluate, predict
from paddleseg.datasets import PascalVOC

from paddle_ann.benchmark import paddleseg_cases
from paddle_ann.benchmark.case import Settings
from paddle_ann.benchmark.environment import quietly
from paddle_ann.benchmark.sizes import sizes
from paddle_ann.datasets import toy_voc

IMAGES = 4
OTHER, OUTSIDE = "other operators", "outside operators: Python, reader, files"
KINDS = {
    "convolution": r"(depthwise_)?conv2d",
    "matrix products": r"matmul",
    "batch norm": r"(sync_)?batch_norm",
    "fold and unfold": r"(un)?fold",
    "pooling": r"(pool2d|max_pool)",
    "resizing": r"(bilinear|nearest)_interp",
    "ReLU, additions, masks": r"(relu|add|multiply|scale|greater|randint|cast|grad_add)",
    "softmax, loss": r"(softmax|cross_entropy|mean_all)",
    "argmax, counting": r"(arg_max|argmax|bincount|masked_select|not_equal|diag)",
    "copies": r"(concat|split|stack|transpose|contiguous|strided_copy|assign|index_select|flip)",
    "optimizer": r"(momentum|sgd|merged_momentum|clip_by_norm)",
}  # fmt: skip

Job = Callable[[], Any]


def jobs(
    settings: Settings, backbone: str, folder: Path, image: int | None = None
) -> dict[str, Job]:
    """Builds the jobs, each the whole of what a user waits for.

    Args:
        settings: device, threads, sizes and batch.
        backbone: name of PaddleSeg's backbone.
        folder: where images, weights and pictures go.
        image: side of the images; None for that of the benchmark.
    """
    image = image or sizes(settings.quick).image
    with quietly():
        step = paddleseg_cases.network_training(settings, backbone, paddleseg_cases.OURS, image)
        model = paddleseg_cases.network(settings, backbone, paddleseg_cases.OURS)
    root = toy_voc.generate(folder / "voc", num_train=1, num_val=IMAGES, size=(image, image))
    dataset = PascalVOC([transforms.Normalize()], str(root), "val")
    weights = folder / "model.pdparams"
    paddle.save(model.state_dict(), str(weights))
    pictures = [name for name, *_ in dataset.file_list]
    prepare = transforms.Compose([transforms.Normalize()])
    save_dir = str(folder / "pictures")
    return {
        f"training step, batch {settings.train_batch}": step.run,
        f"evaluate(), {IMAGES} images": lambda: evaluate(model, dataset),
        f"predict(), {IMAGES} images": lambda: predict(
            model, str(weights), prepare, pictures, save_dir=save_dir
        ),
    }


def measure(job: Job) -> tuple[float, dict[str, float]]:
    """Runs a job twice, profiles the second run, and returns its seconds, whole and by kernel."""
    with quietly(), tempfile.TemporaryDirectory() as folder:
        job()
        trace = Path(folder) / "trace.json"
        watch = profiler.Profiler(
            targets=[profiler.ProfilerTarget.CPU],
            on_trace_ready=lambda done: done.export(str(trace), "json"),
        )
        watch.start()
        begin = time.perf_counter()
        job()
        whole = time.perf_counter() - begin
        watch.stop()
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    kernels: defaultdict[str, float] = defaultdict(float)
    for event in events:
        name, launch, _ = str(event.get("name")).partition(" kernel launch")
        if launch:
            kernels[name] += event["dur"] * 1e-6
    return whole, dict(kernels)


def by_kind(whole: float, kernels: Mapping[str, float]) -> dict[str, float]:
    """Sums the kernels' seconds by kind; the kinds add up to the whole."""
    kinds: defaultdict[str, float] = defaultdict(float)
    for name, seconds in kernels.items():
        kinds[kind(name)] += seconds
    kinds[OUTSIDE] = whole - sum(kernels.values())
    return dict(kinds)


def kind(kernel: str) -> str:
    """Returns the kind of a kernel, the backward one counted with its forward one."""
    return next((name for name, pattern in KINDS.items() if re.match(pattern, kernel)), OTHER)


def table(profiles: Mapping[str, Mapping[str, float]]) -> str:
    """Writes a Markdown table of the shares, the largest first, with seconds in the heading."""
    wholes = {job: sum(kinds.values()) for job, kinds in profiles.items()}
    total: Counter[str] = Counter()
    for job, kinds in profiles.items():
        total.update({name: seconds / wholes[job] for name, seconds in kinds.items()})
    lines = ["| |" + "|".join(f" {job}: {s:.2f} s " for job, s in wholes.items()) + "|"]
    lines.append("|---|" + "---:|" * len(wholes))
    for name, _ in total.most_common():
        shares = (kinds.get(name, 0) / wholes[job] for job, kinds in profiles.items())
        lines.append(f"| {name} |" + "|".join(f" {share:.1%} " for share in shares) + "|")
    return "\n".join(lines)
