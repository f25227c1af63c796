"""The gate at the end of every export: all engines must give what the model gives."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from paddle_ann.deploy.runner.bundle import softmax

TOLERANCE = 1e-4  # of the largest logit
MOST_TOLERANCE = 1e-2  # however sensitive to rounding the model itself may be
LEAST_AGREEMENT = 0.999  # of pixels, ties included


@dataclass
class Row:
    """How far one engine is from the model.

    Attributes:
        engine: its name.
        version: its version, or "" if it is not installed.
        difference: the largest, relative to the largest logit of its batch.
        where: the batch and output of that difference.
        pixels: how many were compared.
        equal: on how many the class is the same.
        wrong: on how many it is another though the model's scores of the two are further apart
            than the tolerance.
    """

    engine: str
    version: str
    difference: float = 0.0
    where: str = ""
    pixels: int = 0
    equal: int = 0
    wrong: int = 0

    @property
    def agreement(self) -> float:
        """The share of pixels with the same class."""
        return self.equal / max(self.pixels, 1)

    def passes(self, tolerance: float) -> bool:
        """Tell whether the engine is close enough; nan is not."""
        near = self.difference <= tolerance and self.agreement >= LEAST_AGREEMENT
        return near and not self.wrong

    def add(self, batch: str, logits: np.ndarray, output: str, got: Any, tolerance: float) -> None:
        """Compare one output of one batch, (N, C, H, W) or (N, H, W), with the model's logits."""
        shape = logits.shape[:1] + logits.shape[2:] if output == "argmax" else logits.shape
        if got.shape != shape:
            self._keep(np.inf, f"{batch}: shape {list(got.shape)}, not {list(shape)}")
            return
        with np.errstate(invalid="ignore"):  # of inf, which is refused
            scale = float(np.abs(logits).max()) or 1.0
            if output == "logits":
                self._keep(np.abs(got - logits).max() / scale, f"{batch}, {output}")
            elif output == "softmax":
                expected = np.stack([softmax(one) for one in logits])
                self._keep(np.abs(got - expected).max() / max(scale, 1), f"{batch}, {output}")
            self._count(got if output == "argmax" else got.argmax(1), logits, tolerance * scale)

    def _count(self, ids: np.ndarray, logits: np.ndarray, tie: float) -> None:
        differ = ids != logits.argmax(1)
        chosen = np.take_along_axis(logits, np.clip(ids, 0, logits.shape[1] - 1)[:, None], 1)[:, 0]
        self.pixels += differ.size
        self.equal += int(differ.size - differ.sum())
        self.wrong += int((differ & ~(logits.max(1) - chosen <= tie)).sum())

    def _keep(self, difference: float, where: str) -> None:
        if np.isnan(difference):
            difference = np.inf
        if difference > self.difference:
            self.difference, self.where = float(difference), where


@dataclass
class Report:
    """What an export was compared on.

    Attributes:
        rows: one for each engine.
        batches: the names of the batches.
        tolerance: the largest difference that passes, of the largest logit.
        pictures: "given" or "generated".
        own: how far rounding each weight once more moves the model's own output, of the largest
            logit; 0 where that was not looked at.
    """

    rows: list[Row]
    batches: list[str]
    tolerance: float
    pictures: str = "given"
    own: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every engine that is installed gives what the model gives."""
        return all(row.passes(self.tolerance) for row in self.rows if row.version)

    def __str__(self) -> str:
        lines = [
            f"compared with the model on {len(self.batches)} batches of {self.pictures} pictures "
            f"({'; '.join(self.batches)}):",
            f"{'engine':<12} {'version':<10} {'difference':>10} {'agreement':>10}",
        ]
        for row in self.rows:
            if not row.version:
                lines.append(f"{row.engine:<12} not installed, not compared")
                continue
            verdict = "" if row.passes(self.tolerance) else f"  REFUSED, {row.where}"
            lines.append(
                f"{row.engine:<12} {row.version:<10} {row.difference:>10.1e} "
                f"{row.agreement:>10.4%}{verdict}"
            )
        lines.append(
            f"difference: the largest, of the largest logit; at most {self.tolerance:.2g} passes"
        )
        if self.own:
            moved = f"{self.own:.1e}"
            lines.append(f"rounding each weight of the model once more moves its output by {moved}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, for the bundle's description."""
        rows = [{**asdict(row), "agreement": row.agreement} for row in self.rows]
        return {**asdict(self), "rows": rows}
