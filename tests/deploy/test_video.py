"""A video comes out as long, as large and as fast as it went in, with the classes over it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from paddle_ann.deploy import Predictor
from paddle_ann.deploy.outputs import overlay
from paddle_ann.deploy.video import _even, infer_video, is_video
from tests.deploy.toy import picture

FRAMES = [picture(46, 62, seed) for seed in range(5)]


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "a 视频.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 7, (62, 46))
    for frame in FRAMES:
        writer.write(frame[..., ::-1])
    writer.release()
    return path


@pytest.mark.parametrize("options", [{}, {"batch_size": 2}, {"tile": 31}])
def test_every_frame_is_segmented(plain_bundle, tmp_path, video, options):
    predictor = Predictor(plain_bundle, **options)
    assert infer_video(predictor, video, tmp_path / "out/a.mp4", stream=None) == 5
    capture = cv2.VideoCapture(str(tmp_path / "out/a.mp4"))
    assert capture.get(cv2.CAP_PROP_FPS) == 7
    for frame in FRAMES:
        there, written = capture.read()
        expected = overlay(frame, predictor(frame), predictor.bundle.palette)
        assert there and written.shape == (46, 62, 3)
        assert np.abs(written[..., ::-1].astype(int) - expected).mean() < 25  # compressed twice
    assert not capture.read()[0]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.mp4"]


def test_odd_sizes_grow_instead_of_being_cut():
    odd = picture(47, 61)
    even = _even(odd)
    assert even.shape == (48, 62, 3) and np.array_equal(even[:47, :61], odd)
    assert np.array_equal(even[47], even[46]) and np.array_equal(even[:, 61], even[:, 60])
    assert _even(even).shape == even.shape


def test_what_cannot_be_used_is_refused(plain_bundle, tmp_path, video):
    predictor = Predictor(plain_bundle)
    target = tmp_path / "out/a.mp4"
    with pytest.raises(FileNotFoundError, match="absent.mp4 does not exist"):
        infer_video(predictor, tmp_path / "absent.mp4", target)
    for content in (b"", b"no video", video.read_bytes()[:200]):
        video.write_bytes(content)
        with pytest.raises(ValueError, match="cannot be read as a video|holds no frame"):
            infer_video(predictor, video, target)
    target.parent.mkdir(exist_ok=True)
    target.write_text("mine")
    with pytest.raises(FileExistsError, match="nothing is overwritten"):
        infer_video(predictor, video, target)
    assert target.read_text() == "mine" and len(list(target.parent.iterdir())) == 1


def test_videos_are_told_by_their_names():
    assert is_video("a.MP4") and is_video("b/c d.avi") and not is_video("a.jpg")
