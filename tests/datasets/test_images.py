"""Images from outside: capped before decoding, read by Pillow alone, every fault a named error."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from paddle_ann.datasets import images, opencv
from paddle_ann.datasets.images import ImageError, read_untrusted

PICTURE = np.random.default_rng(0).integers(0, 256, (11, 13, 3), np.uint8)


def encoded(array: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing: a bomb."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_pixels_come_back(tmp_path, kind):
    content = encoded(PICTURE, kind)
    (tmp_path / "a").write_bytes(content)
    for source in (content, tmp_path / "a", str(tmp_path / "a"), io.BytesIO(content)):
        array = read_untrusted(source)
        assert array.dtype == np.uint8 and (array == PICTURE).all()
    array[0, 0] = 1  # the caller's own


def test_turned_photo_is_turned_as_opencv_does(tmp_path):
    import cv2

    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[images.ORIENTATION_TAG] = orientation
        path = tmp_path / f"{orientation}.jpg"
        path.write_bytes(encoded(PICTURE, "JPEG", quality=100, subsampling=0, exif=exif))
        theirs = cv2.imread(str(path))[..., ::-1].astype(int)
        ours = read_untrusted(path).astype(int)
        assert ours.shape == theirs.shape and abs(ours - theirs).max() < 16, orientation


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_is_the_one_that_opencv_reads(tmp_path, kind, orientation):
    import cv2

    exif = Image.Exif()
    exif[images.ORIENTATION_TAG] = orientation
    path = tmp_path / "a"
    path.write_bytes(encoded(PICTURE, kind, exif=exif))
    with images.open_image(path) as image:
        assert images.seen_size(image) == cv2.imread(str(path)).shape[1::-1]
    assert read_untrusted(path).shape == cv2.imread(str(path)).shape


def test_other_modes_become_rgb():
    deep = np.arange(77, dtype=np.uint16).reshape(7, 11) * 800
    array = read_untrusted(encoded(deep))
    assert (array == (deep >> 8)[..., None]).all() and array.shape == (7, 11, 3)
    clear = np.dstack([PICTURE, np.zeros((11, 13), np.uint8)])
    assert (read_untrusted(encoded(clear)) == PICTURE).all()
    grey = PICTURE[..., 0]
    assert (read_untrusted(encoded(grey)) == grey[..., None]).all()
    assert set(np.unique(read_untrusted(encoded(grey > 99)))) == {0, 255}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"<html>", "unreadable"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 5\n%%EndComments\n", "unreadable"),
        (encoded(PICTURE)[:-60], "damaged"),
        (encoded(PICTURE.astype(np.float32)[..., 0], "TIFF"), "unreadable"),
        (png_of_size(20000, 20000), "too-large"),
        (png_of_size(2**31 - 1, 2**31 - 1), "too-large"),
    ],
)
def test_faults_are_named(content, kind):
    with pytest.raises(ImageError) as caught:
        read_untrusted(content)
    assert caught.value.kind == kind


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone.png does not exist"):
        read_untrusted(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="cannot be opened"):
        read_untrusted(tmp_path)


def test_limit_by_argument_and_variable(monkeypatch):
    assert read_untrusted(encoded(PICTURE), max_pixels=143).shape == (11, 13, 3)
    with pytest.raises(ImageError, match="13x11 pixels large, and no more than 142 are decoded"):
        read_untrusted(encoded(PICTURE), max_pixels=142)
    monkeypatch.setenv(images.LIMIT_VARIABLE, "142")
    with pytest.raises(ImageError, match="142"):
        read_untrusted(encoded(PICTURE))
    for wrong in ("0", "many", "-3"):
        monkeypatch.setenv(images.LIMIT_VARIABLE, wrong)
        with pytest.raises(ValueError, match=images.LIMIT_VARIABLE):
            read_untrusted(encoded(PICTURE))
    with pytest.raises(ValueError, match="max_pixels is 0"):
        read_untrusted(encoded(PICTURE), max_pixels=0)


def test_limit_can_be_raised_above_pillows(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    assert read_untrusted(encoded(PICTURE)).shape == (11, 13, 3)
    assert Image.MAX_IMAGE_PIXELS == images.DEFAULT_MAX_PIXELS // 2
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(ImageError, match="no more than 50"):
        read_untrusted(encoded(PICTURE), max_pixels=50)


def test_paddlesegs_reading_path_is_capped(tmp_path, monkeypatch):
    import cv2
    from paddleseg.transforms import Compose

    def never(*args: object) -> None:
        raise AssertionError("decoded")

    (tmp_path / "bomb.png").write_bytes(png_of_size(20000, 20000))
    monkeypatch.setattr(cv2, "imread", never)
    with pytest.raises(ValueError, match="bomb.png is too many pixels large"):
        Compose([])({"img": str(tmp_path / "bomb.png")})


def test_error_travels_between_processes():
    import pickle

    error = pickle.loads(pickle.dumps(ImageError("damaged", "text")))
    assert (error.kind, str(error)) == ("damaged", "text")


SEEDS = [encoded(PICTURE, kind) for kind in ("PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP", "PPM")]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_whatever_the_bytes_an_array_or_a_named_error(content, data):
    spoilt = bytearray(content[: data.draw(st.integers(0, len(content)))])
    for _ in range(data.draw(st.integers(0, 5)) if spoilt else 0):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own, about odd metadata and sizes
        try:
            array = read_untrusted(bytes(spoilt), max_pixels=10**6)
        except ImageError as error:
            assert error.kind in ("empty", "unreadable", "damaged", "too-large")
        else:
            assert array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3


def test_a_spoiled_last_chunk_is_noticed(tmp_path):
    """OpenCV's libpng refuses such a file, Pillow's own check passes over it."""
    path = tmp_path / "a.png"
    Image.new("RGB", (5, 3)).save(path)
    images.check_sums(path)
    whole = path.read_bytes()
    for content in (whole[:-4] + b"\xafB`\x82", whole[:-12], whole[:-2]):
        path.write_bytes(content)
        assert opencv.read(str(path)) is None or content == whole[:-12]
        with pytest.raises(images.ImageError, match=r"a\.png"):
            images.check_sums(path)
    path.write_bytes(whole + b"more")  # data behind the end is read by both
    images.check_sums(path)
