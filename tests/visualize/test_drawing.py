"""The picture shows each cell's colour at its place, beside the right numbers."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_ann.visualize import attention_picture
from paddle_ann.visualize.attending import BlockMap, Observation
from paddle_ann.visualize.drawing import draw_attention
from tests.deploy.toy import make_model, normalised, picture


def one_cell(row: int, column: int) -> Observation:
    """One block with grids of 1 and 3, all attention on one cell of the latter; 5 x 7 positions."""
    weights = np.full((5, 7, 10), 0.01, "float32")
    weights[:, :, 1 + 3 * row + column] = 0.91
    logits = np.zeros((2, 50, 70), "float32")
    logits[1] = np.log(3)
    return Observation(logits, (BlockMap("APNB", (1, 3), weights),), False)


def panels(sheet: np.ndarray, height: int) -> list[np.ndarray]:
    """Cuts a row's panels out: pictures of 7:5 and one gap between them."""
    width = height * 7 // 5
    return [sheet[36 + 18 :][:height, 8 + i * (width + 8) :][:, :width] for i in range(3)]


def test_the_cell_that_is_attended_to_is_the_brightest():
    black, height = np.zeros((50, 70, 3), np.uint8), 120
    observation, point = one_cell(2, 0), np.array([[35, 25]])
    sheet = np.asarray(
        draw_attention(black, observation, observation.at(point), point, ["a", "b"], height)
    )
    shown, coarse, fine = panels(sheet, height)
    cells = fine[20::40, 10::56].astype(int).sum(-1)
    assert cells.shape == (3, 3) and cells.argmax() == 6 and (np.delete(cells, 6) < 150).all()
    assert (shown[:20] == 0).all() and (coarse[10, 10] > 0).any()
    assert (shown[60 - 5 : 60 + 6, 84 - 5 : 84 + 6] == 255).any()  # the point, in the middle
    scale = sheet[54 + height :]
    assert (scale.reshape(-1, 3) == (255, 250, 170)).all(1).any()  # the upper end


def test_one_row_for_each_point_and_one_scale_for_each_block():
    observation, black = one_cell(0, 1), np.zeros((50, 70, 3), np.uint8)
    points = np.array([[0, 0], [69, 49], [3, 5]])
    sizes = [
        draw_attention(black, observation, observation.at(points[:n]), points[:n]).size
        for n in (1, 2, 3)
    ]
    assert sizes[0][0] == sizes[2][0]
    assert sizes[1][1] - sizes[0][1] == sizes[2][1] - sizes[1][1] == 160 + 18 + 8


@pytest.mark.parametrize("names", [(), ["车", "道路", "c", "d", "e"]])
def test_a_picture_for_a_log(names):
    model = make_model(psp_size=(1, 2))
    model.train()
    image = paddle.to_tensor(normalised([picture(53, 71)]))[0]
    one = attention_picture(model, image, [(3, 5)], names)
    two = attention_picture(model, image, [(3, 5), (70, 52)], names)
    assert one.dtype == two.dtype == np.uint8 and one.shape[2] == 3
    assert two.shape[0] == one.shape[0] + 120 + 18 + 8 and two.shape[1] == one.shape[1]
    assert two.shape[1] == 5 * (round(71 * 120 / 53) + 8) + 8  # the picture and 2 x 2 grids
    assert model.training
    with pytest.raises(ValueError, match="outside the image"):
        attention_picture(model, image, [(71, 0)])
