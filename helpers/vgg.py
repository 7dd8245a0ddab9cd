"""VGG19: the network in whose feature maps content and style are measured.

It is VGG19 without its fully connected layers and with average pooling in place of max pooling, as in Gatys,
Ecker and Bethge (2015). Its weights are not trained further.
"""

import functools
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from helpers.compute import winograd
from helpers.compute.framework import check_process, keras, keras_defaults
from helpers.compute.precision import uses_winograd
from helpers.errors import check_choice
from helpers.files.bundled import bundled_images
from helpers.images import load_image, preprocess
from helpers.layers import (
    CONV_LAYERS,
    LAYERS,
    POOL_LAYERS,
    STYLE_LAYERS,
    Pooling,
    filters,
    layer_name,
    layer_names,
    layers_up_to,
)
from helpers.options import Precision
from helpers.weights import Kernels, kernels_of, resolve_weights

MEAN_ACTIVATIONS = Path(__file__).with_name("data") / "vgg19_mean_activations.npz"

FLOAT32_LAYERS = ("block1_conv1",)
"""The layers that compute in float32 whatever the precision."""


def vgg19(
    weights: str | os.PathLike = "auto",
    pooling: Pooling = "avg",
    normalized: bool = False,
    precision: Precision = "float32",
    direct: bool = True,
) -> keras.Model:
    """VGG19 without its fully connected layers, frozen: pixels ``(1, H, W, 3)`` → ``block5_pool``.

    ``weights``: ``"imagenet"`` (the file of Keras, downloaded if it is not cached), ``"bundled"`` (the same
    weights with kernels quantized to 8 bits, part of this package), ``"auto"`` (``"imagenet"`` if cached,
    else ``"bundled"``), ``"random"`` (seeded), or the path of a Keras weights file.
    ``pooling``: ``"avg"``, as in the paper, or ``"max"``, as trained.
    ``normalized``: scale each filter so that its mean activation over the bundled pictures is 1. The next
    layer's weights are scaled inversely, so nothing else changes.
    ``precision``: what it computes in. ``direct``: ``False`` computes the ``winograd_layers`` by Winograd
    convolution, which is faster. Its rounding errors differ, and a gradient that would be exactly 0 may be
    slightly different from 0.

    Calls with the same arguments return the same model.
    Raises ``ArgumentError`` for unknown weights, pooling or precision, ``MissingFileError`` for a missing
    file, and ``WeightsError`` for a file that is damaged, holds another network, or cannot be downloaded.
    Source: Simonyan and Zisserman (2015), configuration E; average pooling: Gatys, Ecker and Bethge
    (2015); normalization: their "Texture synthesis using convolutional neural networks" (2015).
    """
    check_process()
    check_choice("The precision", precision, get_args(Precision))
    check_choice("Pooling", pooling, get_args(Pooling))
    by_winograd = () if direct else winograd_layers(precision)
    return _vgg19(resolve_weights(weights), pooling, bool(normalized), precision, by_winograd)


@functools.lru_cache(maxsize=8)
def _vgg19(
    weights: str, pooling: Pooling, normalized: bool, precision: Precision, by_winograd: tuple[str, ...]
) -> keras.Model:
    network = _architecture(pooling, precision, by_winograd)
    kernels = kernels_of(weights)
    if normalized and weights in ("imagenet", "bundled"):
        with np.load(MEAN_ACTIVATIONS, allow_pickle=False) as stored:
            kernels = normalize_filters(kernels, {name: stored[f"{pooling}/{name}"] for name in CONV_LAYERS})
    elif normalized:
        kernels = normalize_filters(kernels, measured_means(weights, pooling))
    for name, kernel, bias in kernels:
        layer = network.get_layer(name)
        if name in by_winograd:
            kernel = winograd.transformed_kernel(kernel, winograd.SCHEMES[precision].points)
        elif layer.compute_dtype == "bfloat16":
            kernel = in_bfloat16(kernel)
        layer.set_weights((kernel, bias))
    network.trainable = False
    return network


def _architecture(pooling: Pooling, precision: Precision, by_winograd: Sequence[str]) -> keras.Model:
    """VGG19 for images of any size, without weights."""
    pool = {"avg": keras.layers.AveragePooling2D, "max": keras.layers.MaxPooling2D}[pooling]
    pixels = features = keras.Input((None, None, 3), dtype="float32")
    for name in LAYERS:
        settings = {"name": name, "dtype": "float32" if name in FLOAT32_LAYERS else precision}
        if name in POOL_LAYERS:
            layer = pool(2, data_format="channels_last", **settings)
        elif name in by_winograd:
            points = winograd.SCHEMES[precision].points
            layer = winograd.WinogradConvolution(filters(name), points, **settings)
        else:
            settings |= {"padding": "same", "activation": "relu", "kernel_initializer": "zeros"}
            layer = keras.layers.Conv2D(filters(name), 3, data_format="channels_last", **settings)
        features = layer(features)
    return _model(pixels, features, "vgg19")


def feature_model(
    layers: str | Sequence[str],
    weights: str | os.PathLike = "auto",
    pooling: Pooling = "avg",
    normalized: bool = False,
    precision: Precision = "float32",
    direct: bool = True,
) -> keras.Model:
    """The part of VGG19 that computes the feature maps of some layers, and nothing after them.

    Returns a model: pixels ``(1, H, W, 3)`` → dict ``{layer: feature maps (1, h, w, N)}`` with the names of
    ``layers`` as keys. Feature maps of convolution layers are taken after the ReLU. All models with the same
    arguments but ``layers`` share their weights. The other arguments are those of ``vgg19``; whatever the
    ``precision``, the feature maps returned are ``float32``.

    Raises the errors of ``vgg19`` and ``layer_names``.
    """
    names = [layers] if isinstance(layers, str) else list(layers)
    layer_names(names)
    network = vgg19(weights, pooling, normalized, precision, direct)
    return _model(network.input, _outputs(network, names))


def split_model(cut: str, layers: Iterable[str], *network: Any) -> tuple[keras.Model, keras.Model]:
    """``feature_model`` as two models, of the layers before and after a cut. ``network``: as in ``vgg19``.

    Returns two models: pixels → ``{layer: feature maps}`` of the layers before ``cut``, and of ``cut`` itself
    in the network's precision; feature maps of ``cut`` → ``{layer: feature maps}`` of the rest of ``layers``.
    """
    whole = vgg19(*network)
    at_cut = whole.get_layer(cut).output
    names = list(layers)
    before = [name for name in names if name in LAYERS[: LAYERS.index(cut)]]
    after = [name for name in names if name not in before]
    return (
        _model(whole.input, {**_outputs(whole, before), cut: at_cut}),
        _model(at_cut, _outputs(whole, after)),
    )


def winograd_layers(precision: Precision) -> tuple[str, ...]:
    """The layers that ``feature_model`` computes by Winograd convolution on this machine.

    These are the layers with many input channels, see ``uses_winograd``, up to the deepest style layer:
    deeper layers are rarely used, and their transformed kernels would take memory.
    """
    inputs = itertools.pairwise(("block1_conv1", *CONV_LAYERS))
    used = layers_up_to(STYLE_LAYERS)
    return tuple(
        name for before, name in inputs if name in used and uses_winograd(filters(before), precision)
    )


def _model(inputs: Any, outputs: Any, name: str = "vgg19_features") -> keras.Model:
    # A model has a policy of its own besides those of its layers, which would be the user's.
    with keras_defaults():
        return keras.Model(inputs, outputs, name=name)


def _outputs(network: keras.Model, layers: Iterable[str]) -> dict[str, Any]:
    outputs = {layer: network.get_layer(layer_name(layer)).output for layer in layers}
    return {layer: keras.ops.cast(output, "float32") for layer, output in outputs.items()}


def mean_activations(network: keras.Model, images: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """The mean activation of every filter over images and positions: ``{layer: (N,)}``.

    ``images``: ``float32 (H, W, 3)`` each. Every position has the same weight, so large images count more.
    """
    model = _model(network.input, _outputs(network, CONV_LAYERS))
    totals = dict.fromkeys(CONV_LAYERS, 0.0)
    for image in images:
        for name, features in model(preprocess(image)).items():
            maps = keras.ops.convert_to_numpy(features)
            sums = maps.sum(axis=(0, 1, 2), dtype=np.float64)
            totals[name] = totals[name] + np.append(sums, maps.shape[1] * maps.shape[2])
    return {name: (total[:-1] / total[-1]).astype(np.float32) for name, total in totals.items()}


LEAST_MEAN = 0.2
"""The least mean activation by which a filter is divided, as a fraction of the median of its layer.

The means are measured over few pictures, and a filter with activations near 0 in these may have the largest
in others.
One of conv2_1 has a mean of 0.015 medians over the bundled pictures and of 0.8 over an orange flower before
teal, where its normalized activations would be 54 times the others' and their squares the whole style loss.
"""


def normalize_filters(kernels: Kernels, means: Mapping[str, np.ndarray]) -> Kernels:
    """Scale every filter to mean activation 1 and leave the network otherwise as it is.

    ``means``: ``{layer: (out,)}``. Kernel and bias of a filter are divided by its mean activation; the next
    layer's weights for this input channel are multiplied by it. Departure from the source: a mean below
    ``LEAST_MEAN`` times the median of its layer counts as that much.
    """
    input_means = np.ones(3, dtype=np.float32)
    for name, kernel, bias in kernels:
        mean = np.maximum(means[name], LEAST_MEAN * np.median(means[name])).astype(np.float32)
        mean = np.where(mean > 0, mean, np.float32(1))
        yield name, kernel * input_means[:, np.newaxis] / mean, bias / mean
        input_means = mean


def in_bfloat16(kernel: np.ndarray) -> np.ndarray:
    """A kernel ``float32 (3, 3, in, out)`` rounded to bfloat16 by error diffusion over its 3 × 3 entries.

    The rounding error of each entry is added to the next entry before that is rounded, so the errors nearly
    cancel in the sum of the nine. Neighboring positions of feature maps have similar activations, so the
    error of a convolution is mostly that of this sum. If each entry is rounded to nearest, the loss of a
    transfer is 0.1 % too low; with error diffusion it is wrong by 0.05 % at most.
    Source: Floyd and Steinberg (1976), who round the gray levels of an image in this way.
    """
    rounded = np.empty_like(kernel)
    error = np.zeros_like(kernel[0, 0])
    # Row by row in alternating direction, so that consecutive entries are neighbors.
    for entry in ((0, 0), (0, 1), (0, 2), (1, 2), (1, 1), (1, 0), (2, 0), (2, 1), (2, 2)):
        corrected = kernel[entry] + error
        in_bits = keras.ops.cast(corrected, "bfloat16")
        rounded[entry] = keras.ops.convert_to_numpy(keras.ops.cast(in_bits, "float32"))
        error = corrected - rounded[entry]
    return rounded


def measured_means(weights: str, pooling: Pooling) -> dict[str, np.ndarray]:
    """``mean_activations`` over all bundled pictures, scaled to a shorter side of 256 pixels."""
    paths = [path for kind in ("content", "style", "texture") for path in bundled_images(kind)]
    images = (load_image(path, size=256) for path in paths)
    return mean_activations(vgg19(weights, pooling), images)


class FeatureExtractor(NamedTuple):
    """Which feature extractor an objective uses: the arguments of ``vgg19``."""

    weights: str = "auto"
    pooling: Pooling = "avg"
    normalized: bool = False
    precision: Precision = "float32"
    direct: bool = False
