"""Downloads: none without consent, and never PaddleSeg's own way to unpack."""

from __future__ import annotations

import functools
import inspect
import os
import shutil
from pathlib import Path
from typing import Any

from paddle_ann.compat.fetching import fetch_to, split
from paddle_ann.compat.fix import Fix, Patches, module, source_has

_allowed: bool | None = None
_checksums: dict[str, str] = {}  # by URL, what its next download must have


def allow_downloads(allow: bool | None = True) -> None:
    """Let PaddleSeg download data sets and weights in this process, or forbid it again.

    Args:
        allow: True or False; None: what the environment variable PADDLE_ANN_DOWNLOAD says (1:
            allowed).
    """
    global _allowed
    _allowed = allow


def downloads_allowed() -> bool:
    """Return True if PaddleSeg may download."""
    if _allowed is not None:
        return _allowed
    return os.environ.get("PADDLE_ANN_DOWNLOAD", "").lower() in ("1", "true", "yes", "on")


def note_checksum(url: str) -> str:
    """Return a URL without the checksum that it ends in, which its next download must have.

    PaddleSeg makes names of the URLs of weights, so they must not end in more.
    """
    address, checksum = split(url)
    _checksums[address] = checksum
    return address


@functools.cache
def _with_consent(original: Any) -> Any:
    """Replace PaddleSeg's download: by `fetch_to`, whose errors it has, and not without consent."""
    signature = inspect.signature(original)

    @functools.wraps(original)
    def download(*args: Any, **kwargs: Any) -> str:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        url, checksum = split(given["url"])
        checksum, filename = checksum or _checksums.pop(url, ""), given["filename"]
        archive = _name(url.rpartition("/")[2], url)
        folder = given["extrapath"] or "."
        target = Path(folder, _name(given["extraname"] or archive.rpartition(".")[0], url))
        wanted = target / filename if filename else target
        at_hand = Path(given["savepath"] or ".", archive)
        if given["cover"] and target.exists():
            shutil.rmtree(target)  # the caller asked for it; PaddleSeg never does
        if wanted.exists():
            return str(target)
        if not at_hand.is_file() and not downloads_allowed():
            raise FileNotFoundError(_refusal(wanted, url, bool(filename)))
        fetch_to(url, target, filename, at_hand, checksum)
        return str(target)

    return download


def _name(name: str, url: str) -> str:
    """Return the name of a file or folder that is taken from a URL, if it is one."""
    if name in ("", ".", "..") or "\\" in name or "\0" in name or Path(name).name != name:
        raise ValueError(f"{url} tells no name for what would be downloaded: {name!r}.")
    return name


def _refusal(wanted: Path, url: str, of_weights: bool) -> str:
    otherwise = (
        "start from random weights: `--opts model.backbone.pretrained=None`, in Python "
        "`pretrained=None`"
        if of_weights
        else "check the path (dataset_root)"
    )
    return (
        f"{wanted} does not exist. PaddleSeg would now download {url} to it; nothing was "
        "downloaded. Allow the download (`--download` on the command line, "
        "`paddle_ann.allow_downloads()` in Python, or the environment variable "
        f"PADDLE_ANN_DOWNLOAD=1), or {otherwise}."
    )


def _bites() -> bool:
    """By inspection: asking would download."""
    download = module("paddleseg.utils.download").download_file_and_uncompress
    return not source_has(download, "consent")


def _patch(patches: Patches) -> None:
    original = module("paddleseg.utils.download").download_file_and_uncompress
    patches.everywhere(original, _with_consent(original))


FIXES = (
    Fix(
        "downloads",
        "a mistyped dataset_root starts a download of gigabytes; weights given by URL are fetched "
        "without a question; an error page, or half a file, is stored under the final name; an "
        "archive can write anywhere",
        "the data set classes call download_file_and_uncompress for a missing root, which extracts "
        "every member (D5, D6, D7)",
        "paddleseg 2.8.0 and 2.10, every Paddle",
        _bites,
        _patch,
    ),
)
