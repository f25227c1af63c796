"""A training with everything that can be told of it, and what it left, read back."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from paddle_ann.engine import TrainOptions
from paddle_ann.models import ANN
from paddle_ann.monitor.log_file import parse, whole_records
from tests.deploy.toy import Backbone
from tests.engine import toy

# Numbers that differ from one run of the same training to the next.
TIMES = ("batch_cost", "reader_cost", "ips", "process_GiB")
EVERYTHING = {"vdl_images": 3, "vdl_histograms": 2, "vdl_pr_curves": True}


def ann() -> ANN:
    """An ANN of few channels, so that there is attention to draw."""
    return ANN(toy.CLASSES, Backbone(), (0, 1), key_value_channels=7, inter_channels=13)


def run(root: Path, out: Path, options: dict[str, Any] | None = None, **given: Any) -> Any:
    """Train the toy with VisualDL and an evaluation at each checkpoint; `options` are vdl_..."""
    given.setdefault("val_dataset", toy.dataset(root, "val"))
    chosen = TrainOptions(**{**EVERYTHING, **(options or {})})
    return toy.run(root, out, **{"use_vdl": True, "options": chosen, **given})


def log_of(out: Path) -> Path:
    """The one log in a folder."""
    (path,) = out.glob("vdlrecords.*.log")
    return path


def records(out: Path) -> dict[str, list[tuple[str, int, Any]]]:
    """Tag, iteration and content of all records, by kind; no times of the clock."""
    found: dict[str, list[tuple[str, int, Any]]] = defaultdict(list)
    for record in whole_records(log_of(out).read_bytes()):
        (value,) = parse(record).values
        kind = value.WhichOneof("one_value")
        content = getattr(value, kind)
        if not isinstance(content, float):
            content = content.SerializeToString()
        found[kind].append((value.tag, value.id, content))
    return found


def untimed(out: Path) -> dict[str, list[tuple[str, int, Any]]]:
    """The records without those that tell times and memory, and the folder's name."""
    found = records(out)
    found["value"] = [item for item in found["value"] if item[0].split("/")[-1] not in TIMES]
    found["hparam"] = [item[:2] for item in found["hparam"]]
    return found


def lines(out: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl without times and memory."""
    text = (out / "metrics.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    return [{n: v for n, v in row.items() if n not in TIMES} for row in rows]
