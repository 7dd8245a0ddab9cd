"""Winograd convolution with 3 × 3 kernels: a quarter of the multiplications, as matrix products.

Direct convolution takes 9 multiplications for each output value and input channel. Winograd (1980) divides
the input into overlapping patches d of t × t positions. From each, with the kernel g, it computes an output
patch of m × m positions, m = t - 2:

    Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A,

with t² multiplications in place of 9 m²: 36 in place of 144 if m = 4. Lavin and Gray (2016) sum over the
channels before the output transform Aᵀ … A; the products ⊙ of all patches and channels are then t² matrix
products.

Derivation: the product of two polynomials, with 3 and with m coefficients, has t coefficients and is
determined by its values at t points. G and A evaluate the two polynomials at these points; B maps the values
of the product to its coefficients. The transpose of this multiplication is the correlation of two rows.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.compute.framework import keras

ops = keras.ops


class Scheme(NamedTuple):
    """The parameters of Winograd convolution in one precision."""

    points: tuple[float, ...]
    """The points at which the polynomials are evaluated, in addition to infinity."""

    channels: int
    """The minimum number of input channels for which this is faster than direct convolution."""


SCHEMES = {
    "float32": Scheme((0.0, 0.75, -0.75, 1.5, -1.5), channels=128),
    "bfloat16": Scheme((0.0, 1.0, -1.0), channels=256),
}
"""The rounding error with the points of float32 is half that with the usual 0, ±1 and ±2, whose transforms
take fewer multiplications. With the 8 significand bits of bfloat16, only m = 2, input patches of 4 × 4, is
accurate enough. Source: the effect of the points: Barabasz, Anderson, Soodhalter and Gregg (2020)."""

LARGEST_OUTPUT_PATCH = max(len(scheme.points) - 1 for scheme in SCHEMES.values())
"""The largest m: the height and width of an output patch, in positions."""


@functools.cache
def transforms(points: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The transforms of input, kernel and output, ``Bᵀ (t, t)``, ``G (t, 3)`` and ``Aᵀ (m, t)``.

    ``points``: the points a_j except infinity. Row j of G evaluates the kernel at a_j and divides by
    Π (a_j - a_l) over l ≠ j; row j of Bᵀ has the coefficients of Π (x - a_l) over l ≠ j; column j of Aᵀ has
    the powers of a_j.
    Source: the Toom–Cook multiplication of polynomials, transposed; see Lavin and Gray (2016), section 4.
    """
    t, m = len(points) + 1, len(points) - 1
    others = [np.delete(points, j) for j in range(t - 1)]
    input_transform = np.zeros((t, t))
    input_transform[:-1, :-1] = [np.poly(rest)[::-1] for rest in others]
    input_transform[-1] = np.poly(points)[::-1]
    divisors = [np.prod(point - rest) for point, rest in zip(points, others, strict=True)]
    evaluation = np.vander(points, 3, increasing=True) / np.transpose([divisors])
    kernel_transform = np.vstack([evaluation, [0, 0, 1]])
    output_transform = np.hstack([np.vander(points, m, increasing=True).T, np.eye(m)[:, -1:]])
    return input_transform, kernel_transform, output_transform


def transformed_kernel(kernel: np.ndarray, points: Sequence[float]) -> np.ndarray:
    """``G g Gᵀ`` for every kernel: ``(3, 3, in, out)`` → ``(t, t, in, out)``."""
    _, g, _ = transforms(points)
    transformed = np.kron(g, g).astype(np.float32) @ kernel.reshape(9, -1)
    return transformed.reshape(len(g), len(g), *kernel.shape[2:])


def convolve(maps: Any, kernel: Any, points: Sequence[float]) -> Any:
    """Convolve feature maps with 3 × 3 kernels and zero padding: ``(1, h, w, in)`` → ``(1, h, w, out)``.

    ``kernel``: the result of ``transformed_kernel``. The gradient with respect to ``maps`` is a Winograd
    convolution too; that with respect to ``kernel``, which is frozen, is not computed but returned as 0.
    """

    @ops.custom_gradient
    def convolved(maps: Any, kernel: Any) -> tuple[Any, Any]:
        def gradient(upstream: Any) -> tuple[Any, Any]:
            return _convolve(upstream, kernel, points, rotated=True), ops.zeros_like(kernel)

        return _convolve(maps, kernel, points), gradient

    # The reshaped kernel is a tensor: TensorFlow would require a gradient for the layer's variable itself.
    return convolved(maps, ops.reshape(kernel, (-1, *kernel.shape[2:])))


class WinogradConvolution(keras.layers.Layer):
    """``Conv2D(filters, 3, padding="same", activation="relu")``, differentiable with respect to its input.

    Its weight is the ``transformed_kernel``: 4 times as many values as the kernel in float32, 1.8 times in
    bfloat16.
    """

    def __init__(self, filters: int, points: Sequence[float], **config: Any) -> None:
        """``filters``: the number of filters; ``points``: see ``transforms``."""
        super().__init__(**config)
        self.filters = filters
        self.points = tuple(points)

    def build(self, shape: Sequence[int | None]) -> None:
        """Create the weights: the transformed kernel ``(t, t, in, out)`` and the bias ``(out,)``."""
        t = len(self.points) + 1
        kernel_shape = (t, t, shape[-1], self.filters)
        self.kernel = self.add_weight(shape=kernel_shape, initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, maps: Any) -> Any:
        """Feature maps ``(1, h, w, in)`` → ``(1, h, w, out)``, after the ReLU."""
        return ops.relu(convolve(maps, self.kernel, self.points) + self.bias)

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """``(1, h, w, in)`` → ``(1, h, w, out)``."""
        return (*shape[:-1], self.filters)


def _convolve(maps: Any, kernel: Any, points: Sequence[float], rotated: bool = False) -> Any:
    # The vector–Jacobian product of a convolution is a convolution with the kernels rotated by 180° and with
    # input and output channels exchanged. Rotating the input and output patches instead has the same effect,
    # and needs no second transformed kernel.
    input_transform, _, output_transform = transforms(points)
    if rotated:
        input_transform, output_transform = input_transform[:, ::-1], output_transform[::-1]
    m = len(output_transform)
    _, height, width, _ = ops.shape(maps)
    rows, columns = (height + m - 1) // m, (width + m - 1) // m
    patch = ops.arange(rows * columns)
    top, left = m * (patch // columns), m * (patch % columns)
    # The indices of each input patch's positions in the padded maps, flattened: (t², patches).
    down, right = np.indices((m + 2, m + 2), dtype=np.int32).reshape(2, -1, 1)
    positions = (columns * m + 2) * (top + down) + (left + right)
    padding = ((0, 0), (1, rows * m - height + 1), (1, columns * m - width + 1), (0, 0))
    padded = ops.pad(maps, padding)
    patches = ops.take(ops.reshape(padded, (-1, maps.shape[-1])), positions, axis=0)
    transformed = _applied(np.kron(input_transform, input_transform), patches)
    products = ops.matmul(transformed, ops.transpose(kernel, (0, 2, 1)) if rotated else kernel)
    outputs = _applied(np.kron(output_transform, output_transform), products)
    filters = outputs.shape[-1]
    outputs = ops.transpose(ops.reshape(outputs, (m, m, rows, columns, filters)), (2, 0, 3, 1, 4))
    return ops.reshape(outputs, (1, rows * m, columns * m, filters))[:, :height, :width]


def _applied(matrix: np.ndarray, patches: Any) -> Any:
    """A matrix ``(p, q)`` times every flattened patch: ``(q, patches, channels)`` → ``(p, …)``."""
    channels = patches.shape[-1]
    flat = ops.reshape(patches, (matrix.shape[1], -1))
    return ops.reshape(ops.matmul(ops.cast(matrix, patches.dtype), flat), (len(matrix), -1, channels))
