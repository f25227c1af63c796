"""Videos through a predictor, frame by frame: the overlay comes out as a video.

OpenCV reads and writes them, by the FFmpeg that its wheel holds. Its decoders are years old where
PaddleSeg's pin holds it back: give it videos from sources that you trust.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np

from paddle_ann.datasets.audit.scan import Progress
from paddle_ann.datasets.opencv import check_name
from paddle_ann.deploy.ahead import ahead
from paddle_ann.deploy.finding import Found, check_names
from paddle_ann.deploy.inferring import Failure
from paddle_ann.deploy.outputs import Outputs, overlay
from paddle_ann.deploy.predictor import Predictor

ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")
_CODEC = "mp4v"  # MPEG-4 part 2, which every build of OpenCV can write


def is_video(path: str) -> bool:
    """Tell by its name whether a file is a video."""
    return path.lower().endswith(ENDINGS)


def infer_videos(
    predictor: Predictor,
    paths: Sequence[str],
    outputs: Outputs,
    strict: bool = False,
    stream: TextIO | None = sys.stderr,
) -> list[Failure]:
    """Segment videos into `overlay/` below the folder of `outputs`, and print where each went.

    Returns:
        The videos that have no result.

    Raises:
        ValueError: if two of them have one name.
        Exception: with `strict`, what is wrong with the first bad one.
    """
    check_names(Found(Path(path), Path(path).name) for path in paths)
    failures = []
    for path in paths:
        target = outputs.folder / "overlay" / f"{Path(path).name}.mp4"
        try:
            count = infer_video(predictor, path, target, outputs.overwrite, stream)
        except Exception as error:  # a hostile file can raise anything
            if strict:
                raise
            failures.append(Failure(Path(path), error))
        else:
            print(f"{path}: {count} frames -> {target}", flush=True)
    return failures


def infer_video(
    predictor: Predictor,
    path: str | os.PathLike[str],
    target: str | os.PathLike[str],
    overwrite: bool = False,
    stream: TextIO | None = sys.stderr,
) -> int:
    """Segment a video and write it again with the colours of the classes over it.

    One thread reads, one runs the network, this one writes; a few frames are held.

    Args:
        predictor: the network.
        path: the video.
        target: the video to write, `.mp4`; sound is left out, odd sizes grow by a pixel.
        overwrite: replace a file that is there.
        stream: where progress goes; None for nowhere.

    Returns:
        The number of frames.

    Raises:
        FileNotFoundError: if there is no such video.
        FileExistsError: if the target is there, and may not be overwritten.
        ValueError: if it cannot be read as a video.
        RuntimeError: if OpenCV cannot write.
    """
    target = Path(target)
    if os.path.lexists(target) and not overwrite:
        raise FileExistsError(
            f"{target} exists, and nothing is overwritten: give another place, or overwrite=True "
            "(--overwrite)."
        )
    capture = _open(path)
    rate = capture.get(cv2.CAP_PROP_FPS)
    rate = rate if math.isfinite(rate) and rate > 0 else 25.0
    progress = Progress(
        "video:", max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 1), stream, "frames"
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{os.getpid()}.part.mp4")
    writer, count = None, 0
    try:
        prepared = ahead(map(predictor.prepare, _frames(capture)))
        with closing(ahead(predictor.segment(prepared))) as results:
            for one, found in results:
                drawn = _even(overlay(one.rows, found, predictor.bundle.palette))
                writer = writer or _create(draft, rate, drawn.shape)
                writer.write(np.ascontiguousarray(drawn[..., ::-1]))
                count += 1
                progress.step()
        if writer is None:
            raise ValueError(f"{path} holds no frame that OpenCV can read.")
        writer.release()
        os.replace(draft, target)
    finally:
        progress.end()
        capture.release()
        draft.unlink(missing_ok=True)
    return count


def _open(path: str | os.PathLike[str]) -> Any:
    if not os.path.isfile(path):
        raise FileNotFoundError(f"The video {path} does not exist.")
    check_name(path, "The video")
    capture = cv2.VideoCapture(os.fspath(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise ValueError(f"{path} cannot be read as a video. Convert it to .mp4 (H.264).")
    return capture


def _frames(capture: Any) -> Iterator[np.ndarray]:
    """Yield (H, W, 3) uint8 RGB, turned as the video says."""
    while True:
        there, frame = capture.read()
        if not there:
            return
        yield np.ascontiguousarray(frame[..., ::-1])


def _even(rgb: np.ndarray) -> np.ndarray:
    """Repeat the last row and column of odd sizes, which encoders cut off."""
    return np.pad(rgb, [(0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)], mode="edge")


def _create(path: Path, rate: float, shape: tuple[int, ...]) -> Any:
    check_name(path, "The video")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*_CODEC), rate, (shape[1], shape[0]))
    if not writer.isOpened():
        raise RuntimeError(f"OpenCV cannot write {path}: its build has no encoder for {_CODEC}.")
    return writer
