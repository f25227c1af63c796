"""How many images a minute: made-up pairs of Pascal VOC's size, checked and timed."""

from __future__ import annotations

import platform
import resource
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from paddle_ann.datasets.audit.plan import Plan, from_list, voc_palette
from paddle_ann.datasets.audit.report import check
from paddle_ann.datasets.audit.scan import Progress, cores, each

WIDTH, HEIGHT, CLASSES = 500, 375, 21
_QUALITY = 94  # with the grain it makes pictures as heavy as a camera's


def run(count: int, num_workers: int) -> str:
    """Makes `count` pairs in a temporary folder, checks them, takes them away.

    Returns:
        Lines with the speed, the most memory that a process took, and the machine.
    """
    with tempfile.TemporaryDirectory() as folder:
        size = make(Path(folder), count, num_workers)
        plan = Plan([from_list("train", f"{folder}/train.txt", folder)], CLASSES)
        report = check(plan, num_workers, stream=sys.stderr)
    peak = [resource.getrusage(who).ru_maxrss / 1024 for who in _PROCESSES]
    grave = [str(finding) for finding in report.findings if finding.kind != "absent-class"]
    return (
        f"{report.images_per_minute:,.0f} images/min: {count} pairs of a {WIDTH}x{HEIGHT} JPEG "
        f"({size / count / 1000:.0f} kB with its palette PNG) in {report.seconds:.1f} s, "
        f"{num_workers} processes on {cores()} cores; findings: {grave or 'none'}; peak memory "
        f"{peak[0]:.0f} MB, of a worker {peak[1]:.0f} MB; {platform.machine()}, "
        f"Python {platform.python_version()}, Pillow {PIL.__version__}, numpy {np.__version__}, "
        f"{date.today()}"
    )


_PROCESSES = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def make(root: Path, count: int, num_workers: int) -> int:
    """Writes `count` pairs and train.txt below `root`; returns their bytes."""
    progress = Progress("making", count)
    size = 0
    lines = []
    jobs = ((root, index) for index in range(count))
    for index, written in enumerate(each(_write_pair, jobs, num_workers)):
        size += written
        lines.append(f"{index}.jpg {index}.png\n")
        progress.step()
    progress.end()
    (root / "train.txt").write_text("".join(lines))
    return size


def _write_pair(job: tuple[Path, int]) -> int:
    """A picture of smooth shades, objects and grain, and its mask; returns the bytes written."""
    root, index = job
    rng = np.random.default_rng(index)
    shades = Image.fromarray(rng.integers(0, 256, (7, 9, 3), np.uint8))
    picture = np.asarray(shades.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.int16)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    for _ in range(3):
        (top, left), radius = rng.integers(0, (HEIGHT, WIDTH)), rng.integers(30, 130)
        distance = np.hypot(y - top, x - left)
        mask[distance < radius] = rng.integers(1, CLASSES)
        mask[abs(distance - radius) < 2.5] = 255
    grain = rng.integers(-12, 13, (HEIGHT, WIDTH, 1), np.int16)
    picture = np.clip(picture + grain + mask[..., None] % 21 * 3, 0, 255).astype(np.uint8)
    image, label = root / f"{index}.jpg", root / f"{index}.png"
    Image.fromarray(picture).save(image, quality=_QUALITY)
    colored = Image.fromarray(mask)
    colored.putpalette([part for color in voc_palette() for part in color])
    colored.save(label)
    return image.stat().st_size + label.stat().st_size
