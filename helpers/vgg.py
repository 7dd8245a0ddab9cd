"""VGG19: the network whose feature maps see content and style.

It comes from ``keras.applications`` without its fully connected layers, with average pooling in place of
max pooling, as in Gatys, Ecker and Bethge (2015), and its weights never change.
"""

import functools
import gc
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from helpers.compute import winograd
from helpers.compute.framework import keras
from helpers.compute.precision import uses_winograd
from helpers.errors import ArgumentError, check_choice, shown
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
from helpers.weights import Kernels, keras_vgg19, kernels_of, resolve_weights

MEAN_ACTIVATIONS = Path(__file__).with_name("data") / "vgg19_mean_activations.npz"

FLOAT32_LAYERS = ("block1_conv1",)
"""What computes in float32 whatever the precision."""


def vgg19(
    weights: str | os.PathLike = "auto", pooling: Pooling = "avg", normalized: bool = False
) -> keras.Model:
    """VGG19 without its fully connected layers, frozen: pixels ``(1, H, W, 3)`` → ``block5_pool``.

    ``weights``: ``"imagenet"`` (what Keras has cached, else downloads), ``"bundled"`` (the same weights,
    each kernel in 8-bit codes, part of this package), ``"auto"`` (Keras' file if it is cached, else the
    bundled ones), ``"random"`` (seeded), or the path of a Keras weights file.
    ``pooling``: ``"avg"``, as in the paper, or ``"max"``, as trained.
    ``normalized``: scale each filter so that its mean activation over the bundled pictures is 1. What the
    network computes is otherwise unchanged: the next layer's input channels are scaled back.

    The same arguments give the same model. Raises ``ArgumentError`` for other weights or pooling,
    ``MissingFileError`` for a missing file, and ``WeightsError`` for one that is damaged or of another
    network, or that cannot be downloaded.
    Source: Simonyan and Zisserman (2015), configuration E; average pooling: Gatys, Ecker and Bethge
    (2015); normalization: their "Texture synthesis using convolutional neural networks" (2015).
    """
    return _network(weights, pooling, normalized, "float32", direct=True)


@functools.lru_cache(maxsize=8)
def _vgg19(
    weights: str, pooling: Pooling, normalized: bool, precision: Precision, by_winograd: tuple[str, ...] = ()
) -> keras.Model:
    kernels = kernels_of(weights)
    if normalized:
        kernels = normalize_filters(kernels, _stored_or_measured_means(weights, pooling))
    network = _architecture(pooling, precision, by_winograd)
    for name, kernel, bias in kernels:
        layer = network.get_layer(name)
        if name in by_winograd:
            kernel = winograd.transformed_kernel(kernel, winograd.SCHEMES[precision].points)
        elif layer.compute_dtype == "bfloat16":
            kernel = in_bfloat16(kernel)
        layer.set_weights((kernel, bias))
    network.trainable = False
    return network


def feature_model(
    layers: str | Sequence[str],
    weights: str | os.PathLike = "auto",
    pooling: Pooling = "avg",
    normalized: bool = False,
    precision: Precision = "float32",
    direct: bool = True,
) -> keras.Model:
    """The part of VGG19 that computes the feature maps of some layers, and nothing after them.

    Returns a model: pixels ``(1, H, W, 3)`` → dict ``{layer: feature maps (1, h, w, N)}`` with the layers
    named as they were asked for. Its weights are shared with every other model of the same network.
    Convolution layers are taken after their ReLU.
    ``precision``: what the network computes in; what it returns is ``float32`` either way.
    ``direct``: compute every layer as ``vgg19`` does, by direct its kernel; ``False`` computes the
    ``winograd_layers`` by ``winograd.convolve``, as ``objective`` does, which is faster, rounds otherwise,
    and has a trace of rounding where no gradient would be.

    Raises as ``vgg19`` and ``layer_name`` do.
    """
    asked = [layers] if isinstance(layers, str) else list(layers)
    layer_names(asked)
    network = _network(weights, pooling, normalized, precision, direct)
    outputs = {layer: network.get_layer(layer_name(layer)).output for layer in asked}
    return keras.Model(network.input, _in_float32(outputs), name="vgg19_features")


def split_model(
    cut: str,
    layers: Iterable[str],
    weights: str | os.PathLike = "auto",
    pooling: Pooling = "avg",
    normalized: bool = False,
    precision: Precision = "float32",
    direct: bool = False,
) -> tuple[keras.Model, keras.Model]:
    """``feature_model`` in two halves, cut behind a layer.

    Returns two models: pixels → ``{layer: feature maps}`` of the layers up to ``cut``, and of ``cut`` itself
    in the network's own precision; feature maps of ``cut`` → those of the layers behind it.
    """
    network = _network(weights, pooling, normalized, precision, direct)
    at = network.get_layer(cut).output
    before = [name for name in layers if LAYERS.index(name) < LAYERS.index(cut)]
    behind = [name for name in layers if LAYERS.index(name) >= LAYERS.index(cut)]
    first = {name: network.get_layer(name).output for name in before}
    second = {name: network.get_layer(name).output for name in behind}
    return (
        keras.Model(network.input, {**_in_float32(first), cut: at}, name="vgg19_first_half"),
        keras.Model(at, _in_float32(second), name="vgg19_second_half"),
    )


def _network(
    weights: str | os.PathLike, pooling: Pooling, normalized: bool, precision: Precision, direct: bool
) -> keras.Model:
    if precision not in get_args(Precision):
        raise ArgumentError(f"The precision is 'float32' or 'bfloat16', not {shown(precision)}.")
    check_choice("Pooling", pooling, get_args(Pooling))
    by_winograd = () if direct else winograd_layers(precision)
    return _vgg19(resolve_weights(weights), pooling, bool(normalized), precision, by_winograd)


def winograd_layers(precision: Precision) -> tuple[str, ...]:
    """The convolution layers that ``feature_model`` computes by ``winograd.convolve`` here.

    Those with many input channels, see ``uses_winograd``, up to the deepest of the style layers: the
    transformed kernels of deeper ones would only take memory.
    """
    inputs = itertools.pairwise(("block1_conv1", *CONV_LAYERS))
    within = layers_up_to(STYLE_LAYERS)
    return tuple(
        name for before, name in inputs if name in within and uses_winograd(filters(before), precision)
    )


def _in_float32(outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        layer: output if output.dtype == "float32" else keras.ops.cast(output, "float32")
        for layer, output in outputs.items()
    }


def mean_activations(network: keras.Model, images: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """The mean activation of every filter over images and positions: ``{layer: (N,)}``.

    ``images``: ``float32 (H, W, 3)`` each; a large picture counts for more, by its positions.
    """
    outputs = {name: network.get_layer(name).output for name in CONV_LAYERS}
    model = keras.Model(network.input, outputs)
    sums = dict.fromkeys(CONV_LAYERS, 0.0)
    positions = dict.fromkeys(CONV_LAYERS, 0)
    for image in images:
        for name, features in model(preprocess(image)).items():
            maps = keras.ops.convert_to_numpy(features)
            sums[name] = sums[name] + maps.sum(axis=(0, 1, 2), dtype=np.float64)
            positions[name] += maps.shape[1] * maps.shape[2]
    return {name: (sums[name] / positions[name]).astype(np.float32) for name in CONV_LAYERS}


def normalize_filters(kernels: Kernels, means: Mapping[str, np.ndarray]) -> Kernels:
    """Scale every filter to mean activation 1 without changing what the network computes.

    ``means``: ``{layer: (out,)}``. Kernel and bias are divided by the filter's mean; the next layer's input
    channels are multiplied by it. A filter that is silent on every picture keeps its scale.
    """
    before = np.ones(3, dtype=np.float32)
    for name, kernel, bias in kernels:
        mean = np.where(means[name] > 0, means[name], 1).astype(np.float32)
        yield name, kernel * before[:, np.newaxis] / mean, bias / mean
        before = mean


def in_bfloat16(kernel: np.ndarray) -> np.ndarray:
    """A kernel ``float32 (3, 3, in, out)`` rounded to what bfloat16 holds, its errors canceling by nines.

    What rounding takes from one entry is added to the next before that is rounded: neighboring positions of
    feature maps hold almost the same value, so that little more than the sum of nine errors is seen. Each
    entry rounded by itself, transfers show a loss 0.1 % too low; like this, 0.05 % at most either way.
    Source: error diffusion, as Floyd and Steinberg (1976) print gray levels with black dots.
    """
    rounded = np.empty_like(kernel)
    left = np.zeros_like(kernel[0, 0])
    # Back and forth, so that each entry is beside the one before.
    for at in ((0, 0), (0, 1), (0, 2), (1, 2), (1, 1), (1, 0), (2, 0), (2, 1), (2, 2)):
        wanted = kernel[at] + left
        there = keras.ops.cast(wanted, "bfloat16")
        rounded[at] = keras.ops.convert_to_numpy(keras.ops.cast(there, "float32"))
        left = wanted - rounded[at]
    return rounded


def _architecture(pooling: Pooling, precision: Precision, by_winograd: Sequence[str]) -> keras.Model:
    """Keras' VGG19 for pictures of any size, with the pooling and precision asked for and no weights yet."""
    config = keras_vgg19(None).get_config()
    # Keras' own network, 80 MB of random numbers, goes before its copy comes.
    gc.collect()
    for layer in config["layers"]:
        # By its class: Keras gives every input layer of a process another name.
        exact = layer["class_name"] == "InputLayer" or layer["config"]["name"] in FLOAT32_LAYERS
        layer["config"]["dtype"] = "float32" if exact else precision
        if layer["config"]["name"] in by_winograd:
            layer |= {"class_name": "WinogradConvolution", "registered_name": "WinogradConvolution"}
            layer["module"] = None
            layer["config"] = {key: layer["config"][key] for key in ("name", "dtype", "filters")}
            layer["config"]["points"] = winograd.SCHEMES[precision].points
        elif layer["config"]["name"] in CONV_LAYERS:
            layer["config"]["kernel_initializer"] = "zeros"
        elif layer["config"]["name"] in POOL_LAYERS:
            layer["class_name"] = {"avg": "AveragePooling2D", "max": "MaxPooling2D"}[pooling]
    own = {"WinogradConvolution": winograd.WinogradConvolution}
    return keras.Model.from_config(config, own)


def _stored_or_measured_means(weights: str, pooling: Pooling) -> dict[str, np.ndarray]:
    if weights in ("imagenet", "bundled"):
        with np.load(MEAN_ACTIVATIONS, allow_pickle=False) as stored:
            return {name: stored[f"{pooling}/{name}"] for name in CONV_LAYERS}
    return measured_means(weights, pooling)


def measured_means(weights: str, pooling: Pooling) -> dict[str, np.ndarray]:
    """``mean_activations`` over all bundled pictures with a shorter side of 256."""
    paths = [path for kind in ("content", "style", "texture") for path in bundled_images(kind)]
    images = (load_image(path, size=256) for path in paths)
    return mean_activations(_vgg19(weights, pooling, False, "float32"), images)


def write_mean_activations(path: Any = MEAN_ACTIVATIONS) -> None:
    """Measure again what ``normalized=True`` divides by, for both kinds of pooling."""
    means = {
        f"{pooling}/{name}": mean
        for pooling in ("avg", "max")
        for name, mean in measured_means("bundled", pooling).items()
    }
    np.savez_compressed(path, **means)


class Extractor(NamedTuple):
    """Which feature extractor an objective uses: the arguments of ``vgg19`` and ``feature_model``."""

    weights: str = "auto"
    pooling: Pooling = "avg"
    normalized: bool = False
    precision: Precision = "float32"
    direct: bool = False
