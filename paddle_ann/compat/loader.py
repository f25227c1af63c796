"""Paddle's data readers: an exception in the reading of samples reaches the caller."""

from __future__ import annotations

import ctypes
import functools
import multiprocessing
import os
import signal
import sys
from typing import Any

from paddle.io.dataloader import dataloader_iter, fetcher, worker

from paddle_ann.compat.fix import Fix, Patches, source_has
from paddle_ann.compat.samples import NamingDataset, naming_collate, restated

_FAILED = "_compat_failed"
_WORKER_DIED = (
    "A data reading process died without a word, most often for lack of memory (the kernel kills "
    "the process) or of /dev/shm. Try num_workers=0 or a smaller batch_size."
)


class _RememberingFetcher:
    """End the reading at the first exception and keep it for the main thread."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.error: BaseException | None = None

    def fetch(self, *args: Any) -> Any:
        try:
            return self.inner.fetch(*args)
        except StopIteration:
            raise
        except Exception as error:
            self.error = error
            raise StopIteration from None

    def take(self) -> Any:
        error, self.error = self.error, None
        return error


def _init_thread(original: Any) -> Any:
    @functools.wraps(original)
    def init_thread(self: Any) -> None:
        self._dataset_fetcher = _RememberingFetcher(self._dataset_fetcher)
        original(self)

    return init_thread


def _raise_alone(iterator: Any, error: BaseException) -> None:
    """Raise `error` and let go of the reader.

    Paddle's reader owns C++ threads. If the dead iterator, kept alive by the traceback, were still
    holding it when the next loader forks its workers, its destructor could run in a worker and
    hang.
    """
    iterator._try_shutdown_all()
    thread, iterator._thread = iterator._thread, None
    if thread is not None:
        thread.join(timeout=5)
    iterator._reader.shutdown()
    iterator._reader = iterator._blocking_queue = None
    try:
        raise error
    finally:
        del error  # the traceback refers to this frame: no cycle


def _next_single(original: Any) -> Any:
    @functools.wraps(original)
    def next_batch(self: Any) -> Any:
        try:
            return original(self)
        except StopIteration:
            if self._dataset_fetcher.error is None:
                raise
        _raise_alone(self, self._dataset_fetcher.take())

    return next_batch


def _get_data(original: Any) -> Any:
    @functools.wraps(original)
    def get_data(self: Any) -> Any:
        try:
            return original(self)
        except Exception as error:  # the queue is closed by now; the main thread raises it
            setattr(self, _FAILED, error)
            self._thread_done_event.set()
            return None

    return get_data


def _next_multi(original: Any) -> Any:
    @functools.wraps(original)
    def next_batch(self: Any) -> Any:
        try:
            return original(self)
        except (StopIteration, SystemError) as error:
            if isinstance(error, StopIteration) and _FAILED not in vars(self):
                raise
        _raise_alone(self, vars(self).pop(_FAILED, None) or RuntimeError(_WORKER_DIED))

    return next_batch


def _worker_exception(original: Any) -> Any:
    @functools.wraps(original)
    def init(self: Any, worker_id: int, exc_info: Any = None) -> None:
        original(self, worker_id, exc_info)
        error = (exc_info or __import__("sys").exc_info())[1]
        self.message = str(error)

    return init


def _reraise(self: Any) -> None:
    """Raise the worker's exception with its own message, and the traceback below."""
    raise restated(
        self.exc_type,
        f"{self.message}\n\nIn data reading process {self.worker_id}:\n{self.exc_msg}",
    )


def _fetcher_init(original: Any) -> Any:
    @functools.wraps(original)
    def init(self: Any, dataset: Any, auto_collate: Any, collate: Any, *args: Any) -> None:
        named = naming_collate(collate) if auto_collate and collate else collate
        original(self, NamingDataset(dataset), auto_collate, named, *args)

    return init


# -- readers whose process was killed --------------------------------------------------------------

_PR_SET_PDEATHSIG = 1  # prctl(2), from sys/prctl.h


def end_with_parent() -> None:
    """Let the kernel end this reader when the process that reads is gone; on Linux."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:  # it died before the call
        os._exit(1)


@functools.cache
def _ending_with_parent(original: Any) -> Any:
    @functools.wraps(original)
    def worker_loop(*args: Any, **kwargs: Any) -> None:
        end_with_parent()
        original(*args, **kwargs)

    return worker_loop


def _orphans_bite() -> bool:
    """By inspection: the interval is handed to `get` as `block`, so it waits for ever."""
    return source_has(worker._worker_loop, "indices_queue.get(MP_STATUS_CHECK_INTERVAL)")


def _patch_orphans(patches: Patches) -> None:
    patches.set(dataloader_iter, "_worker_loop", _ending_with_parent(dataloader_iter._worker_loop))


def _bites() -> bool:
    """By inspection: to provoke the fault would hang the process."""
    loop = dataloader_iter._DataLoaderIterSingleProcess._thread_loop
    return source_has(loop, "except StopIteration:") and not source_has(
        loop, "except BaseException"
    )


def _patch(patches: Patches) -> None:
    single = dataloader_iter._DataLoaderIterSingleProcess
    multi = dataloader_iter._DataLoaderIterMultiProcess
    patches.set(
        fetcher._MapDatasetFetcher, "__init__", _fetcher_init(fetcher._MapDatasetFetcher.__init__)
    )
    patches.set(single, "_init_thread", _init_thread(single._init_thread))
    patches.set(single, "__next__", _next_single(single.__next__))
    patches.set(multi, "_get_data", _get_data(multi._get_data))
    patches.set(multi, "__next__", _next_multi(multi.__next__))
    error = worker._WorkerException
    patches.set(error, "__init__", _worker_exception(error.__init__))
    patches.set(error, "reraise", _reraise)


FIXES = (
    Fix(
        "reader-errors",
        "any exception in a data set, transform or collate function with num_workers=0 hangs for "
        "ever; with workers it becomes `SystemError: ... blocking_queue.h ... killed_`. Labels >= "
        "num_classes give an error that names no file, or none",
        "the thread of paddle.io.DataLoader dies without closing its queue, or kills it without "
        "the reason (C1, C9)",
        "every Paddle, 2.6.2 to 3.3.1",
        _bites,
        _patch,
    ),
    Fix(
        "orphaned-readers",
        "the reading processes of a training that was killed (SIGKILL, out of memory) stay for "
        "ever, with its memory",
        "_worker_loop looks for its parent after a timeout of its queue, and passes the time as "
        "the argument `block`, so there is none",
        "every Paddle, 2.6.2 to 3.3.1",
        _orphans_bite,
        _patch_orphans,
    ),
)
