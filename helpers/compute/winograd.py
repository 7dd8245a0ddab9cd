"""3 × 3 convolutions with a quarter of the multiplications, as products of matrices.

A kernel slid over a picture multiplies 9 times for each number it gives. Winograd (1980) cuts the picture
into overlapping squares d of t × t positions and computes m × m results of each, m = t - 2, by

    Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A,

with t² products in place of 9 m²: 36 for 144 where m = 4. Lavin and Gray (2016) sum over the channels before
the last step, so that the products of all squares and channels are t² products of matrices.

Why: the product of two polynomials, of 3 and of m coefficients, has t coefficients and is known by its values
at t points. G and A evaluate the two at the points, B leads from the values of the product back to its
coefficients. Transposed, the same matrices slide the one row over the other.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.compute.framework import keras, with_gradient

ops = keras.ops


class Scheme(NamedTuple):
    """How a convolution is computed in one precision."""

    points: tuple[float, ...]
    """Where the polynomials are evaluated, besides at infinity."""

    channels: int
    """The fewest channels of the input for which this is faster than a direct convolution."""


SCHEMES = {
    "float32": Scheme((0.0, 0.75, -0.75, 1.5, -1.5), channels=128),
    "bfloat16": Scheme((0.0, 1.0, -1.0), channels=256),
}
"""The points of float32 round half as much as 0, ±1 and ±2, which others take to save multiplications; that
the points matter: Barabasz, Anderson, Soodhalter and Gregg (2020). The 8 digits of bfloat16 bear squares of
4 × 4 only, with m = 2."""

LARGEST_SQUARE = max(len(scheme.points) - 1 for scheme in SCHEMES.values())
"""How many results a square has along each side, at most: m."""


@functools.cache
def transforms(points: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrices ``Bᵀ (t, t)``, ``G (t, 3)`` and ``Aᵀ (m, t)`` for some points and infinity.

    Row j of G evaluates the kernel at point j, divided by Π (a_j - a_l) over the others; row j of Bᵀ holds
    the coefficients of Π (x - a_l) over the others; column j of Aᵀ the powers of a_j. Source: Cook and Toom's
    multiplication of polynomials, transposed; see Lavin and Gray (2016), section 4.
    """
    t, m = len(points) + 1, len(points) - 1
    others = [np.delete(points, j) for j in range(t - 1)]
    into = np.zeros((t, t))
    into[:-1, :-1] = [np.poly(rest)[::-1] for rest in others]
    into[-1] = np.poly(points)[::-1]
    divisors = [np.prod(point - rest) for point, rest in zip(points, others, strict=True)]
    kernel = np.vstack([np.vander(points, 3, increasing=True) / np.transpose([divisors]), [0, 0, 1]])
    back = np.hstack([np.vander(points, m, increasing=True).T, np.eye(m)[:, -1:]])
    return into, kernel, back


def transformed_kernel(kernel: np.ndarray, points: Sequence[float]) -> np.ndarray:
    """``G g Gᵀ`` of every kernel: ``(3, 3, in, out)`` → ``(t, t, in, out)``."""
    _, g, _ = transforms(points)
    evaluated = np.kron(g, g).astype(np.float32) @ kernel.reshape(9, -1)
    return evaluated.reshape(len(g), len(g), *kernel.shape[2:])


def convolve(maps: Any, kernel: Any, points: Sequence[float]) -> Any:
    """Slide a 3 × 3 kernel over feature maps with a border of zeros: ``(n, h, w, in)`` → ``(n, h, w, out)``.

    ``kernel``: see ``transformed_kernel``. The gradient is computed in the same way and is that with respect
    to ``maps`` alone.
    """

    @with_gradient
    def convolved(maps: Any, kernel: Any) -> tuple[Any, Any]:
        grid = _grid(maps, len(points) - 1)

        def gradient(slope: Any) -> tuple[Any, Any]:
            return _convolve(slope, kernel, points, grid, turned=True), ops.zeros_like(kernel)

        return _convolve(maps, kernel, points, grid), gradient

    # A tensor of the t² matrices, not the layer's variable, which TensorFlow would want a gradient of.
    return convolved(maps, ops.reshape(kernel, (-1, *kernel.shape[2:])))


class WinogradConvolution(keras.layers.Layer):
    """``Conv2D(filters, 3, padding="same", activation="relu")``; its gradient is that of its input alone.

    In place of the kernel it holds ``transformed_kernel``, 4 times its numbers in float32, 1.8 in bfloat16.
    """

    def __init__(self, filters: int, points: Sequence[float], **config: Any) -> None:
        """``filters``: how many; ``points``: see ``transforms``."""
        super().__init__(**config)
        self.filters = filters
        self.points = tuple(points)

    def build(self, shape: Sequence[int | None]) -> None:
        """Make room for the weights: the transformed kernel ``(t, t, in, out)`` and the bias ``(out,)``."""
        t = len(self.points) + 1
        of_kernel = (t, t, shape[-1], self.filters)
        self.kernel = self.add_weight(shape=of_kernel, initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, maps: Any) -> Any:
        """Feature maps ``(n, h, w, in)`` → ``(n, h, w, out)``, none below 0."""
        return ops.relu(convolve(maps, self.kernel, self.points) + self.bias)

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """``(n, h, w, in)`` → ``(n, h, w, out)``."""
        return (*shape[:-1], self.filters)


class _Grid(NamedTuple):
    """The squares of some maps: of a map and its gradient they are the same."""

    count: Any
    height: Any
    width: Any
    rows: Any
    columns: Any
    positions: Any
    """Where the positions of every square lie in the list of all, within a border: ``(t², squares)``."""


def _grid(maps: Any, m: int) -> _Grid:
    count, height, width, _ = ops.shape(maps)
    rows, columns = (height + m - 1) // m, (width + m - 1) // m
    square = ops.arange(count * rows * columns)
    row, column = square // columns, square % columns
    # Every picture has 2 rows beside those of its squares: its border.
    row = m * row + 2 * (row // rows)
    wide = columns * m + 2
    down, across = (each.reshape(-1, 1) for each in np.indices((m + 2, m + 2), dtype=np.int32))
    positions = wide * (row + down) + (m * column + across)
    return _Grid(count, height, width, rows, columns, positions)


def _convolve(maps: Any, kernel: Any, points: Sequence[float], grid: _Grid, turned: bool = False) -> Any:
    # The gradient of a convolution slides the same kernel turned by half a circle, from its outputs to its
    # inputs. In place of the kernel the squares are turned, going in and coming back.
    into, _, back = transforms(points)
    if turned:
        into, back = into[:, ::-1], back[::-1]
    m = len(back)
    count, height, width, rows, columns, positions = grid
    down, right = rows * m - height + 1, columns * m - width + 1
    bordered = ops.pad(maps, ((0, 0), (1, down), (1, right), (0, 0)))
    squares = ops.take(ops.reshape(bordered, (-1, maps.shape[-1])), positions, axis=0)
    transformed = _applied(np.kron(into, into), squares)
    products = ops.matmul(transformed, ops.transpose(kernel, (0, 2, 1)) if turned else kernel)
    results = _applied(np.kron(back, back), products)
    filters = results.shape[-1]
    results = ops.transpose(ops.reshape(results, (m, m, count, rows, columns, filters)), (2, 3, 0, 4, 1, 5))
    return ops.reshape(results, (count, rows * m, columns * m, filters))[:, :height, :width]


def _applied(matrix: np.ndarray, squares: Any) -> Any:
    """A matrix ``(p, q)`` applied to every square and channel: ``(q, squares, channels)`` → ``(p, …)``."""
    channels = squares.shape[-1]
    flat = ops.reshape(squares, (matrix.shape[1], -1))
    return ops.reshape(ops.matmul(ops.cast(matrix, squares.dtype), flat), (len(matrix), -1, channels))
