"""VisualDL's log files: records, each with its length in front.

VisualDL shows one file of a folder, the newest, and its server ends at a record that is cut off.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paddle_ann.checkpoint.files import replacing

LENGTH = struct.Struct("<Q")  # in front of each record
PATTERN = "vdlrecords.*.log"


def newest_log(folder: Path) -> Path | None:
    """Return the log file that VisualDL shows for a folder; None if there is none."""
    return max(folder.glob(PATTERN), default=None)


def frame(record: bytes) -> bytes:
    """Return a record as it stands in a file."""
    return LENGTH.pack(len(record)) + record


def whole_records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a log file up to the first that is cut off."""
    start = 0
    while start + LENGTH.size <= len(content):
        (length,) = LENGTH.unpack_from(content, start)
        start += LENGTH.size
        if start + length > len(content):
            return
        yield content[start : start + length]
        start += length


def whole_bytes(content: bytes) -> int:
    """Return how many bytes the whole records at the beginning of a content take."""
    return sum(LENGTH.size + len(record) for record in whole_records(content))


def readable_bytes(content: bytes) -> int:
    """Return how many bytes the records take that VisualDL can read; all of a sound file."""
    size = 0
    for record in whole_records(content):
        try:
            if not parse(record).values:
                break
        except Exception:  # protobuf's DecodeError, whose place depends on its version
            break
        size += LENGTH.size + len(record)
    return size


def parse(record: bytes) -> Any:
    """Return a record as VisualDL's own object."""
    from visualdl.proto import record_pb2

    parsed = record_pb2.Record()
    parsed.ParseFromString(record)
    return parsed


def torn_logs(folder: Path) -> dict[Path, tuple[int, int]]:
    """Find log files that would end VisualDL's server.

    Args:
        folder: it and all below it are looked through.

    Returns:
        By file: the bytes of it that can be read, and its size.
    """
    found = {}
    for root, _, names in os.walk(folder):
        for path in (Path(root, name) for name in sorted(names) if "vdlrecords" in name):
            content = path.read_bytes()
            size = readable_bytes(content)
            if size < len(content):
                found[path] = size, len(content)
    return found


def cut_back(path: Path, iteration: int) -> None:
    """Keep the whole records of a log up to an iteration; the file is replaced in one step.

    For checkpoints of earlier versions, which do not say how long the log was.

    Args:
        path: a log file.
        iteration: the last one to keep.
    """
    kept = [record for record in whole_records(path.read_bytes()) if last_id(record) <= iteration]
    with replacing(path) as draft:
        draft.write_bytes(b"".join(map(frame, kept)))


def last_id(record: bytes) -> int:
    """Return the iteration of a record; 0 for one without, such as the file's name."""
    return max((value.id for value in parse(record).values), default=0)
