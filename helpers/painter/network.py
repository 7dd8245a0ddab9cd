"""The network of a painter, its file, and the forward pass that paints.

Source: Johnson, Alahi and Fei-Fei (2016), "Perceptual losses for real-time style transfer and
super-resolution". Departures: 206,000 parameters in place of 1.7 million; bilinear enlargement, since others
leave a grid; the feature maps before a reduction are added after the enlargement, which keeps details; a
linear output, since tanh saturates; instance normalization in place of batch normalization.
"""

import dataclasses
import functools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.compute.framework import compiled, keras, keras_defaults
from helpers.engine.memory import GB, HEADROOM, free_memory
from helpers.errors import (
    ArgumentError,
    MissingFileError,
    PictureError,
    TooLargeError,
    WeightsError,
    check_number,
    shown,
)
from helpers.files.arrays import read_arrays, write_arrays
from helpers.files.bundled import PAINTERS, bundled_painters
from helpers.images import deprocess, load_image, preprocess

ops = keras.ops

NOISE = 19.0
"""The standard deviation of the white noise that is added to a photo, in gray levels."""

BYTES_PER_PIXEL = 450
"""The memory that painting takes, per pixel. Measured: 400 to 430 with TensorFlow on a CPU."""

Normalize = Callable[[Any, Any, Any], Any]


def instance_normalization(maps: Any, scale: Any, offset: Any) -> Any:
    """Scale · (x − μ) / √(σ² + 10⁻⁵) + offset, for each feature map of each picture by itself.

    ``maps``: ``(B, h, w, N)``; μ and σ² are the mean and the variance over the h·w positions of one map.
    ``scale``, ``offset``: ``(B, 1, 1, N)`` or ``(N,)``. Returns the shape of ``maps``.
    Source: Ulyanov, Vedaldi and Lempitsky (2016), "Instance normalization: the missing ingredient for fast
    stylization".
    """
    mean, variance = ops.moments(maps, axes=(1, 2), keepdims=True)
    return scale * (maps - mean) / ops.sqrt(variance + 1e-5) + offset


class ConditionalNormalization(keras.layers.Layer):
    """Instance normalization whose scale and offset are linear in ``strength``.

    Source: Babaeizadeh and Ghiasi (2020), "Adjustable real-time style transfer".
    """

    def __init__(self, normalize: Normalize) -> None:
        """``normalize``: see ``painter_network``."""
        super().__init__()
        self.normalize = normalize

    def build(self, shapes: Sequence[Any]) -> None:
        """Create the four weights, ``(N,)`` each."""
        for name in ("scale", "scale_slope", "offset", "offset_slope"):
            initializer = "ones" if name == "scale" else "zeros"
            setattr(self, name, self.add_weight((shapes[0][-1],), initializer, name=name))

    def call(self, inputs: Sequence[Any]) -> Any:
        """``[maps, strength]`` → normalized maps."""
        maps, strength = inputs[0], ops.reshape(inputs[1], (-1, 1, 1, 1))
        scale, offset = self.scale + strength * self.scale_slope, self.offset + strength * self.offset_slope
        return self.normalize(maps, scale, offset)

    def compute_output_shape(self, shapes: Sequence[Any]) -> Any:
        """The shape of the maps."""
        return shapes[0]


@keras_defaults()
def painter_network(normalize: Normalize = instance_normalization, seed: int = 0) -> keras.Model:
    """The network with random weights: ``[pixels, strength]`` → pixels.

    Two convolutions of stride 2, four residual blocks at a quarter of the resolution, two enlargements.
    Pixels are ``(B, H, W, 3)``, H and W multiples of 4 and at least 8; ``strength`` is ``(B, 1)``, see
    ``painting_strength``. ``normalize``: takes the arguments of ``instance_normalization``. ``seed``: of the
    weights.
    """
    seeds = np.random.default_rng(seed)

    def convolution(maps: Any, filters: int, **options: Any) -> Any:
        initializer = keras.initializers.GlorotUniform(int(seeds.integers(2**31)))
        return keras.layers.Conv2D(filters, 3, kernel_initializer=initializer, **options)(maps)

    pixels, strength = keras.Input((None, None, 3)), keras.Input((1,))

    def padded(maps: Any, after: int = 1) -> Any:
        # Zeros beyond the border would be painted as an edge.
        return ops.pad(maps, ((0, 0), (1, after), (1, after), (0, 0)), mode="reflect")

    def convolved(maps: Any, filters: int, stride: int = 1, activation: str | None = "relu") -> Any:
        maps = convolution(padded(maps), filters, strides=stride, use_bias=False)
        return keras.layers.Activation(activation)(ConditionalNormalization(normalize)([maps, strength]))

    def enlarged(maps: Any) -> Any:
        # Twice the mean of 2 × 2 makes bilinear what UpSampling2D repeats; its own is for known sizes only.
        maps = keras.layers.UpSampling2D(2)(maps)
        maps = ops.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
        return mean_of_four(mean_of_four(maps))

    mean_of_four = keras.layers.AveragePooling2D(2, strides=1)

    whole = convolved(pixels / 128, 16)
    half = convolved(whole, 32, stride=2)
    maps = convolved(half, 48, stride=2)
    for _ in range(4):
        maps = maps + convolved(convolved(maps, 48), 48, activation=None)
    maps = convolved(enlarged(maps), 32) + half
    maps = convolved(enlarged(maps), 16) + whole
    # VGG19's pooling hardly sees a fine checkerboard, which conv1_1 likes; a mean of 2 × 2 pixels has none.
    output = mean_of_four(convolution(padded(maps, after=2), 3))
    return keras.Model([pixels, strength], 128 * output, name="painter")


@dataclasses.dataclass(frozen=True)
class Painter:
    """A trained network, and how it was trained."""

    network: keras.Model
    """See ``painter_network``."""

    settings: Mapping[str, Any]
    """JSON-ready: the arguments of ``train_painter``, the inputs' checksums, the steps taken."""

    @functools.cached_property
    def forward(self) -> Callable[[Any, Any], Any]:
        """(pixels, strength) → pixels: ``network``, compiled, which needs a quarter of the memory."""
        return compiled(lambda pixels, strength: self.network([pixels, strength]))

    def save(self, path: str | os.PathLike) -> Path:
        """Write the painter to an ``.npz`` file, its weights as float16; ``load_painter`` reads it.

        Raises ``ArgumentError`` for another ending, and the errors of ``atomic_write``.
        """
        check_painter_name(path)
        weights = {f"{n:02}": w.astype(np.float16) for n, w in enumerate(self.network.get_weights())}
        write_arrays(Path(path), self.settings, weights)
        return Path(path)


def check_painter_name(path: str | os.PathLike) -> None:
    """Raise ``ArgumentError`` unless the name of a file ends in ``.npz``."""
    if Path(path).suffix != ".npz":
        raise ArgumentError(f"{path}: a painter's name ends in .npz.")


def load_painter(source: Any, normalize: Normalize = instance_normalization) -> Painter:
    """A painter by the name of a bundled one, or from the file that ``Painter.save`` wrote.

    ``normalize``: see ``painter_network``. Raises ``ArgumentError`` for another kind of source,
    ``MissingFileError``, and ``WeightsError`` for a file that is damaged, was changed or holds other arrays.
    """
    if isinstance(source, Painter):
        return source
    if not isinstance(source, (str, os.PathLike)):
        raise ArgumentError(f"A painter is a name, a file or a Painter, not {shown(source)}.")
    path = PAINTERS / f"{source}.npz" if source in bundled_painters() else Path(source)
    if not path.is_file():
        names = ", ".join(bundled_painters()) or "none"
        raise MissingFileError(f"There is no painter {os.fspath(source)}; bundled are: {names}.")
    network = painter_network(normalize)
    try:
        settings, arrays = read_arrays(path, most_bytes=4e6)
        weights = [arrays[name].astype(np.float32) for name in sorted(arrays)]
        if not all(np.isfinite(weight).all() for weight in weights):
            raise ValueError("a weight is not a finite number")
        network.set_weights(weights)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} is not a painter, is damaged, or was changed: train it again.") from error
    return Painter(network, settings)


def paint(
    content: Any, painter: Any, *, size: int | None = None, style_weight: float = 50.0, seed: int = 0
) -> np.ndarray:
    """Paint a photo in one forward pass.

    ``content``: whatever ``load_image`` accepts; ``size``: shorter side of the result, ``None`` keeps it.
    ``painter``: a ``Painter`` or what ``load_painter`` accepts. ``style_weight``: β as in ``transfer``, 5 to
    500; others count as the nearest of these. ``seed``: of the noise that is added to the photo: from an even
    sky alone, a network has nothing to make marks of.

    Returns ``uint8 (H, W, 3)``, RGB. Raises ``PictureError`` for a side of 1 pixel, ``TooLargeError`` where
    the memory is too small, ``ArgumentError``, and as ``load_image`` and ``load_painter`` do.
    """
    painter = _bundled(painter) if painter in bundled_painters() else load_painter(painter)
    image = load_image(content, size)
    height, width = image.shape[:2]
    if min(height, width) == 1:
        raise PictureError(f"A painter needs two pixels a side or more; this picture is {width} × {height}.")
    needed, free = BYTES_PER_PIXEL * height * width, HEADROOM * free_memory()
    if needed > free:
        fits = int(min(height, width) * math.sqrt(free / needed))
        raise TooLargeError(
            f"A picture of {width} × {height} pixels needs {needed / GB:.1f} GB of memory, and "
            f"{free / GB:.1f} GB are free; a shorter side of {fits} would fit."
        )
    pixels = with_noise(preprocess(_enlarged_border(image)), np.random.default_rng(seed))
    painted = ops.convert_to_numpy(painter.forward(pixels, painting_strength(style_weight)))
    return deprocess(painted[:, :height, :width])


@functools.cache
def _bundled(name: str) -> Painter:
    """A bundled painter, kept: building and compiling it takes longer than to paint."""
    return load_painter(name)


def painting_strength(style_weight: float) -> np.ndarray:
    """The network's second input: log₁₀(β / 50), at least −1 and at most 1. ``float32 (1, 1)``.

    Raises ``ArgumentError`` for a β below 0.
    """
    check_number("The weight of the style, β,", style_weight)
    return np.full((1, 1), math.log10(min(max(style_weight, 5), 500) / 50), np.float32)


def with_noise(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Pixels plus white noise of standard deviation ``NOISE``.

    Source: Ulyanov et al. (2016), "Texture networks", whose networks make a texture of noise alone.
    """
    return pixels + NOISE * generator.standard_normal(pixels.shape, dtype=np.float32)


def _enlarged_border(image: np.ndarray) -> np.ndarray:
    """An image, mirrored below and to the right up to sides that are multiples of 4, and at least 8."""
    more = [max(8, 4 * math.ceil(length / 4)) - length for length in image.shape[:2]]
    return np.pad(image, ((0, more[0]), (0, more[1]), (0, 0)), mode="symmetric")
