"""What an HTTP answer means for a download that may have begun before: pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)$")
_FOR_NOW = (408, 425, 429, 500, 502, 503, 504)


class Refused(Exception):
    """This address will not give the file, today or tomorrow."""


class Interrupted(Exception):
    """It did not work this time; `wait_s` is what the server asks for."""

    def __init__(self, text: str, wait_s: float = 0.0) -> None:
        super().__init__(text)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Note:
    """What is known of the file of which a part lies here.

    Attributes:
        url: Address the part came from.
        etag: The server's strong name for that version of the file, or None.
        modified: Its date, as the server wrote it, or None.
        total: Size of the whole in bytes, or None.
    """

    url: str
    etag: str | None = None
    modified: str | None = None
    total: int | None = None


@dataclass(frozen=True)
class Plan:
    """What to do with an answer's body.

    Attributes:
        offset: Byte of the file at which the body begins; the part is cut to that length.
        whole: The part is the whole file already; there is no body to read.
        again: The part is of no use; throw it away and ask anew.
        note: What the answer says of the file.
    """

    offset: int
    note: Note
    whole: bool = False
    again: bool = False


def question(url: str, have: int, note: Note | None) -> dict[str, str]:
    """Returns the headers that ask for the rest of a file.

    Args:
        url: Address to ask.
        have: Bytes that lie here.
        note: What was noted with them.
    """
    headers = {"Accept-Encoding": "identity"}  # the archive as it is, or its offsets mean nothing
    if have and note is not None:
        headers["Range"] = f"bytes={have}-"
        if note.url == url and (note.etag or note.modified):
            headers["If-Range"] = note.etag or note.modified or ""
    return headers


def plan(url: str, status: int, headers: Mapping[str, str], have: int, note: Note | None) -> Plan:
    """Returns what to do with the answer to `question`.

    Args:
        url: Address that was asked.
        status: HTTP status, redirects followed.
        headers: The answer's, found in any case.
        have: Bytes that lie here.
        note: What was noted with them.

    Raises:
        Refused: The file is not to be had here: an error page, or a status such as 404.
        Interrupted: The server asks to come back later.
    """
    if status in _FOR_NOW:
        wait = headers.get("Retry-After", "")
        raise Interrupted(f"status {status}", float(wait) if wait.isdigit() else 0.0)
    if status == 416:
        return _beyond_the_end(url, headers, have, note)
    if status not in (200, 206):
        raise Refused(f"status {status}")
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        raise Refused(f"it sent a web page ({kind}), not an archive")
    if status == 200:
        return Plan(0, _note(url, headers, _number(headers.get("Content-Length"))))
    return _partial(url, headers, have, note)


def _partial(url: str, headers: Mapping[str, str], have: int, note: Note | None) -> Plan:
    """A 206 may begin before what was asked for, but not behind it, nor be of another file."""
    found = _RANGE.match(headers.get("Content-Range", ""))
    total = _number(found.group(3)) if found else None
    new = _note(url, headers, total)
    known = note.total if note else None
    if found is None or found.group(1) is None or int(found.group(1)) > have:
        return Plan(0, new, again=True)
    if known is not None and total is not None and known != total:
        return Plan(0, new, again=True)
    return Plan(int(found.group(1)), new)


def _beyond_the_end(url: str, headers: Mapping[str, str], have: int, note: Note | None) -> Plan:
    """A 416 is the answer where nothing is left to send, or where the file has changed."""
    found = _RANGE.match(headers.get("Content-Range", ""))
    total = _number(found.group(3)) if found else (note.total if note else None)
    whole = have > 0 and have == total
    return Plan(have if whole else 0, _note(url, headers, total), whole=whole, again=not whole)


def _note(url: str, headers: Mapping[str, str], total: int | None) -> Note:
    etag = headers.get("ETag")
    strong = etag if etag and not etag.startswith("W/") else None  # RFC 9110, 13.1.5
    return Note(url, strong, headers.get("Last-Modified"), total)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
