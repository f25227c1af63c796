"""ANNNet against a plain torch transcription of the tutorial's network, forward and backward."""

import numpy as np
import paddle
import pytest
from paddleseg.cvlibs import manager

from paddle_ann.backbones import ResNet, ResNet18
from paddle_ann.convert import from_state
from paddle_ann.models import ANNNet
from paddle_ann.models.annnet import ContextAttention
from tests.helpers import in_mode, without_dropout

NARROW = dict(stem_channels=(5,), stage_channels=(3, 5, 7, 11))
WIDTHS = dict(key_channels=3, value_channels=5, inter_channels=7)


def narrow(**options):
    return ANNNet(5, ResNet18(**NARROW), **{**WIDTHS, **options})


def test_outputs_and_their_number():
    net, x = narrow(), paddle.randn([2, 3, 37, 53])
    assert [out.shape for out in in_mode(net, True)(x)] == [[2, 5, 37, 53]] * 2
    assert [out.shape for out in in_mode(net, False)(x)] == [[2, 5, 37, 53]]
    assert len(in_mode(narrow(enable_auxiliary_loss=False), True)(x)) == 1
    assert manager.MODELS.components_dict["ANNNet"] is ANNNet


def test_starts_with_the_classifiers_bias_alone():
    """Both output projections are zero, so the context is, as in the tutorial."""
    net = in_mode(narrow(), False)
    net.head.cls.bias.set_value(paddle.arange(5, dtype="float32"))
    (out,) = net(paddle.randn([1, 3, 37, 53]))
    expected = paddle.arange(5, dtype="float32").reshape([1, 5, 1, 1])
    assert float((out - expected).abs().max()) < 1e-5
    (out,) = in_mode(narrow(zero_init=False), False)(paddle.randn([1, 3, 37, 53]))
    assert float(out.std()) > 1e-3


def test_gradient_at_the_start_reaches_three_tensors():
    """VARIANTS.md: APNB's output projection and the classifier's bias, with the auxiliary off."""
    net = in_mode(narrow(enable_auxiliary_loss=False), True)
    (out,) = net(paddle.randn([2, 3, 37, 53]))
    (out * paddle.randn(out.shape)).sum().backward()
    moved = {n for n, p in net.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert moved == {"head.context.1.W.weight", "head.context.1.W.bias", "head.cls.bias"}


def test_it_wakes_up():
    """With biases that start at zero, as Paddle's do, the backbone would never get a gradient."""
    net = in_mode(narrow(enable_auxiliary_loss=False), True)
    optimizer = paddle.optimizer.SGD(0.1, parameters=net.parameters())
    x, target = paddle.randn([2, 3, 37, 53]), paddle.randn([2, 5, 37, 53])
    for _ in range(3):
        optimizer.clear_grad()
        (net(x)[0] - target).square().mean().backward()
        optimizer.step()
    assert float(net.backbone.conv1.weight.grad.abs().max()) > 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: narrow(key_channels=0), ValueError, "key_channels must be at least 1"),
        (lambda: narrow(psp_size=()), ValueError, "psp_size"),
        (lambda: narrow(align_corners="no"), TypeError, "align_corners must be True or False"),
        (lambda: narrow(enable_auxiliary_loss=2), TypeError, "enable_auxiliary_loss must be True"),
        (lambda: narrow(zero_init=None), TypeError, "zero_init must be True or False"),
        (lambda: ANNNet(1, ResNet18(**NARROW)), ValueError, "num_classes must be at least 2"),
        (lambda: ANNNet(3, ResNet18(**NARROW), (2, 7)), ValueError, "backbone_indices must lie"),
        (lambda: narrow(auxiliary_channels=0), ValueError, "auxiliary_channels must be at least 1"),
        (
            lambda: ContextAttention(3, None, 3, 5, 7)(paddle.ones([1, 4, 5, 5])),
            ValueError,
            "low must have 3 channels",
        ),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_trains_like_the_tutorials():
    """Logits, auxiliary logits and every gradient, in training mode without dropout."""
    torch = pytest.importorskip("torch", reason="the tutorial's network is transcribed in torch")
    from tests.convert import peers

    backbone = peers.ResNet("torchvision", plan=peers.TUTORIAL)
    theirs = peers.randomize(peers.Tutorial(backbone, 24, 32, key=7, value=9))
    ours, report = from_state({k: v.numpy() for k, v in theirs.state_dict().items()}, "tutorial")
    assert isinstance(ours.backbone, ResNet)
    theirs.train().requires_grad_(True)
    for module in theirs.modules():
        if isinstance(module, torch.nn.Dropout2d):
            module.p = 0.0
    x = torch.randn(2, 3, 65, 97, generator=torch.Generator().manual_seed(1))
    expected = theirs(x)
    got = in_mode(without_dropout(ours), True)(paddle.to_tensor(x.numpy()))
    for mine, reference in zip(got, expected):
        assert np.abs(mine.numpy() - reference.detach().numpy()).max() < 1e-4
    sum(out.square().mean() for out in expected).backward()
    sum(out.square().mean() for out in got).backward()
    parameters = dict(ours.named_parameters())
    largest = max(float(p.grad.abs().max()) for p in theirs.parameters())
    for name, parameter in theirs.named_parameters():
        mine = parameters.get(report.renamed[name])
        if mine is not None:  # the shared query has one name among the parameters
            difference = np.abs(mine.grad.numpy() - parameter.grad.numpy()).max()
            assert difference < 1e-4 * largest, name
