"""VGG19: the network whose feature maps see content and style.

It comes from ``keras.applications`` without its fully connected layers, with average pooling in place of
max pooling, as in Gatys, Ecker and Bethge (2015), and its weights never change.
"""

import difflib
import functools
import gc
import hashlib
import itertools
import math
import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from helpers import winograd
from helpers.backend import BACKEND, OWN_LAYERS, compiled, device, keras, value_and_gradient
from helpers.errors import (
    ArgumentError,
    CourseError,
    MissingFileError,
    WeightsError,
    check_choice,
    reason,
    shown,
)
from helpers.files import bundled_images
from helpers.images import load_image, preprocess

Pooling = Literal["avg", "max"]

Precision = Literal["float32", "bfloat16"]
"""What the convolutions compute in. ``"bfloat16"`` keeps the range of float32 and 8 of its 24 binary digits;
it halves the memory of feature maps and is faster on some processors and slower on others.

The first convolution computes in float32 either way: it sees the pixels, which 8 digits round to whole grey
levels.
"""

PrecisionOfRun = Literal["float32", "bfloat16", "mixed"]
"""``"mixed"``: bfloat16 as long as it serves, then float32, see ``ROUGH_STEPS`` in ``synthesis``."""

CONV_LAYERS = tuple(
    f"block{block}_conv{conv}"
    for block, convs in enumerate((2, 2, 4, 4, 4), start=1)
    for conv in range(1, convs + 1)
)
"""The 16 convolution layers of VGG19, in order, by their names in Keras."""

POOL_LAYERS = tuple(f"block{block}_pool" for block in range(1, 6))
"""The 5 pooling layers of VGG19, in order, by their names in Keras."""

LAYERS = tuple(sorted(CONV_LAYERS + POOL_LAYERS))
"""All 16 + 5 layers in order: in each block the convolutions, then the pooling."""

STYLE_LAYERS = tuple(f"block{block}_conv1" for block in range(1, 6))
"""The layers of the style representation: conv1_1, conv2_1, conv3_1, conv4_1, conv5_1 in the paper."""

CONTENT_LAYER = "block4_conv2"
"""The layer of the content representation: conv4_2 in the paper."""

BUNDLED_WEIGHTS = Path(__file__).with_name("weights") / "vgg19_imagenet_8bit.npz"
MEAN_ACTIVATIONS = Path(__file__).with_name("weights") / "vgg19_mean_activations.npz"

Kernels = Iterator[tuple[str, np.ndarray, np.ndarray]]
"""The convolution layers in order: name, kernel ``(3, 3, in, out)``, bias ``(out,)``; one at a time, since
all of them take 80 MB."""

FLOAT32_LAYERS = ("block1_conv1",)
"""What computes in float32 whatever the precision."""

_KERAS_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
_KERAS_FILE_MD5 = "253f8cb515780f3b799900260a226db6"
_KERAS_FILE_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{_KERAS_FILE}"
_BUNDLED_SHA256 = "fd6692a3144af15d97f58979ccea041af86fb244cd2748d7be4a51c36a38367f"
_SECONDS_TO_ANSWER = 20.0


def layer_name(layer: str) -> str:
    """The Keras name of a layer, from that name or from the paper's (``conv4_2``, ``pool1``).

    Raises ``ArgumentError`` for an unknown layer, with the nearest names.
    """
    text = str(layer)
    paper = re.fullmatch(r"(conv|pool)([1-5])(?:_([1-4]))?", text)
    if paper:
        kind, block, number = paper.groups()
        text = f"block{block}_{kind}{number or ''}"
    if text in CONV_LAYERS or text in POOL_LAYERS:
        return text
    short = {name.replace("block", "conv").replace("_conv", "_"): name for name in CONV_LAYERS}
    near = difflib.get_close_matches(text, [*LAYERS, *short], n=3, cutoff=0.4)
    near = dict.fromkeys(short.get(name, name) for name in near)
    names = ", ".join(near or ("block1_conv1", "block1_conv2", "block1_pool"))
    raise ArgumentError(f"VGG19 has no layer {layer!r}; its layers are called {names} and the like.")


def layer_names(layers: str | Iterable[str]) -> tuple[str, ...]:
    """The Keras names of one layer or several, each once, in the order given.

    Raises ``ArgumentError`` for an unknown layer or none at all.
    """
    names = [layers] if isinstance(layers, str) else layers
    if not isinstance(names, Iterable):
        raise ArgumentError(f"Layers are a name or a list of names, not {shown(layers)}.")
    unique = tuple(dict.fromkeys(layer_name(name) for name in names))
    if not unique:
        raise ArgumentError("Name at least one layer.")
    return unique


def vgg19(
    weights: str | os.PathLike = "auto", pooling: Pooling = "avg", normalised: bool = False
) -> keras.Model:
    """VGG19 without its fully connected layers, frozen: pixels ``(1, H, W, 3)`` → ``block5_pool``.

    ``weights``: ``"imagenet"`` (what Keras has cached, else downloads), ``"bundled"`` (the same weights,
    each kernel in 8-bit codes, part of this package), ``"auto"`` (Keras' file if it is cached, else the
    bundled ones), ``"random"`` (seeded), or the path of a Keras weights file.
    ``pooling``: ``"avg"``, as in the paper, or ``"max"``, as trained.
    ``normalised``: scale each filter so that its mean activation over the bundled pictures is 1. What the
    network computes is otherwise unchanged: the next layer's input channels are scaled back.

    The same arguments give the same model. Raises ``ArgumentError`` for other weights or pooling,
    ``MissingFileError`` for a missing file, and ``WeightsError`` for one that is damaged or of another
    network, or that cannot be downloaded.
    Source: Simonyan and Zisserman (2015), configuration E; average pooling: Gatys, Ecker and Bethge
    (2015); normalisation: their "Texture synthesis using convolutional neural networks" (2015).
    """
    return _network(weights, pooling, normalised, "float32", sliding=True)


@functools.lru_cache(maxsize=8)
def _vgg19(
    weights: str, pooling: Pooling, normalised: bool, precision: Precision, by_winograd: tuple[str, ...] = ()
) -> keras.Model:
    kernels = _kernels(weights)
    if normalised:
        kernels = normalise_filters(kernels, _stored_or_measured_means(weights, pooling))
    network = _architecture(pooling, precision, by_winograd)
    for name, kernel, bias in kernels:
        layer = network.get_layer(name)
        if name in by_winograd:
            kernel = winograd.transformed_kernel(kernel, winograd.WAYS[precision].points)
        elif layer.compute_dtype == "bfloat16":
            kernel = in_bfloat16(kernel)
        layer.set_weights((kernel, bias))
    network.trainable = False
    return network


def feature_model(
    layers: str | Sequence[str],
    weights: str | os.PathLike = "auto",
    pooling: Pooling = "avg",
    normalised: bool = False,
    precision: Precision = "float32",
    sliding: bool = True,
) -> keras.Model:
    """The part of VGG19 that computes the feature maps of some layers, and nothing after them.

    Returns a model: pixels ``(1, H, W, 3)`` → dict ``{layer: feature maps (1, h, w, N)}`` with the layers
    named as they were asked for. Its weights are shared with every other model of the same network.
    Convolution layers are taken after their ReLU.
    ``precision``: what the network computes in; what it returns is ``float32`` either way.
    ``sliding``: compute every layer as ``vgg19`` does, by sliding its kernel; ``False`` computes the
    ``winograd_layers`` by ``winograd.convolve``, as ``objective`` does, which is faster, rounds otherwise,
    and has a trace of rounding where no gradient would be.

    Raises as ``vgg19`` and ``layer_name`` do.
    """
    asked = [layers] if isinstance(layers, str) else list(layers)
    layer_names(asked)
    network = _network(weights, pooling, normalised, precision, sliding)
    outputs = {layer: network.get_layer(layer_name(layer)).output for layer in asked}
    return keras.Model(network.input, _in_float32(outputs), name="vgg19_features")


def split_model(
    cut: str,
    layers: Iterable[str],
    weights: str | os.PathLike = "auto",
    pooling: Pooling = "avg",
    normalised: bool = False,
    precision: Precision = "float32",
    sliding: bool = False,
) -> tuple[keras.Model, keras.Model]:
    """``feature_model`` in two halves, cut behind a layer.

    Returns two models: pixels → ``{layer: feature maps}`` of the layers up to ``cut``, and of ``cut`` itself
    in the network's own precision; feature maps of ``cut`` → those of the layers behind it.
    """
    network = _network(weights, pooling, normalised, precision, sliding)
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
    weights: str | os.PathLike, pooling: Pooling, normalised: bool, precision: Precision, sliding: bool
) -> keras.Model:
    if precision not in get_args(Precision):
        raise ArgumentError(f"The precision is 'float32' or 'bfloat16', not {shown(precision)}.")
    check_choice("Pooling", pooling, get_args(Pooling))
    by_winograd = () if sliding else winograd_layers(precision)
    return _vgg19(resolve_weights(weights), pooling, bool(normalised), precision, by_winograd)


def winograd_layers(precision: Precision) -> tuple[str, ...]:
    """The convolution layers that ``feature_model`` computes by ``winograd.convolve`` here.

    On a processor those with many channels, up to the deepest of the style layers, since the transformed
    kernels of deeper ones would only take memory; in bfloat16 only where ``_multiplies_vectors`` says so. A
    GPU's library finds its own ways.
    """
    if BACKEND != "tensorflow" or device() != "cpu":
        return ()
    if precision == "bfloat16" and not _multiplies_vectors():
        return ()
    fewest = winograd.WAYS[precision].channels
    inputs = itertools.pairwise(("block1_conv1", *CONV_LAYERS))
    within = layers_up_to(STYLE_LAYERS)
    return tuple(name for before, name in inputs if name in within and filters(before) >= fewest)


@functools.cache
def _multiplies_vectors() -> bool:
    """Whether the processor has instructions for products of vectors of bfloat16, and no faster ones.

    Without any it emulates them, and rounds the sums over the channels too: the gradient of a transfer's
    loss is then wrong by 16 %, where direct convolutions are wrong by 4 %. With those for products of
    whole tiles (Intel's AMX), cutting out the squares would take longer than it saves.
    """
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    # The first is that of x86 processors, the second that of ARM's.
    return ("avx512_bf16" in flags or "bf16" in flags) and "amx_bf16" not in flags


def _in_float32(outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        layer: output if output.dtype == "float32" else keras.ops.cast(output, "float32")
        for layer, output in outputs.items()
    }


def layers_up_to(layers: str | Iterable[str]) -> tuple[str, ...]:
    """Every layer that the feature maps of some layers are computed from, and the deepest of these last."""
    return LAYERS[: max(map(LAYERS.index, layer_names(layers))) + 1]


def receptive_margin(layer: str) -> int:
    """How many pixels beyond its own square a position of a layer sees, on every side.

    Each convolution sees one position further than the layer before it; a position of a layer behind k
    pooling layers stands for a square of 2^k pixels.
    """
    return sum(stride(name) for name in layers_up_to(layer) if name in CONV_LAYERS)


def stride(layer: str) -> int:
    """How many pixels apart the positions of a layer are: 1, doubled by each pooling layer up to it."""
    return 2 ** sum(name in POOL_LAYERS for name in layers_up_to(layer))


def filters(layer: str) -> int:
    """How many filters a layer has, the paper's N_l; a pooling layer keeps those of its block."""
    return min(64 * 2 ** (int(layer_name(layer)[len("block")]) - 1), 512)


def smallest_side(layers: Iterable[str]) -> int:
    """The least height and width of a picture that still has a position in every one of the layers."""
    blocks = [int(name[len("block")]) + name.endswith("pool") for name in layer_names(layers)]
    return 2 ** (max(blocks) - 1)


def resolve_weights(weights: str | os.PathLike) -> str:
    """What ``weights`` stands for here: ``"imagenet"``, ``"bundled"``, ``"random"`` or a file's path.

    Raises ``ArgumentError`` for an unknown name and ``MissingFileError`` for a missing file.
    """
    if not isinstance(weights, (str, os.PathLike)):
        raise ArgumentError(f"Weights are a name or the path of a file, not {shown(weights)}.")
    name = os.fspath(weights)
    if name == "auto":
        return "imagenet" if _keras_file_is_cached() else "bundled"
    if name in ("imagenet", "bundled", "random"):
        return name
    if not name.endswith((".h5", ".keras", ".npz")):
        raise ArgumentError(
            f"Weights are 'auto', 'imagenet', 'bundled', 'random' or a file ending in .h5, not {shown(name)}."
        )
    if not os.path.isfile(name):
        raise MissingFileError(f"There is no weights file {name}.")
    return name


def resolve_precision(precision: str) -> PrecisionOfRun:
    """What ``precision`` stands for here: ``"auto"`` is ``"mixed"`` where bfloat16 is faster, else float32.

    Raises ``ArgumentError`` for anything else than ``"auto"`` or a ``PrecisionOfRun``.
    """
    if isinstance(precision, str) and precision == "auto":
        return "mixed" if faster_precision() == "bfloat16" else "float32"
    if not isinstance(precision, str) or precision not in get_args(PrecisionOfRun):
        raise ArgumentError(
            f"The precision is 'auto', 'float32', 'bfloat16' or 'mixed', not {shown(precision)}."
        )
    return precision


@functools.cache
def faster_precision() -> Precision:
    """``"bfloat16"`` where this machine convolves in it, there and back, in 0.9 of float32's time or less.

    Measured once, in one or two seconds: what a processor says of itself does not tell, since one that knows
    bfloat16 may still be slower in it. One layer of each of three blocks, since few channels and many are
    convolved in different ways. Most processors have to emulate bfloat16 and take many times as long: there
    a look at one small layer is enough.
    """
    glance = _seconds_of_convolution({"block1_conv2": 48}, rounds=3)
    if glance["bfloat16"] > 3 * glance["float32"]:
        return "float32"
    # In a small picture a GPU does little but start.
    times = 4 if device() == "gpu" else 1
    sides = {"block1_conv2": 96 * times, "block2_conv2": 48 * times, "block3_conv2": 24 * times}
    seconds = _seconds_of_convolution(sides, rounds=10)
    return "bfloat16" if seconds["bfloat16"] <= 0.9 * seconds["float32"] else "float32"


def _seconds_of_convolution(sides: Mapping[str, int], rounds: int) -> dict[Precision, float]:
    """The shortest time in each precision of some layers' convolutions and their gradient.

    ``sides``: the height and width of the maps of each layer. ``rounds``: how often each is computed.
    """
    generator = np.random.default_rng(0)
    sample = {
        layer: generator.standard_normal((1, side, side, filters(layer)), dtype=np.float32)
        for layer, side in sides.items()
    }

    def convolved(maps: Mapping[str, Any]) -> tuple[Any, Any]:
        return sum(keras.ops.sum(keras.ops.square(_convolved(*each))) for each in maps.items()), ()

    def in_precision(precision: Precision) -> Callable[[], Any]:
        differentiated = compiled(value_and_gradient(convolved))
        maps = {layer: keras.ops.convert_to_tensor(each, precision) for layer, each in sample.items()}
        return lambda: differentiated(maps)[1].values()

    gradients = {precision: in_precision(precision) for precision in get_args(Precision)}
    seconds = dict.fromkeys(gradients, math.inf)
    # The first of each also compiles; the shortest of many is the machine's own, whatever else it does.
    for _ in range(rounds):
        for precision, computed in gradients.items():
            began = time.perf_counter()
            for gradient in computed():
                # A number on the host: until then a GPU may still compute.
                float(keras.ops.cast(keras.ops.max(gradient), "float32"))
            seconds[precision] = min(seconds[precision], time.perf_counter() - began)
    return seconds


def _convolved(layer: str, maps: Any) -> Any:
    """Maps behind a layer with some kernel, computed as ``objective`` would in the precision of the maps."""
    precision = keras.backend.standardize_dtype(maps.dtype)
    of_kernel = (3, 3, filters(layer), filters(layer))
    kernel = np.random.default_rng(1).standard_normal(of_kernel, dtype=np.float32)
    if layer not in winograd_layers(precision):
        convolution = OWN_LAYERS.get("Conv2D", keras.layers.Conv2D)(filters(layer), 3, padding="same")
        return convolution.convolution_op(maps, keras.ops.cast(kernel, precision))
    points = winograd.WAYS[precision].points
    transformed = keras.ops.convert_to_tensor(winograd.transformed_kernel(kernel, points), precision)
    return winograd.convolve(maps, transformed, points)


@functools.cache
def weights_checksum(weights: str) -> str | None:
    """The sha256 of a weights file, for the record of a run; ``None`` for seeded random weights.

    ``weights``: as ``resolve_weights`` gives it.
    """
    if weights == "random":
        return None
    path = {"imagenet": _keras_file(), "bundled": BUNDLED_WEIGHTS}.get(weights, Path(weights))
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"The weights file {path} cannot be read: {reason(error)}.") from None


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


def normalise_filters(kernels: Kernels, means: Mapping[str, np.ndarray]) -> Kernels:
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
    """A kernel ``float32 (3, 3, in, out)`` rounded to what bfloat16 holds, its errors cancelling by nines.

    What rounding takes from one entry is added to the next before that is rounded: neighbouring positions of
    feature maps hold almost the same value, so that little more than the sum of nine errors is seen. Each
    entry rounded by itself, transfers show a loss 0.1 % too low; like this, 0.05 % at most either way.
    Source: error diffusion, as Floyd and Steinberg (1976) print grey levels with black dots.
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
    own = {**OWN_LAYERS, "WinogradConvolution": winograd.WinogradConvolution}
    plan = _keras_vgg19(None).get_config()
    # Keras' own network, 80 MB of random numbers, goes before its copy comes.
    gc.collect()
    for layer in plan["layers"]:
        # By its class: Keras gives every input layer of a process another name.
        exact = layer["class_name"] == "InputLayer" or layer["config"]["name"] in FLOAT32_LAYERS
        layer["config"]["dtype"] = "float32" if exact else precision
        if layer["config"]["name"] in by_winograd:
            layer["class_name"] = "WinogradConvolution"
            layer["config"] = {key: layer["config"][key] for key in ("name", "dtype", "filters")}
            layer["config"]["points"] = winograd.WAYS[precision].points
        elif layer["config"]["name"] in CONV_LAYERS:
            layer["config"]["kernel_initializer"] = "zeros"
        elif layer["config"]["name"] in POOL_LAYERS:
            layer["class_name"] = {"avg": "AveragePooling2D", "max": "MaxPooling2D"}[pooling]
        if layer["class_name"] in own:
            layer |= {"registered_name": layer["class_name"], "module": None}
    return keras.Model.from_config(plan, own)


def _keras_vgg19(weights: str | None) -> keras.Model:
    # A height and width of None let one network see pictures of any size.
    return keras.applications.VGG19(include_top=False, weights=weights, input_shape=(None, None, 3))


def _kernels(weights: str) -> Kernels:
    """The kernels of any weights, each looked at before the network gets it."""
    path = {"bundled": BUNDLED_WEIGHTS, "imagenet": _keras_file()}.get(weights, weights)
    if weights == "bundled" and weights_checksum(weights) != _BUNDLED_SHA256:
        raise WeightsError(
            f"{path} is damaged: its checksum is not that of the course; fetch the file again."
        )
    if weights == "imagenet":
        _fetch_keras_file()
    channels = 3
    try:
        for name, kernel, bias in _stored_kernels(weights):
            if kernel.shape != (3, 3, channels, filters(name)) or bias.shape != (filters(name),):
                raise WeightsError(
                    f"{path} does not hold the weights of VGG19: {name} has the shape {kernel.shape}, "
                    f"not {(3, 3, channels, filters(name))}."
                )
            if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
                raise WeightsError(f"{path} is damaged: {name} holds values that are not finite numbers.")
            yield name, kernel, bias
            channels = filters(name)
    except CourseError:
        raise
    except PermissionError:
        raise WeightsError(f"The weights file {path} may not be read: its permissions forbid it.") from None
    except Exception as error:
        # Damaged archives raise whatever zipfile, zlib, HDF5 and Keras raise.
        raise WeightsError(
            f"{path} does not hold the weights of VGG19, or not whole: {reason(error)}."
        ) from error


def _stored_kernels(weights: str) -> Kernels:
    if weights == "random":
        yield from _random_kernels(seed=0)
    elif weights == "bundled" or weights.endswith(".npz"):
        with np.load(BUNDLED_WEIGHTS if weights == "bundled" else weights, allow_pickle=False) as stored:
            for name in CONV_LAYERS:
                yield name, stored[f"{name}/codebook"][stored[f"{name}/codes"]], stored[f"{name}/bias"]
    else:
        network = _keras_vgg19("imagenet" if weights == "imagenet" else None)
        if weights != "imagenet":
            network.load_weights(weights)
        for name in CONV_LAYERS:
            yield name, *network.get_layer(name).get_weights()


def _fetch_keras_file() -> None:
    """Have Keras download its weights where they are not cached, within a time that a reader waits."""
    if _keras_file_is_cached():
        return
    waited = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SECONDS_TO_ANSWER)
    try:
        _keras_vgg19("imagenet")
    except Exception as error:
        raise WeightsError(
            f"The weights 'imagenet' are neither at {_keras_file()} nor to be had from {_KERAS_FILE_URL} "
            f"({reason(error)}): put the file there, or take weights='bundled', which come with the course."
        ) from error
    finally:
        socket.setdefaulttimeout(waited)


def _random_kernels(seed: int) -> Kernels:
    # Gaussian kernels of variance 2 / (9 in) keep the size of the activations from layer to layer
    # (He et al. 2015). Random networks for this purpose: He, Wang and Hopcroft (2016).
    generator = np.random.default_rng(seed)
    channels = 3
    for name in CONV_LAYERS:
        count = filters(name)
        kernel = generator.standard_normal((3, 3, channels, count), dtype=np.float32)
        yield name, kernel * np.sqrt(2 / (9 * channels)), np.zeros(count, np.float32)
        channels = count


def _keras_file() -> Path:
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    return Path(home, "models", _KERAS_FILE)


def _keras_file_is_cached() -> bool:
    path = _keras_file()
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest() == _KERAS_FILE_MD5


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
    """Measure again what ``normalised=True`` divides by, for both kinds of pooling."""
    means = {
        f"{pooling}/{name}": mean
        for pooling in ("avg", "max")
        for name, mean in measured_means("bundled", pooling).items()
    }
    np.savez_compressed(path, **means)
