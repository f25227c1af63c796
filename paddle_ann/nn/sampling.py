"""Pyramid sampling: S = sum of s^2 averages of a feature map (paper section 3.3, figure 4).

Adaptive average pooling is separable: a bin's average is an average over columns and then over
rows. Written as two products with small matrices it reads the map once for all pool sizes, and an
exported graph holds no adaptive pooling and takes any H and W at run time.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import paddle
from paddle import Tensor, nn


def averaging_matrix(length: int | Tensor, size: int, dtype: paddle.dtype) -> Tensor:
    """Make the matrix that averages `length` values into `size` bins.

    Bin i covers floor(i * length / size) up to, not including, ceil((i + 1) * length / size): the
    bins of `adaptive_avg_pool`. They overlap where `size` does not divide `length`, and repeat
    where `size` is larger.

    Args:
        length: the number of values, at least 1; a 0-D integer tensor in a graph of dynamic size.
        size: the number of bins, at least 1.
        dtype: the floating dtype of the result.

    Returns:
        (size, length); each row sums to 1.
    """
    bins = paddle.arange(size, dtype="int64").unsqueeze(1)
    start = bins * length // size
    end = ((bins + 1) * length + (size - 1)) // size
    position = paddle.arange(length, dtype="int64").unsqueeze(0)
    inside = paddle.logical_and(position >= start, position < end)
    return inside.astype(dtype) / (end - start).astype(dtype)


def sample_pyramid(x: Tensor, pool_sizes: Sequence[int]) -> Tensor:
    """Average a map into grids of s x s for every s of `pool_sizes`.

    One product averages the columns for all sizes, a second the rows of that small result; the
    grids are its diagonal blocks. The other blocks cost less than taking them out first would.

    Args:
        x: (N, C, H, W), H and W at least 1.
        pool_sizes: the grid sizes, each at least 1.

    Returns:
        (N, C, S), S = sum of s^2; the grids one behind the other, each in row-major order.
    """
    sizes = tuple(pool_sizes)
    if paddle.in_dynamic_mode():
        rows, columns = (_matrices(n, sizes, x.dtype, str(x.place)) for n in x.shape[2:])
    else:
        shape = paddle.shape(x)
        rows, columns = (averaging_matrices(shape[i], sizes, x.dtype) for i in (2, 3))
    strips = multiply_rows(x, columns)
    bins = paddle.matmul(strips, rows, transpose_x=True, transpose_y=True)
    grids, start = [], 0
    for size in sizes:
        block = bins[:, :, start : start + size, start : start + size]
        grids.append(block.transpose([0, 1, 3, 2]).flatten(2))
        start += size
    return paddle.concat(grids, axis=-1)


def multiply_rows(x: Tensor, matrix: Tensor) -> Tensor:
    """Multiply every row of a map with a matrix.

    Args:
        x: (N, C, H, W).
        matrix: (M, W).

    Returns:
        (N, C, H, M).
    """
    if paddle.in_dynamic_mode():
        return paddle.matmul(x, matrix, transpose_y=True)
    # Paddle Inference 3.3.1 with oneDNN, its default, multiplies a convolution's 4-D output as if
    # its values were in another order, silently. A reshape brings them into the right one.
    product = paddle.matmul(x.flatten(1, 2), matrix, transpose_y=True)
    return product.reshape([0, x.shape[1], paddle.shape(x)[2], paddle.shape(matrix)[0]])


def averaging_matrices(length: int | Tensor, sizes: tuple[int, ...], dtype: paddle.dtype) -> Tensor:
    """Stack the averaging matrices of several sizes: (sum of sizes, length)."""
    return paddle.concat([averaging_matrix(length, size, dtype) for size in sizes])


@functools.lru_cache(maxsize=64)
def _matrices(length: int, sizes: tuple[int, ...], dtype: paddle.dtype, place: str) -> Tensor:
    """Keep the matrices of recent sizes; a constant of the map's size, type and device."""
    with paddle.no_grad(), paddle.amp.auto_cast(enable=False):
        return averaging_matrices(length, sizes, dtype)


class PyramidSampling(nn.Layer):
    """Sample a feature map at a few scales; the anchors that every position attends to.

    Args:
        pool_sizes: grid sizes, e.g. the paper's (1, 3, 6, 8), which give S = 110.

    Raises:
        TypeError: if `pool_sizes` is no sequence of integers.
        ValueError: if it is empty or a size is below 1.
    """

    def __init__(self, pool_sizes: Sequence[int] = (1, 3, 6, 8)) -> None:
        super().__init__()
        self.pool_sizes = check_pool_sizes(pool_sizes)

    @property
    def num_positions(self) -> int:
        """S, the number of sampled positions."""
        return sum(s * s for s in self.pool_sizes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, S), equal to `adaptive_avg_pool2d` for every size."""
        return sample_pyramid(x, self.pool_sizes)

    def extra_repr(self) -> str:
        """Show the pool sizes when the layer is printed."""
        return f"pool_sizes={self.pool_sizes}, num_positions={self.num_positions}"


def check_pool_sizes(pool_sizes: Sequence[int]) -> tuple[int, ...]:
    """Return `pool_sizes` as a tuple, or raise an error that names what is wrong with it."""
    rule = "pool_sizes (psp_size in YAML) must be integers of at least 1, e.g. (1, 3, 6, 8)"
    if isinstance(pool_sizes, str) or not isinstance(pool_sizes, Sequence):
        raise TypeError(f"{rule}; received {pool_sizes!r} of type {type(pool_sizes).__name__}.")
    if any(isinstance(s, bool) or not isinstance(s, int) for s in pool_sizes):
        raise TypeError(f"{rule}; received {list(pool_sizes)!r}.")
    if not pool_sizes or min(pool_sizes) < 1:
        raise ValueError(f"{rule}; received {list(pool_sizes)!r}.")
    return tuple(pool_sizes)
