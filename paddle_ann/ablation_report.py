"""The ablation's table, its raw numbers with their circumstances, and its picture."""

from __future__ import annotations

import csv
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddleseg.datasets import PascalVOC
from PIL import Image, ImageDraw, ImageFont

from paddle_ann.benchmark.environment import processor
from paddle_ann.datasets import toy_voc
from paddle_ann.models import ANN
from paddle_ann.visualize import predict_samples

_BEGIN, _END = "<!-- ablation:begin -->", "<!-- ablation:end -->"
_TILE, _GAP, _HEAD = 128, 6, 22


def circumstances(command: str) -> dict[str, str]:
    """Says what the figures were measured with: machine, versions, command."""
    return {
        "machine": f"{processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "paddle": paddle.__version__,
        "paddleseg": version("paddleseg"),
        "command": command,
    }


def write_csv(results: Sequence[Mapping[str, Any]], around: Mapping[str, str], path: Path) -> None:
    """Writes one row per run."""
    columns = [name for name in results[0] if name != "data"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*columns, *around])
        for result in results:
            writer.writerow([*(result[name] for name in columns), *around.values()])


def markdown(results: Sequence[Mapping[str, Any]], around: Mapping[str, str]) -> str:
    """Writes the table: one row per arm, mean and sample standard deviation over the seeds."""
    lines = [
        "| head | mIoU | IoU of background | mean IoU of the 20 objects | parameters |",
        "|---|---|---|---|---|",
    ]
    for arm in dict.fromkeys(result["arm"] for result in results):
        runs = [result for result in results if result["arm"] == arm]
        cells = [_spread(runs, name) for name in ("mIoU", "background_iou", "object_iou")]
        lines.append(f"| {arm} | {' | '.join(cells)} | {runs[0]['parameters'] / 1e6:.2f} M |")
    seeds = sorted({result["seed"] for result in results})
    days = [min(run["finished"] for run in results), max(run["finished"] for run in results)]
    lines += [
        "",
        f"{len(seeds)} seeds ({', '.join(map(str, seeds))}), {results[0]['iters']} iterations "
        f"each, mean ± standard deviation. Measured {' to '.join(dict.fromkeys(days))} on "
        f"{around['machine']}, Python {around['python']}, Paddle {around['paddle']}, PaddleSeg "
        f"{around['paddleseg']}, with `{around['command']}`; every run is in "
        "[ablation.csv](ablation.csv).",
    ]
    return "\n".join(lines)


def _spread(runs: Sequence[Mapping[str, Any]], name: str) -> str:
    values = [run[name] for run in runs]
    deviation = np.std(values, ddof=1) if len(values) > 1 else 0.0
    return f"{np.mean(values):.3f} ± {deviation:.3f}"


def insert(page: Path, text: str) -> None:
    """Replaces what stands between the two marks of a page, and leaves the rest.

    Raises:
        ValueError: A mark is missing.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{page} lacks the marks {_BEGIN} and {_END}. Put them back.")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def picture(models: Mapping[str, ANN], dataset: PascalVOC, indices: Sequence[int]) -> Image.Image:
    """Draws image, label and the prediction of every arm, one row per sample.

    Args:
        models: Trained networks by the heading of their column.
        dataset: Validation pictures.
        indices: Which to show.
    """
    columns = {name: predict_samples(model, dataset, indices) for name, model in models.items()}
    first = next(iter(columns.values()))
    tiles = {"image": [Image.fromarray(sample.image) for sample in first]}
    tiles["label"] = [_colored(sample.label) for sample in first]
    tiles |= {name: [_colored(s.prediction) for s in column] for name, column in columns.items()}
    step = _TILE + _GAP
    sheet = Image.new("RGB", (len(tiles) * step + _GAP, len(indices) * step + _HEAD), "white")
    pen = ImageDraw.Draw(sheet)
    for x, (name, column) in enumerate(tiles.items()):
        left = _GAP + x * step
        pen.text((left + _TILE // 2, _HEAD // 2), name, "black", ImageFont.load_default(13), "mm")
        for y, tile in enumerate(column):
            sheet.paste(
                tile.resize((_TILE, _TILE), Image.Resampling.NEAREST), (left, _HEAD + y * step)
            )
    return sheet


def _colored(label: np.ndarray) -> Image.Image:
    image = Image.fromarray(label)
    image.putpalette(toy_voc.VOC_PALETTE)
    return image.convert("RGB")
