"""One archive over HTTP: taken up where it broke off, tried again, named when it is right."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import requests

from . import answers
from .answers import Interrupted, Note, Refused
from .archives import Archive, ChecksumError, checksum_of
from .files import bar, place, require_space, say, write_whole

_CHUNK = 1 << 14  # bytes; what a connection that breaks off may cost
_LARGEST = 8 << 30  # bytes; no archive of these is near


class DownloadError(RuntimeError):
    """No address gave the archive."""


@dataclass(frozen=True)
class Patience:
    """How long to bear with a server.

    Attributes:
        attempts: Failures in a row, without a byte between them, before an address is given up.
        connect_s: Seconds to wait for a connection.
        read_s: Seconds to wait for the next bytes.
        first_wait_s: Wait before the second attempt; each further one waits twice as long ...
        longest_wait_s: ... up to this.
    """

    attempts: int = 6
    connect_s: float = 20.0
    read_s: float = 60.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0

    def wait(self, failures: int, asked_s: float) -> float:
        """Returns the seconds to wait after so many failures in a row."""
        return min(max(asked_s, self.first_wait_s * 2.0 ** (failures - 1)), self.longest_wait_s)


class Part:
    """The bytes that are there so far, `NAME.part`, and what is known of the whole, beside it."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(target.name + ".part")
        self._note_path = target.with_name(target.name + ".part.json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def note(self) -> Note | None:
        """What is known of the whole; None if nothing is, and then the bytes are no use."""
        try:
            return Note(**json.loads(self._note_path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    @note.setter
    def note(self, note: Note) -> None:
        write_whole(self._note_path, json.dumps(asdict(note)).encode())

    def discard(self) -> None:
        """Removes both."""
        self.path.unlink(missing_ok=True)
        self._note_path.unlink(missing_ok=True)

    def finish(self, name: Path) -> None:
        """Gives the bytes their name."""
        place(self.path, name)
        self._note_path.unlink(missing_ok=True)


def fetch(archive: Archive, target: Path, patience: Patience | None = None) -> Path:
    """Downloads an archive to `target`, which appears only when its checksum is right.

    What an earlier call left in `target`.part is continued. A file with a wrong checksum is kept
    as `target`.bad and the next address is tried.

    Args:
        archive: What to download, and from where.
        target: File to make.
        patience: Time limits; None: the default ones.

    Returns:
        `target`.

    Raises:
        ChecksumError: The only address has another file.
        DownloadError: No address gave the archive; says why for each.
        RuntimeError: The disk is too full.
    """
    part, faults = Part(target), list[Exception]()
    require_space(target.parent, max(0, archive.size - part.size), f"Downloading {archive.name}")
    for url in archive.urls:
        try:
            _download(url, part, patience or Patience())
            _name_if_right(url, part, archive, target)
            return target
        except Refused as refusal:
            faults.append(DownloadError(f"{url}: {refusal}"))
        except ChecksumError as error:
            faults.append(error)
        say(f"{faults[-1]}")
    if len(faults) == 1 and isinstance(faults[0], ChecksumError):
        raise faults[0]
    reasons = "; ".join(str(fault).rstrip(".") for fault in faults)
    raise DownloadError(
        f"{archive.name} could not be downloaded. {reasons}. Run again to go on where it stopped, "
        f"{archive.otherwise}."
    )


def _name_if_right(url: str, part: Part, archive: Archive, target: Path) -> None:
    kind, digits = archive.checksum
    found = checksum_of(part.path, kind)
    if not digits:
        say(f"{url}: {kind} {found}; none is known to compare it with")
    if found == digits or not digits:
        part.finish(target)
        return
    bad = target.with_name(target.name + ".bad")
    part.finish(bad)
    raise ChecksumError(
        f"{url} gave another file than {archive.name}: its {kind} is {found}, not {digits}. "
        f"It was not used and is kept as {bad}. Run again, or name a mirror."
    )


def _download(url: str, part: Part, patience: Patience) -> None:
    """Asks one address until the part is whole; Refused when that is not to be."""
    failures = 0
    with requests.Session() as session:
        while True:
            before = part.size
            try:
                if _attempt(session, url, part, patience):
                    return
                continue
            except requests.exceptions.RequestException as error:
                if not isinstance(error, _WORTH_ANOTHER_TRY):
                    raise Refused(_reason(error)) from error
                fault = Interrupted(_reason(error))
            except Interrupted as error:
                fault = error
            failures = 1 if part.size > before else failures + 1
            if failures >= patience.attempts:
                raise Refused(f"{fault} ({failures} times in a row)") from fault
            wait = patience.wait(failures, fault.wait_s)
            say(f"{url}: {fault}; {part.size / 1e6:.1f} MB are here, trying again in {wait:.0f} s")
            time.sleep(wait)


_WORTH_ANOTHER_TRY = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    return f"{type(error).__name__}: {str(error)[:300]}"


def _attempt(session: requests.Session, url: str, part: Part, patience: Patience) -> bool:
    """Asks once. Returns True when the part is whole, False when to ask anew at once."""
    have, note = part.size, part.note
    with session.get(
        url,
        headers=answers.question(url, have, note),
        stream=True,
        timeout=(patience.connect_s, patience.read_s),
    ) as response:
        if url.startswith("https:") and not response.url.startswith("https:"):
            raise Refused(f"it leads to {response.url}, which is not encrypted")
        plan = answers.plan(url, response.status_code, response.headers, have, note)
        if plan.again:
            if not have:
                raise Refused(f"status {response.status_code} to a plain question")
            part.discard()
            return False
        if not plan.whole:
            if plan.offset < have:
                say(f"{url}: the server sends from byte {plan.offset}, not from {have}")
            _receive(response, part, plan)
    return True


def _receive(response: requests.Response, part: Part, plan: answers.Plan) -> None:
    total = plan.note.total
    if (total or 0) > _LARGEST:
        raise Refused(f"it announces {total} bytes, more than any of these archives has")
    if total is not None:
        require_space(part.path.parent, total - part.size, f"Downloading {part.path.stem}")
    position = plan.offset
    with open(part.path, "r+b" if part.path.exists() else "wb") as file:
        file.truncate(position)  # before the note: it must never vouch for another file's bytes
        file.seek(position)
        part.note = plan.note
        with bar(f"downloading {part.path.stem}", total, "B", position) as progress:
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                position += len(chunk)
                progress.update(len(chunk))
                if position > _LARGEST:
                    raise Refused(f"it sent more than {_LARGEST} bytes")
        file.flush()
        os.fsync(file.fileno())
    if total is not None and position < total:
        raise Interrupted(f"the connection ended after {position} of {total} bytes")
