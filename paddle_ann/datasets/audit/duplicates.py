"""The same picture twice: by the bytes of the file, and by what it looks like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Optional

import numpy as np
from PIL import Image

from paddle_ann.datasets.audit.findings import Problem

Pair = tuple[str, Optional[str]]

SIDE = 16
LOOK_BYTES = SIDE * SIDE // 8
# Of 256 bits. A copy in another size or quality hardly ever differs in more of them; pictures that
# have nothing to do with each other differ in half.
DISTANCE = 16
_FLAT = 24  # with fewer ones or zeros, a picture is too plain to be told from another by its look
_BLOCK = 1024


class Seen(NamedTuple):
    """Of each pair of a list, in order: digests of its files and the look, b"" where unknown."""

    name: str
    pairs: Sequence[Pair]
    image_digests: Sequence[bytes]
    mask_digests: Sequence[bytes]
    looks: Sequence[bytes]


def look(grey: Image.Image) -> bytes:
    """A perceptual hash (difference hash): is each of 16×16 cells brighter than its right one?

    Args:
        grey: Mode L, any size.

    Returns:
        32 bytes.
    """
    small = np.asarray(grey.resize((SIDE + 1, SIDE), Image.Resampling.BOX), np.int16)
    return np.packbits(small[:, :-1] > small[:, 1:]).tobytes()


def same_bytes(digests: Sequence[bytes]) -> list[list[int]]:
    """Groups of two or more indices whose digests are equal; empty digests count as unknown."""
    groups: dict[bytes, list[int]] = {}
    for index, value in enumerate(digests):
        if value:
            groups.setdefault(value, []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def look_alikes(looks: Sequence[bytes], distance: int = DISTANCE) -> Iterator[tuple[int, int, int]]:
    """Pairs of pictures whose looks differ in few bits; plain pictures are left out.

    All pairs are compared, block by block, by a matrix product: bits as ±1 have the inner product
    256 - 2 · (differing bits).

    Args:
        looks: Of each picture, b"" if unknown.
        distance: The most bits that may differ, 0 to 255.

    Yields:
        (index, larger index, bits that differ).
    """
    known = np.array([i for i, value in enumerate(looks) if value], np.int64)
    bits = np.frombuffer(b"".join(looks), np.uint8).reshape(-1, LOOK_BYTES)
    ones = np.unpackbits(bits, axis=1).sum(1, dtype=np.int64)
    telling = (ones >= _FLAT) & (ones <= SIDE * SIDE - _FLAT)
    known, bits = known[telling], bits[telling]
    for i in range(0, len(bits), _BLOCK):
        rows = _signs(bits[i : i + _BLOCK])
        for j in range(i, len(bits), _BLOCK):
            product = rows @ _signs(bits[j : j + _BLOCK]).T
            for a, b in np.argwhere(product >= SIDE * SIDE - 2 * distance):
                if i + a < j + b:
                    differing = round((SIDE * SIDE - float(product[a, b])) / 2)
                    yield int(known[i + a]), int(known[j + b]), differing


def _signs(bits: np.ndarray) -> np.ndarray:
    return np.unpackbits(bits, axis=1).astype(np.float32) * 2 - 1


def problems(lists: Sequence[Seen]) -> list[Problem]:
    """Copies within a list, and between the first list and the others, which is leakage.

    Args:
        lists: Of each split, what was seen of its pairs.
    """
    names = [seen.name for seen in lists for _ in seen.pairs]
    pairs = [pair for seen in lists for pair in seen.pairs]
    digests = [value for seen in lists for value in seen.image_digests]
    masks = [value for seen in lists for value in seen.mask_digests]
    looks = [value for seen in lists for value in seen.looks]
    found: list[Problem] = []
    for group in same_bytes(digests):
        found += _copies(group, names, pairs)
        if len({masks[i] for i in group if masks[i]}) > 1:
            listed = ", ".join(str(pairs[i][1]) for i in group)
            found.append(Problem("contradiction", names[group[0]], pairs[group[0]][0], listed))
    return found + list(_alike(looks, digests, names, pairs))


def _copies(group: list[int], names: Sequence[str], pairs: Sequence[Pair]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for i in group:
        if names[i] in first:
            other = first[names[i]]
            yield Problem(
                "duplicate", names[i], pairs[i][0], f"same as {pairs[other][0]}", pairs[other][0]
            )
            continue
        if first:
            other = next(iter(first.values()))
            yield Problem(
                "leak",
                names[i],
                pairs[i][0],
                f"same as {pairs[other][0]} of {names[other]}",
                pairs[other][0],
            )
        first[names[i]] = i


def _alike(
    looks: Sequence[bytes],
    digests: Sequence[bytes],
    names: Sequence[str],
    pairs: Sequence[Pair],
) -> Iterator[Problem]:
    """For each picture the most alike earlier one in its list, and in another list."""
    closest: dict[tuple[int, bool], tuple[int, int]] = {}
    for a, b, bits in look_alikes(looks):
        key = (b, names[a] != names[b])
        if digests[a] != digests[b] and bits < closest.get(key, (SIDE * SIDE, 0))[0]:
            closest[key] = bits, a
    for (b, across), (bits, a) in sorted(closest.items()):
        kind = "look-alike-leak" if across else "look-alike"
        detail = f"like {pairs[a][0]} of {names[a]} ({bits} of {SIDE * SIDE} bits differ)"
        yield Problem(kind, names[b], pairs[b][0], detail, pairs[a][0])
