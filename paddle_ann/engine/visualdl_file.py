"""The log file of a killed training, cut back to where the training goes on.

VisualDL shows one file of a folder, the newest. A resumed training therefore appends to the file
that is there; what a killed one wrote beyond its last checkpoint, half a record at the end
included, is taken off first, for it will be written again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from paddle_ann.checkpoint.files import replacing

_LENGTH = struct.Struct("<Q")  # in front of each record


def newest_log(folder: Path) -> Path | None:
    """Return the log file that VisualDL shows for a folder; None if there is none."""
    return max(folder.glob("vdlrecords.*.log"), default=None)


def cut_back(path: Path, iteration: int) -> None:
    """Keep the whole records of a log up to an iteration; the file is replaced in one step.

    Args:
        path: a log file.
        iteration: the last one to keep.
    """
    kept = [record for record in whole_records(path.read_bytes()) if last_id(record) <= iteration]
    with replacing(path) as draft:
        draft.write_bytes(b"".join(_LENGTH.pack(len(record)) + record for record in kept))


def whole_records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a log file up to the first that is cut off."""
    start = 0
    while start + _LENGTH.size <= len(content):
        (length,) = _LENGTH.unpack_from(content, start)
        start += _LENGTH.size
        if start + length > len(content):
            return
        yield content[start : start + length]
        start += length


def last_id(record: bytes) -> int:
    """Return the iteration of a record; 0 for one without, such as the file's name."""
    from visualdl.proto import record_pb2

    parsed = record_pb2.Record()
    parsed.ParseFromString(record)
    return max((value.id for value in parsed.values), default=0)
