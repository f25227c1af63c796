"""Downloads: none without consent."""

from __future__ import annotations

import functools
import inspect
import os
from contextlib import suppress
from typing import Any

import requests

from paddle_ann.compat.fix import Fix, Patches, module, source_has

_allowed: bool | None = None


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


def _stored(url: str, save: str, extract: str, name: str | None, filename: str | None) -> bool:
    """True if the download's result, its unpacked folder or its archive is there already."""
    archive = url.split("/")[-1]
    unpacked = os.path.join(extract, archive.rpartition(".")[0])
    target = os.path.join(extract, name) if name else unpacked
    wanted = os.path.join(target, filename) if filename else target
    return any(os.path.exists(path) for path in (wanted, unpacked, os.path.join(save, archive)))


@functools.cache
def _with_consent(original: Any) -> Any:
    signature = inspect.signature(original)

    @functools.wraps(original)
    def download(*args: Any, **kwargs: Any) -> str:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        url, name, filename = given["url"], given["extraname"], given["filename"]
        extract = given["extrapath"] or "."
        stored = _stored(url, given["savepath"] or ".", extract, name, filename)
        if not stored and not downloads_allowed():
            target = os.path.join(extract, name or "", filename or "").rstrip(os.sep)
            otherwise = (  # a file name is given for weights alone
                "start from random weights: `--opts model.backbone.pretrained=None`, in Python "
                "`pretrained=None`"
                if filename
                else "check the path (dataset_root)"
            )
            raise FileNotFoundError(
                f"{target} does not exist. PaddleSeg would now download {url} to it; nothing was "
                "downloaded. Allow the download (`--download` on the command line, "
                "`paddle_ann.allow_downloads()` in Python, or the environment variable "
                f"PADDLE_ANN_DOWNLOAD=1), or {otherwise}."
            )
        try:
            return original(*args, **kwargs)
        except BaseException:
            with suppress(OSError):  # other ranks would wait for this file for ever
                os.remove(
                    os.path.join(extract, name or url.split("/")[-1].rpartition(".")[0])
                    + ".download.lock"
                )
            raise

    return download


@functools.cache
def _download_whole(original: Any) -> Any:
    """Download to a name of its own; only a whole answer gets the final one."""

    @functools.wraps(original)
    def download(url: str, savepath: str, print_progress: bool) -> None:
        part = savepath + ".part"
        try:
            original(url, part, print_progress)
            os.replace(part, savepath)
        finally:
            with suppress(OSError):
                os.remove(part)

    return download


class _StrictRequests:
    """`requests` for PaddleSeg's downloads: an error page is an error, not the file."""

    @staticmethod
    def get(url: str, **kwargs: Any) -> Any:
        response = requests.get(url, **kwargs)
        response.raise_for_status()
        return response


def _bites() -> bool:
    """By inspection: asking would download."""
    download = module("paddleseg.utils.download").download_file_and_uncompress
    return not source_has(download, "consent")


def _patch(patches: Patches) -> None:
    download = module("paddleseg.utils.download")
    patches.set(download, "requests", _StrictRequests)
    whole = _download_whole(download._download_file)
    patches.everywhere(download._download_file, whole)
    original = download.download_file_and_uncompress
    patches.everywhere(original, _with_consent(original))


FIXES = (
    Fix(
        "downloads",
        "a mistyped dataset_root starts a download of gigabytes; weights given by URL are fetched "
        "without a question; an error page, or half a file, is stored under the final name",
        "the data set classes call download_file_and_uncompress for a missing root (D6, D7)",
        "paddleseg 2.8.0 and 2.10, every Paddle",
        _bites,
        _patch,
    ),
)
