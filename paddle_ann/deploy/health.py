"""Whether a model can be trusted at all, before it is exported."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn
from paddleseg.utils import logger

REFUSED_FACTOR = 30.0  # of the variance that the first batch norm was trained on
REMARKED_FACTOR = 3.0


def check_numbers(model: nn.Layer) -> None:
    """Raise ValueError if a weight or statistic is no finite number, or a variance is negative."""
    wrong = []
    for name, tensor in model.state_dict().items():
        values = tensor.astype("float32")
        if not bool(paddle.isfinite(values).all()):
            wrong.append(f"{name} holds nan or inf")
        elif name.endswith("_variance") and float(values.min()) < 0:
            wrong.append(f"{name} holds a negative variance")
    if wrong:
        more = f", and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ValueError(
            f"The model cannot be used: {'; '.join(wrong[:5])}{more}. The training has diverged; "
            "export an earlier checkpoint."
        )


def check_statistics(model: nn.Layer, batches: list[np.ndarray]) -> None:
    """Compare what the first batch norm sees in real images with what it saw in training.

    Images that are prepared by a wrong Normalize come out of the first convolution with a variance
    far from the stored one: 16,000 times, if the division by 255 is missing. A factor from 3 to 30
    is only remarked on, because single pictures may be that dark or flat; RGB for BGR, or one usual
    mean for another, does not show.

    Args:
        model: in eval mode.
        batches: real images as the export prepares them, (N, 3, H, W).

    Raises:
        ValueError: if the variances differ by more than a factor of 30 in the median channel.
    """
    factor = variance_factor(model, batches)
    if 1 / REMARKED_FACTOR <= factor <= REMARKED_FACTOR:
        return
    finding = (
        f"the first convolution gives values of {factor:.3g} times the variance that its batch "
        "norm has stored from training. Check mean and std of Normalize"
    )
    if 1 / REFUSED_FACTOR <= factor <= REFUSED_FACTOR:
        logger.warning(f"Perhaps the images are not normalised as in training: {finding}.")
        return
    raise ValueError(
        f"The images are not normalised as in training: {finding}; or the model was never trained; "
        "or the images given are not of the kind that it was trained on (then leave them out)."
    )


def variance_factor(model: nn.Layer, batches: list[np.ndarray]) -> float:
    """Divide the variance that the first batch norm sees by the stored one; median of channels.

    Returns:
        The factor; 1 if the model has no batch norm.
    """
    norm = next((m for m in model.sublayers() if hasattr(m, "_variance")), None)
    if norm is None:
        return 1.0
    seen: list[np.ndarray] = []

    def keep(_: nn.Layer, inputs: tuple[Tensor, ...]) -> Any:
        seen.append(inputs[0].transpose([1, 0, 2, 3]).flatten(1).numpy())

    hook = norm.register_forward_pre_hook(keep)
    try:
        with paddle.no_grad():
            for batch in batches:
                model(paddle.to_tensor(batch))
    finally:
        hook.remove()
    observed = np.concatenate(seen, 1).var(1, dtype=np.float64)
    stored = norm._variance.numpy().astype(np.float64)
    return float(np.median((observed + 1e-12) / (stored + 1e-12)))
