"""What a conversion did, key by key."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any


@dataclasses.dataclass
class Report:
    """The account of one conversion; `print` shows a summary.

    Attributes:
        source: Whose file it was.
        part: "whole", "backbone", "head", "afnb" or "apnb".
        config: The arguments of the model, as in a YAML file.
        renamed: Their key -> our parameter.
        dropped: Their key -> why it has no place here.
        zeroed: Our biases that the source does not have: set to 0.
        initial: Our parameters that the file lacks and that keep their initial values.
    """

    source: str
    part: str
    config: dict[str, Any]
    renamed: dict[str, str]
    dropped: dict[str, str]
    zeroed: list[str]
    initial: list[str]

    def yaml(self) -> dict[str, Any]:
        """Return `config` in lists, numbers and texts alone."""
        return _plain(self.config)

    def __str__(self) -> str:
        """Summarise in a few lines; the keys themselves are in the attributes."""
        lines = [f"{self.source} -> {self.config['type']}: {len(self.renamed)} tensors converted"]
        for reason, count in collections.Counter(self.dropped.values()).items():
            lines.append(f"  {count} left out: {reason}")
        if self.zeroed:
            lines.append(f"  {len(self.zeroed)} biases that the source does not have are 0")
        if self.initial:
            names = f"{self.initial[0]} ... {self.initial[-1]}"
            lines.append(f"  {len(self.initial)} not in the file, at their initial values: {names}")
        return "\n".join(lines)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
