"""The weights that are shown are those that the forward pass used."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle import nn
from paddleseg import models as paddleseg_models
from paddleseg.utils import utils

from paddle_ann.models import ANN, ANNNet, fuse
from paddle_ann.nn import APNB, functional
from paddle_ann.nn.sampling import sample_pyramid
from paddle_ann.visualize import attention
from paddle_ann.visualize.attending import nearest_positions, observe
from tests.deploy.toy import Backbone, make_model, normalised, picture
from tests.helpers import in_mode, randomize

IMAGE = normalised([picture(53, 71)])  # maps of 7 x 9 positions
POINTS = [(0, 0), (70, 52), (37, 11)]


def net(cls=ANN, **options):
    if cls is not ANN:
        options = dict(key_channels=7, value_channels=5, zero_init=False, **options)
        model = cls(5, Backbone(), (0, 1), inter_channels=13, **options)
        return in_mode(randomize(model), False)
    return make_model(**options)


def context_of(block: nn.Layer, weights: np.ndarray, low: paddle.Tensor) -> paddle.Tensor:
    """What the paper's equations 8 and 9 make of weights, in their own order of work."""
    stage = block.stages[0] if hasattr(block, "stages") else block
    values = stage.sampling(stage.f_value(low))
    context = functional.weighted_sum(paddle.to_tensor(weights), values)
    return functional.pointwise(context, stage.W.weight, stage.W.bias)


@pytest.mark.parametrize("cls", [ANN, ANNNet])
def test_the_block_s_output_follows_from_the_weights(cls):
    model = net(cls)
    seen = {}
    for name, block in (("AFNB", model.head.fusion), ("APNB", model.head.context[1])):
        block.register_forward_post_hook(
            lambda layer, inputs, output, name=name: seen.update({name: (layer, inputs, output)})
        )
    observation = observe(model, IMAGE)
    assert [block.name for block in observation.blocks] == ["AFNB", "APNB"]
    for block in observation.blocks:
        layer, inputs, output = seen[block.name]
        low, high = inputs[0], inputs[-1]
        expected = context_of(layer, block.weights.reshape(1, 63, 110), low).reshape([1, -1, 7, 9])
        if cls is ANN:
            expected = layer.conv_bn(paddle.concat([expected, high], axis=1))
        np.testing.assert_allclose(output.numpy(), expected.numpy(), rtol=1e-4, atol=1e-4)
        query, key = layer_projections(layer, low, high)
        softmax = functional.attention_weights(query, key).numpy()
        np.testing.assert_array_equal(block.weights.reshape(1, 63, 110), softmax)


def layer_projections(block, low, high):
    stage = block.stages[0] if hasattr(block, "stages") else block
    key = sample_pyramid(stage.f_key(low), stage.sampling.pool_sizes)
    return stage.f_query(high).flatten(2), key


def test_points():
    model = net()
    found = attention(model, IMAGE, POINTS)
    with paddle.no_grad():
        logits = model(paddle.to_tensor(IMAGE))[0]
    expected = nn.functional.softmax(logits, axis=1).numpy()[0]
    observation = observe(model, IMAGE)
    assert list(found.blocks) == ["AFNB", "APNB"]
    for index, (x, y) in enumerate(POINTS):
        np.testing.assert_allclose(found.probabilities[index], expected[:, y, x], rtol=1e-5)
        assert found.classes[index] == expected[:, y, x].argmax()
    for block, whole in zip(found.blocks.values(), observation.blocks):
        assert block.map_size == (7, 9) and block.uniform == 1 / 110
        assert block.positions.tolist() == [[0, 0], [8, 6], [4, 1]]
        np.testing.assert_allclose(block.weights.sum(1), 1, rtol=1e-6)
        np.testing.assert_array_equal(block.weights[2], whole.weights[1, 4])
        assert [grid.shape for grid in block.grids] == [(3, s, s) for s in (1, 3, 6, 8)]
        rejoined = np.concatenate([grid.reshape(3, -1) for grid in block.grids], axis=1)
        np.testing.assert_array_equal(rejoined, block.weights)


@pytest.mark.parametrize("align_corners", [False, True])
def test_the_nearest_position_is_the_one_whose_logits_weigh_most(align_corners):
    length, size = 53, 7
    for position in range(size):
        one = np.zeros((1, 1, size), "float32")
        one[0, 0, position] = 1
        grown = nn.functional.interpolate(
            paddle.to_tensor(one[..., None]), [length, 1], mode="bilinear",
            align_corners=align_corners,
        ).numpy()[0, 0, :, 0]  # fmt: skip
        chosen = nearest_positions(length, size, align_corners) == position
        assert grown[chosen].min() >= 0.5 - 1e-5 >= grown[~chosen].max() - 2e-5


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (dict(use_fusion=False), ["APNB"]),
        (dict(use_context=False), ["AFNB"]),
        (dict(psp_size=[2, 5]), ["AFNB", "APNB"]),
    ],
)
def test_variations(options, names):
    found = attention(net(**options), IMAGE, POINTS)
    assert list(found.blocks) == names
    for block in found.blocks.values():
        assert block.pool_sizes == tuple(options.get("psp_size", (1, 3, 6, 8)))
        np.testing.assert_allclose(block.weights.sum(1), 1, rtol=1e-6)


def test_the_fused_form_attends_to_the_same():
    model = net()
    fused = attention(fuse(model), IMAGE, POINTS)
    plain = attention(model, IMAGE, POINTS)
    assert list(fused.blocks) == ["AFNB", "APNB"]
    for name, block in plain.blocks.items():
        np.testing.assert_allclose(fused.blocks[name].weights, block.weights, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(fused.probabilities, plain.probabilities, rtol=1e-3, atol=1e-6)


def test_a_checkpoint_of_paddleseg_s_ann_through_paddleseg_s_loader(tmp_path):
    settings = dict(key_value_channels=8, inter_channels=13, backbone_indices=(0, 1))
    theirs = in_mode(randomize(paddleseg_models.ANN(5, Backbone(), **settings)), False)
    paddle.save(theirs.state_dict(), str(tmp_path / "model.pdparams"))
    ours = ANN(5, Backbone(), **settings)
    utils.load_entire_model(ours, str(tmp_path / "model.pdparams"))
    found = attention(ours, IMAGE, POINTS)
    with paddle.no_grad():
        logits = theirs(paddle.to_tensor(IMAGE))[0].numpy()[0]
    assert [logits[:, y, x].argmax() for x, y in POINTS] == found.classes.tolist()
    with pytest.raises(ValueError, match="checkpoint of paddleseg.models.ANN loads into"):
        attention(theirs, IMAGE, POINTS)


def test_every_layer_keeps_its_mode_and_nothing_stays_attached():
    model = net()
    model.train()
    model.head.fusion.eval()  # frozen by the user
    before = [layer.training for layer in model.sublayers(include_self=True)]
    attention(model, IMAGE, POINTS)
    assert before == [layer.training for layer in model.sublayers(include_self=True)]
    assert "attend" not in vars(model.head.fusion.stages[0])
    with pytest.raises(Exception, match="chann"):
        observe(nn.Sequential(APNB(7, 7, 3, 3)), IMAGE)  # 3 channels: the pass itself fails
    assert attention(model, IMAGE, POINTS).blocks.keys() == {"AFNB", "APNB"}


def test_a_network_with_several_blocks_of_a_kind():
    model = in_mode(nn.Sequential(APNB(3, 3, 3, 3), APNB(3, 3, 3, 3, pool_sizes=(2,))), False)
    found = attention(model, IMAGE[:, :, :7, :5], [(4, 6)])
    assert {name: block.pool_sizes for name, block in found.blocks.items()} == {
        "APNB 0.stages.0": (1, 3, 6, 8),
        "APNB 1.stages.0": (2,),
    }
    assert found.blocks["APNB 1.stages.0"].positions.tolist() == [[4, 6]]


def test_one_informative_cell_lights_that_cell():
    """Key and query are the sum of the colours, so white asks for white and black for nothing."""
    model = in_mode(APNB(3, 3, 1, 1), False)
    model.stages[0].f_key._conv.weight.set_value(paddle.ones([1, 3, 1, 1]))
    model.stages[0].f_key._batch_norm._epsilon = 0.0
    image = np.zeros((3, 24, 24), "float32")
    image[:, 15:18, 6:9] = 1  # row 5, column 2 of the grid of 8 x 8 cells, 3 x 3 pixels each
    block = attention(model, image, [(7, 16), (20, 3)]).blocks["APNB"]
    white = image[0] > 0
    shares = [
        white.reshape(s, 24 // s, s, 24 // s).mean((1, 3)).flatten() for s in block.pool_sizes
    ]
    expected = np.exp(9 * np.concatenate(shares))  # query 3 times key 3 times the white share
    np.testing.assert_allclose(block.weights[0], expected / expected.sum(), rtol=1e-4)
    assert block.weights[0].argmax() == 1 + 9 + 36 + 5 * 8 + 2
    assert block.grids[3][0, 5, 2] > 0.98
    np.testing.assert_allclose(block.weights[1], 1 / 110, rtol=1e-6)


@pytest.mark.parametrize(
    ("points", "error", "match"),
    [
        (
            [(71, 0)],
            ValueError,
            r"\(71, 0\) lies outside the image, which is 71 pixels wide and 53",
        ),
        ([(0, 0), (3, -1)], ValueError, r"\(3, -1\) lies outside"),
        ([(0.5, 1)], TypeError, "pairs of integers"),
        ([], ValueError, "at least one"),
        ([(1, 2, 3)], ValueError, "pairs"),
        ([(1, 2), (3,)], ValueError, "pairs"),
        ((3, 4), ValueError, r"One point is \[\(x, y\)\]"),
        ("here", ValueError, "pairs"),
        ([(True, False)], TypeError, "pairs of integers"),
    ],
)
def test_bad_points(points, error, match):
    with pytest.raises(error, match=match):
        attention(net(), IMAGE, points)


@pytest.mark.parametrize(
    ("image", "error", "match"),
    [
        (picture(5, 7), TypeError, "type uint8. Normalise the picture first"),
        (IMAGE.tolist(), TypeError, "array or a tensor; received <class 'list'>"),
        (IMAGE[0, 0], ValueError, r"received shape \(53, 71\)"),
        (np.repeat(IMAGE, 2, 0), ValueError, r"Of a batch take one: images\[0\]"),
        (IMAGE.transpose(0, 2, 3, 1), ValueError, r"shape \(1, 53, 71, 3\)"),
        (IMAGE[:, :, :0], ValueError, "shape"),
    ],
)
def test_bad_images(image, error, match):
    with pytest.raises(error, match=match):
        attention(net(), image, POINTS)


def test_models_without_attention():
    with pytest.raises(ValueError, match="ANN with no AFNB and no APNB"):
        attention(net(use_fusion=False, use_context=False), IMAGE, POINTS)
    with pytest.raises(TypeError, match="must be a network"):
        attention(len, IMAGE, POINTS)


def test_a_network_that_runs_as_a_graph():
    model = paddle.jit.to_static(net(), full_graph=True)
    with pytest.raises(RuntimeError, match="as it was before paddle.jit.to_static"):
        attention(model, IMAGE, POINTS)
