"""Tiles: every pixel is covered, seams do not show, and no more than a band is held."""

from __future__ import annotations

import numpy as np
import pytest

from paddle_ann.deploy.tiles import blend, check_tile, starts, weights
from tests.deploy.toy import picture

CONSTANT = np.array([0.5, 0.2, 0.3], np.float32)


def constant(tiles):
    return np.broadcast_to(CONSTANT[:, None, None], (len(tiles), 3, *tiles.shape[1:3]))


def by_color(tiles):
    """Each pixel's own colour as its probabilities: no tile sees anything that another does not."""
    colors = tiles.astype(np.float32).transpose(0, 3, 1, 2) + 1
    return colors / colors.sum(1, keepdims=True)


def whole(rows, size, stride, run, **options):
    tops, bands = zip(*blend(rows, size, stride, run, np.copy, **options))
    assert list(tops) == list(np.cumsum([0, *(band.shape[1] for band in bands)])[:-1])
    return np.concatenate(bands, 1)


@pytest.mark.parametrize(
    "length, size, stride, expected",
    [(13, 5, 4, [0, 4, 8]), (14, 5, 4, [0, 4, 8, 9]), (5, 5, 3, [0]), (3, 5, 2, [0])],
)
def test_the_last_tile_ends_where_the_picture_ends(length, size, stride, expected):
    assert starts(length, size, stride) == expected


def test_weights_by_hand():
    found = weights(2, 3)  # sin^2 of 45 and 135 degrees; of 30, 90 and 150
    assert found == pytest.approx(np.outer([0.5, 0.5], [0.25, 1, 0.25]))
    assert weights(512, 512).min() > 0
    rise = weights(1, 12)[0]
    assert rise[:6] + rise[6:] == pytest.approx(1)  # half a tile on, neighbours add up to 1


@pytest.mark.parametrize("stride", [1, 3, 7, 11])
@pytest.mark.parametrize("height, width", [(29, 41), (11, 11), (5, 37), (31, 7)])
def test_constant_answers_are_the_same_for_every_stride(height, width, stride):
    found = whole(np.zeros((height, width, 3), np.uint8), 11, stride, constant)
    assert found.shape == (3, height, width)
    assert found == pytest.approx(np.broadcast_to(CONSTANT[:, None, None], found.shape), rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_pixels_stay_in_their_places(batch_size):
    rows = picture(43, 67)
    found = whole(rows, 13, 9, by_color, batch_size=batch_size)
    assert found == pytest.approx(by_color(rows[None])[0], rel=1e-5)


def test_two_tiles_blend_by_hand():
    answers = iter([1.0, 5.0])

    def run(tiles):
        return np.full((1, 1, 1, 4), next(answers), np.float32)

    found = whole(np.zeros((1, 6, 3), np.uint8), 4, 2, run)[0, 0]
    rise = np.sin(np.pi * np.array([0.5, 1.5]) / 4) ** 2
    shared = [(rise[1] + 5 * rise[0]) / rise.sum(), (rise[0] + 5 * rise[1]) / rise.sum()]
    assert found == pytest.approx([1, 1, *shared, 5, 5])


def test_only_a_band_of_rows_is_asked_for():
    class Rows:
        shape = (10007, 13, 3)
        asked: list[int] = []

        def __getitem__(self, rows):
            self.asked.append(rows.stop - rows.start)
            return np.zeros((rows.stop - rows.start, 13, 3), np.uint8)

    stream = blend(Rows(), 11, 7, constant, lambda band: band.shape)
    assert next(stream) == (0, (3, 7, 13)) and Rows.asked == [11]
    assert sum(shape[1] for _, shape in stream) == 10007 - 7 and set(Rows.asked) == {11}


@pytest.mark.parametrize("size, overlap", [(0, 0.2), (True, 0.2), (5.0, 0.2), ("512", 0.2)])
def test_tiles_of_no_use_are_refused(size, overlap):
    with pytest.raises(ValueError, match="tile must be"):
        check_tile(size, overlap)


@pytest.mark.parametrize("overlap", [-0.1, 1, float("nan"), "a", None])
def test_overlaps_of_no_use_are_refused(overlap):
    with pytest.raises(ValueError, match="overlap must be"):
        check_tile(512, overlap)


def test_the_step_is_what_the_overlap_leaves():
    assert check_tile(512, 0.25) == (512, 384) and check_tile(1, 0.9) == (1, 1)
    assert check_tile(11, 0) == (11, 11)
