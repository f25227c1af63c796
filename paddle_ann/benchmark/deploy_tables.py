"""The tables of the benchmark of the deployment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from paddle_ann.benchmark.case import Goal
from paddle_ann.benchmark.deploy_run import AGREEMENT, BATCHES, CALL, GRAPH
from paddle_ann.benchmark.deploy_samples import Store
from paddle_ann.benchmark.deploy_sides import EXPORT, PADDLESEG, PRECISIONS, TUNED, WHOLE
from paddle_ann.benchmark.report import circumstances
from paddle_ann.benchmark.timing import ratios, spread

STAGES = ("decode", "preprocess", "network", "postprocess", "write")
THEIR_STAGES = ("decode and preprocess", "network", "postprocess and write")
CALL_GOAL, GRAPH_GOAL, SAME = Goal(3.0), Goal(1.30), 0.9999


def markdown(store: Store, setting: str) -> str:
    """Write all tables of what has been measured, with the circumstances below.

    Args:
        store: the samples.
        setting: network, sizes and images, in words.
    """
    parts = [calls(store), graphs(store), latencies(store), precisions(store)]
    found = [f"**{title}**\n\n{table}" for title, table in parts if table]
    head = f"{setting}. Medians, in brackets the quartiles of the rounds."
    return "\n\n".join([head, *found, circumstances(store.around)])


def calls(store: Store) -> tuple[str, str]:
    """Compare whole calls, and the masks that they wrote."""
    found = store.sides(CALL)
    references = [name for name in (PADDLESEG, TUNED) if name in found]
    rows = []
    for side in found:
        seconds = store.values(CALL, side, WHOLE)
        against = [ratios(store.values(CALL, name, WHOLE), seconds) for name in references]
        verdict = "–" if side in references else CALL_GOAL.text(spread(against[0]).median)
        same = _share(store.values(AGREEMENT, side, "equal"))
        time = f"{spread(seconds).median:.1f} s"
        rows.append([side, time, *map(_ratio, against), verdict, same])
    heads = ["", "seconds", *(f"{name} ÷ this" for name in references)]
    heads += ["goal, of the first", "same pixels, in the mean and in the least image"]
    return f"Whole call, {_count(store, CALL)}", _table(heads, rows)


def _count(store: Store, task: str) -> str:
    number = store.rounds(task)
    return f"{number} round{'s' * (number != 1)}"


def _share(shares: Sequence[float]) -> str:
    if not shares:
        return "–"
    return f"{_percent(float(np.mean(shares)))}, {_percent(min(shares))}"


def _percent(share: float) -> str:
    return f"{100 * share:.4f} %"


def graphs(store: Store) -> tuple[str, str]:
    """Compare exported graphs in the same engine."""
    rows = []
    for side in store.sides(GRAPH):
        if side.startswith(EXPORT) or side in PRECISIONS:
            continue
        theirs, ours = (store.values(GRAPH, name, WHOLE) for name in (EXPORT + side, side))
        ratio = ratios(theirs, ours)
        times = [f"{spread(values).median:.2f} s" for values in (theirs, ours)]
        rows.append([side, *times, _ratio(ratio), GRAPH_GOAL.text(spread(ratio).median)])
    heads = ["engine", "PaddleSeg's export", "ours", "PaddleSeg's ÷ ours", "goal"]
    title = f"Exported graph alone, one image, {_count(store, GRAPH)}"
    return title, _table(heads, rows)


def precisions(store: Store) -> tuple[str, str]:
    """Compare our graph in fewer bits with itself in float32, in the same engine."""
    rows = []
    for side in filter(PRECISIONS.__contains__, store.sides(GRAPH)):
        plain, less = (store.values(GRAPH, name, WHOLE) for name in (PRECISIONS[side], side))
        times = [f"{spread(values).median:.2f} s" for values in (plain, less)]
        rows.append([side, *times, _ratio(ratios(plain, less))])
    heads = ["", "float32", "this", "float32 ÷ this"]
    return "Fewer bits, graph alone; int8: ONNX Runtime's dynamic quantisation", _table(heads, rows)


def latencies(store: Store) -> tuple[str, str]:
    """List where the time of an image goes, with nothing at the same time: p50 / p95."""
    rows = []
    for batch in BATCHES:
        task = f"batch {batch}"
        for side in store.sides(task):
            stages = [store.values(task, side, what) for what in STAGES]
            rows.append([f"{side}, {task}", *map(_quantiles, [*stages, _sums(stages)])])
    for side in (PADDLESEG, TUNED):
        first, network, last = (store.values(CALL, side, what) for what in THEIR_STAGES)
        if first:
            cells = [_quantiles(first), "in decode", _quantiles(network), _quantiles(last)]
            rows.append([side, *cells, "in postprocess", _quantiles(_sums([first, network, last]))])
    title = "Milliseconds of an image, p50 / p95, one step after another"
    if not any(store.sides(f"batch {batch}") for batch in BATCHES):
        rows = []
    return title, _table(["", *STAGES, "all"], rows)


def _sums(stages: Sequence[Sequence[float]]) -> list[float]:
    return [sum(values) for values in zip(*stages)]


def _quantiles(seconds: Sequence[float]) -> str:
    half, most = np.percentile(seconds, [50, 95]) * 1e3
    return f"{half:.0f} / {most:.0f}" if half >= 10 else f"{half:.1f} / {most:.1f}"


def _ratio(values: Sequence[float]) -> str:
    median, low, high = spread(values)
    return f"{median:.2f}× ({low:.2f}–{high:.2f})" if len(values) > 1 else f"{median:.2f}×"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
