"""In which precision a training computes."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import paddle
from paddleseg.utils import logger

NAMES = ("fp32", "fp16", "bf16", "auto")
DTYPES = {"fp16": "float16", "bf16": "bfloat16"}
# PaddleSeg's lists: additions and batch norms join the half-precision operators around them, and
# logits are resized in float32.
WHITE = {"elementwise_add", "batch_norm", "sync_batch_norm"}
BLACK = {"bilinear_interp_v2"}


@dataclass(frozen=True)
class Precision:
    """A precision that this device can compute in.

    Attributes:
        name: 'fp32', 'fp16' or 'bf16'.
        level: 'O1', operators by list, or 'O2', all of the network but batch norms.
    """

    name: str = "fp32"
    level: str = "O1"

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which the network and its losses are computed."""
        if self.name == "fp32":
            return contextlib.nullcontext()
        return paddle.amp.auto_cast(
            level=self.level,
            dtype=DTYPES[self.name],
            custom_white_list=WHITE,
            custom_black_list=BLACK,
        )

    def make_scaler(self) -> Any:
        """Return PaddleSeg's loss scaler for fp16; None elsewhere, for bf16 has float32's range."""
        return paddle.amp.GradScaler(init_loss_scaling=1024) if self.name == "fp16" else None

    def decorate(self, model: Any, optimizer: Any) -> tuple[Any, Any]:
        """Return model and optimizer with half-precision weights at level O2."""
        if self.name == "fp32" or self.level != "O2":
            return model, optimizer
        return paddle.amp.decorate(
            models=model,
            optimizers=optimizer,
            level="O2",
            dtype=DTYPES[self.name],
            save_dtype="float32",
        )


def choose(name: str, level: str) -> Precision:
    """Choose what the device can do.

    Args:
        name: 'fp32', 'fp16', 'bf16', or 'auto': bf16 on a GPU that has it, fp16 on another GPU,
            fp32 on a CPU.
        level: 'O1' or 'O2'.

    Raises:
        ValueError: if a name is none of these.
        RuntimeError: if the GPU has no bfloat16.
    """
    if name not in NAMES:
        raise ValueError(
            f"precision must be one of {', '.join(NAMES)}, received {name!r}; PaddleSeg's train "
            "and evaluate take any other for fp32 without a word."
        )
    if level not in ("O1", "O2"):
        raise ValueError(f"amp_level must be O1 or O2, received {level!r}.")
    if not paddle.get_device().startswith("gpu"):
        if name in DTYPES:
            logger.warning(
                f"precision={name!r} has no effect on the CPU: Paddle's automatic mixed precision "
                "computes in fp32 there."
            )
        return Precision("fp32", level)
    has_bfloat16 = paddle.amp.is_bfloat16_supported()
    if name == "auto":
        name = "bf16" if has_bfloat16 else "fp16"
        logger.info(f"precision 'auto': this GPU computes in {name}.")
    if name == "bf16" and not has_bfloat16:
        raise RuntimeError("precision='bf16': this GPU has no bfloat16. Use 'fp16' or 'auto'.")
    return Precision(name, level)
