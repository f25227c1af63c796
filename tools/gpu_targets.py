"""Says which GPU generations an installed paddlepaddle-gpu has machine code for.

    .matrix/gpu-2.6.2/bin/python tools/gpu_targets.py

Reads the CUDA fat binaries inside Paddle's shared libraries: no GPU, driver or CUDA toolkit needed,
and Paddle is not imported. A GPU runs machine code (sm_XY) of its own major generation X with a
minor number up to its own; from PTX the driver can compile for any newer one.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import mmap
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

FAT_BINARY_MAGIC = struct.pack("<I", 0xBA55ED50)
PTX, MACHINE_CODE = 1, 2


def fat_binary_entries(library: Path) -> Iterator[tuple[int, int, int]]:
    """Yields (kind, architecture such as 86, bytes) for each piece of GPU code in a library.

    A fat binary is a 16-byte header (magic, version, header size, size of what follows) and a chain
    of entries, each with its kind, header size, payload size and, at byte 28, its architecture.
    """
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(FAT_BINARY_MAGIC)
        while start >= 0:
            if start + 16 > len(data):
                return
            version, header_size, size = struct.unpack_from("<HHQ", data, start + 4)
            position, end = start + header_size, start + header_size + size
            if version != 1 or header_size != 16 or end > len(data):  # the magic by chance
                start = data.find(FAT_BINARY_MAGIC, start + 4)
                continue
            while position + 32 <= end:
                kind, entry_header, payload = struct.unpack_from("<HxxIQ", data, position)
                (architecture,) = struct.unpack_from("<I", data, position + 28)
                yield kind, architecture, payload
                position += entry_header + payload
            start = data.find(FAT_BINARY_MAGIC, end)


def main() -> int:
    """Prints one line per architecture and returns 0, or 1 when no GPU code is there."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    spec = importlib.util.find_spec("paddle")  # finds the folder, runs nothing of it
    if spec is None or spec.origin is None:
        print("Paddle is not installed in this environment.", file=sys.stderr)
        return 1
    pieces: collections.Counter[tuple[int, int]] = collections.Counter()
    size: collections.Counter[tuple[int, int]] = collections.Counter()
    for library in sorted(Path(spec.origin).parent.rglob("*.so*")):
        for kind, architecture, payload in fat_binary_entries(library):
            pieces[kind, architecture] += 1
            size[kind, architecture] += payload
    if not pieces:
        print("This Paddle holds no GPU code: it is a CPU build.", file=sys.stderr)
        return 1
    print(f"{'target':<10} {'kernels files':>13} {'MB':>8}")
    for (kind, architecture), count in sorted(pieces.items()):
        name = {PTX: "PTX for", MACHINE_CODE: "code sm_"}.get(kind, f"kind {kind} ")
        label = f"{name}{' ' if kind == PTX else ''}{architecture}"
        print(f"{label:<10} {count:>13} {size[kind, architecture] / 1e6:>8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
