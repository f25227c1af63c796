"""An export in the place of a model, so that `paddle_ann.engine.evaluate` scores it."""

from __future__ import annotations

import numpy as np
import paddle
from paddle import Tensor, nn

from paddle_ann.deploy.runner import Bundle


class AsModel(nn.Layer):
    """Computes by an export's engine what the network computed: a list with the logits.

    The data set prepares the images; the preparation that the export stores is not used.

    Args:
        bundle: an export with scores.

    Raises:
        ValueError: if it gives class numbers alone.
    """

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        if bundle.scores is None:
            raise ValueError(
                f"{bundle.folder} was exported with class numbers alone, and evaluation needs "
                'scores. Export it with the output "logits" or "softmax".'
            )
        self._bundle, self._output = bundle, bundle.scores

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map (N, 3, H, W) to a list of one tensor, (N, num_classes, H, W)."""
        batch = np.ascontiguousarray(x.numpy(), np.float32)
        return [paddle.to_tensor(self._bundle.run(batch, self._output))]
