"""`evaluate`: PaddleSeg's signature, log lines and results; in batches, on any number of processes.

One confusion matrix is counted, by each process over every `world`-th image, and added up once.
Images of equal size and history make a batch, so that no image is resized or padded for it and the
counts do not depend on `batch_size`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, NamedTuple

import paddle
from paddleseg.utils import logger

from paddle_ann.engine import checks, data_checks, processes
from paddle_ann.engine import precision as precisions
from paddle_ann.engine.data import reading
from paddle_ann.engine.inference import Inference
from paddle_ann.engine.report import Bar, Scores, report
from paddle_ann.engine.tallies import Confusion, RocCurve, Tally

WAITING = 4  # batches' worth of images that may wait for others of their size
NEEDED = ("img", "label", "trans_info")
Sample = dict[str, Any]


class Seen(NamedTuple):
    """A batch that was evaluated.

    Attributes:
        indices: of its images in the data set, N.
        classes: predictions, int32 [N, 1, h, w].
        logits: [N, C, h, w]; those of several scales and flips averaged.
        labels: integers [N, 1, h, w].
    """

    indices: list[int]
    classes: paddle.Tensor
    logits: paddle.Tensor
    labels: paddle.Tensor


Watch = Callable[[Seen], None]


def evaluate(
    model: paddle.nn.Layer,
    eval_dataset: Any,
    aug_eval: bool = False,
    scales: Any = 1.0,
    flip_horizontal: bool = False,
    flip_vertical: bool = False,
    is_slide: bool = False,
    stride: Any = None,
    crop_size: Any = None,
    precision: str = "fp32",
    amp_level: str = "O1",
    num_workers: int = 0,
    print_detail: bool = True,
    auc_roc: bool = False,
    *,
    batch_size: int = 1,
    watch: Watch | None = None,
) -> Scores:
    """Evaluate a model; the arguments are PaddleSeg's, and `batch_size` and `watch`.

    With several processes each one calls it, and each one gets the scores of the whole data set.

    Args:
        model: maps images (N, 3, H, W) to a list of logits, of which the first counts. It is left
            in the mode, training or evaluation, that it was in.
        eval_dataset: PaddleSeg data set; its samples are dicts with 'img' (3, H, W), 'label'
            (1, h, w) and 'trans_info'. It has `num_classes` and `ignore_index`.
        aug_eval: average over scales and flips.
        scales: a scale or a list, with `aug_eval`.
        flip_horizontal: average with the mirror image, with `aug_eval`.
        flip_vertical: average with the image upside down, with `aug_eval`.
        is_slide: slide a window over the image.
        stride: (width, height) of its step in pixels.
        crop_size: (width, height) of the window in pixels.
        precision: 'fp32', 'fp16', 'bf16' or 'auto'.
        amp_level: 'O1' or 'O2'.
        num_workers: reader processes.
        print_detail: log the scores and show the progress.
        auc_roc: compute the area under the ROC curve too; keeps C numbers per pixel in memory.
        batch_size: images of one forward pass, at most.
        watch: called with each batch, in each process with those that it ran.

    Returns:
        mIoU, pixel accuracy, IoU of each class, precision of each class (nan for classes that are
        in neither labels nor predictions), kappa.

    Raises:
        TypeError, ValueError, FileNotFoundError: for arguments or data that cannot be used, or if
            there is no labelled pixel.
    """
    inference = Inference(
        precisions.choose(precision, amp_level),
        aug_eval,
        scales,
        flip_horizontal,
        flip_vertical,
        is_slide,
        crop_size,
        stride,
    )
    checks.check_counts(batch_size=batch_size)
    check_not_empty(len(eval_dataset))
    with processes.connect() as group, group.during("evaluating", waits=False):
        data_checks.check_data("eval_dataset", eval_dataset)
        confusion = Confusion(eval_dataset.num_classes, eval_dataset.ignore_index)
        curve = RocCurve(eval_dataset.num_classes, eval_dataset.ignore_index)
        tallies: list[Tally] = [confusion, curve] if auc_roc else [confusion]
        mine = list(range(group.rank, len(eval_dataset), group.world))
        shown = print_detail and group.rank == 0
        if shown:
            logger.info(
                f"Start evaluating (total_samples: {len(eval_dataset)}, total_iters: {len(mine)})"
                "..."
            )
        bar = Bar(len(mine)) if shown else None
        reader = read(eval_dataset, mine, num_workers)
        with evaluating(model), contextlib.closing(reader) as samples:
            for batch in batches(bar.reading(samples) if bar else samples, batch_size):
                run(model, batch, inference, tallies, watch)
                if bar:
                    bar.add(len(batch))
        matrix = confusion.total(group)
        area = curve.total(group) if auc_roc else None
    check_not_empty(int(matrix.sum()))
    return report(matrix, area, len(eval_dataset), shown)


def check_not_empty(count: int) -> None:
    """Refuse an evaluation of nothing.

    Args:
        count: images, or labelled pixels.

    Raises:
        ValueError: if it is 0.
    """
    if count == 0:
        raise ValueError(
            "There is nothing to evaluate: the data set is empty or every pixel of its labels is "
            "ignore_index. Check the list file of the validation set and the values in its masks."
        )


# -- images ---------------------------------------------------------------------------------------


def read(dataset: Any, indices: list[int], num_workers: int) -> Generator[Sample, None, None]:
    """Read samples one by one; what an evaluation does not need stays in the reader.

    Raises:
        ValueError: if a sample has not all that it needs.
    """
    if not indices:
        return
    loader = paddle.io.DataLoader(
        dataset,
        batch_sampler=[[index] for index in indices],
        collate_fn=needed,
        use_shared_memory=False,  # see make_loader
        num_workers=num_workers,
        return_list=True,
    )
    with reading(loader) as reader:
        for index, sample in zip(indices, reader):
            missing = [name for name in NEEDED if name not in sample]
            if missing:
                raise ValueError(
                    f"An evaluation needs {', '.join(NEEDED)} of each sample, and sample {index} "
                    f"has no {', '.join(missing)}. Make the data set with mode='val'."
                )
            yield {**sample, "index": index}


def needed(samples: list[Sample]) -> Sample:
    """Return what an evaluation needs of the one sample."""
    (sample,) = samples
    return {name: sample[name] for name in NEEDED if name in sample}


def batches(samples: Iterable[Sample], batch_size: int) -> Iterator[list[Sample]]:
    """Put samples of equal size and history together, in batches of up to `batch_size`.

    Some wait for others of their kind, `WAITING * batch_size` at most; then the largest group goes.
    """
    waiting: dict[Any, list[Sample]] = {}
    count = 0
    for sample in samples:
        key = (tuple(sample["img"].shape), tuple(sample["label"].shape), str(sample["trans_info"]))
        waiting.setdefault(key, []).append(sample)
        count += 1
        if len(waiting[key]) < batch_size:
            if count < WAITING * batch_size:
                continue
            key = max(waiting, key=lambda kind: len(waiting[kind]))
        due = waiting.pop(key)
        count -= len(due)
        yield due
    yield from waiting.values()


def run(
    model: paddle.nn.Layer,
    batch: list[Sample],
    inference: Inference,
    tallies: list[Tally],
    watch: Watch | None = None,
) -> None:
    """Run a batch through the model, count the result and show it to `watch`."""
    images, labels = (paddle.stack([sample[name] for sample in batch]) for name in NEEDED[:2])
    classes, logits = inference(model, images, batch[0]["trans_info"])
    for tally in tallies:
        tally.add(classes, logits, labels)
    if watch is not None:
        watch(Seen([sample["index"] for sample in batch], classes, logits, labels))


@contextlib.contextmanager
def evaluating(model: paddle.nn.Layer) -> Iterator[None]:
    """Put a model into evaluation mode, without gradients, and each layer back afterwards."""
    before = [(layer, layer.training) for layer in model.sublayers(include_self=True)]
    model.eval()
    try:
        with paddle.no_grad():
            yield
    finally:
        for layer, training in before:
            layer.training = training
