"""The weights of VGG19 from each of their sources, checked before they are set in the network."""

import functools
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from helpers.compute.framework import keras, keras_defaults
from helpers.errors import ArgumentError, MissingFileError, WeightsError, reason, shown
from helpers.layers import CONV_LAYERS, filters

BUNDLED_WEIGHTS = Path(__file__).with_name("data") / "vgg19_imagenet_8bit.npz"

Kernels = Iterator[tuple[str, np.ndarray, np.ndarray]]
"""The convolution layers in order: name, kernel ``(3, 3, in, out)``, bias ``(out,)``. An iterator, because
all of them together take 80 MB."""

_KERAS_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
_KERAS_FILE_MD5 = "253f8cb515780f3b799900260a226db6"
_KERAS_FILE_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{_KERAS_FILE}"
_BUNDLED_SHA256 = "fd6692a3144af15d97f58979ccea041af86fb244cd2748d7be4a51c36a38367f"


def resolve_weights(weights: str | os.PathLike) -> str:
    """The source that ``weights`` names: ``"imagenet"``, ``"bundled"``, ``"random"`` or the path of a file.

    ``"auto"`` becomes ``"imagenet"`` if the file of Keras is cached, else ``"bundled"``.

    Raises ``ArgumentError`` for an unknown name and ``MissingFileError`` for a missing file.
    """
    if not isinstance(weights, (str, os.PathLike)):
        raise ArgumentError(f"Weights are a name or the path of a file, not {shown(weights)}.")
    name = os.fspath(weights)
    if name == "auto":
        return "imagenet" if _path("imagenet").is_file() else "bundled"
    if name in ("imagenet", "bundled", "random"):
        return name
    if not name.endswith((".h5", ".keras", ".npz")):
        raise ArgumentError(
            f"Weights are 'auto', 'imagenet', 'bundled', 'random' or a file ending in .h5, not {shown(name)}."
        )
    if not os.path.isfile(name):
        raise MissingFileError(f"There is no weights file {name}.")
    return name


@functools.cache
def weights_checksum(weights: str) -> str | None:
    """The SHA-256 checksum of a weights file, for the settings of a run; ``None`` for random weights.

    ``weights``: as ``resolve_weights`` returns it.
    """
    if weights == "random":
        return None
    with _path(weights).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kernels_of(weights: str) -> Kernels:
    """The kernels and biases of all convolution layers, each checked for its shape and for finite values.

    ``weights``: as ``resolve_weights`` returns it. Raises ``WeightsError`` for a file that cannot be read or
    downloaded, is damaged, or holds another network.
    """
    channels = 3
    try:
        for name, kernel, bias in _stored_kernels(weights):
            shapes = kernel.shape, bias.shape
            if shapes != ((3, 3, channels, filters(name)), (filters(name),)):
                raise ValueError(f"{name} has the shapes {shapes}")
            if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
                raise ValueError(f"{name} holds values that are not finite numbers")
            yield name, kernel, bias
            channels = filters(name)
    except Exception as error:
        # A damaged file can raise any exception of zipfile, zlib, HDF5 or Keras.
        path = _path(weights)
        if weights == "imagenet" and not path.is_file():
            raise WeightsError(
                f"The weights 'imagenet' are not at {path} and cannot be downloaded from {_KERAS_FILE_URL} "
                f"({reason(error)}): put the file there, or use weights='bundled', part of this course."
            ) from error
        raise WeightsError(
            f"{path} does not hold the weights of VGG19, or not all of them: {reason(error)}."
        ) from error


def _stored_kernels(weights: str) -> Kernels:
    if weights == "bundled" and weights_checksum(weights) != _BUNDLED_SHA256:
        raise ValueError("its checksum is not that of the course; fetch the file again")
    if weights == "random":
        # Gaussian kernels of variance 2 / (9 · input channels) keep the variance of the activations in all
        # layers (He et al. 2015). Random networks for style transfer: He, Wang and Hopcroft (2016).
        generator = np.random.default_rng(0)
        channels = 3
        for name in CONV_LAYERS:
            shape = (3, 3, channels, filters(name))
            kernel = generator.standard_normal(shape, dtype=np.float32) * np.sqrt(2 / (9 * channels))
            yield name, kernel, np.zeros(filters(name), np.float32)
            channels = filters(name)
    elif weights == "bundled" or weights.endswith(".npz"):
        with np.load(_path(weights), allow_pickle=False) as stored:
            for name in CONV_LAYERS:
                yield name, stored[f"{name}/codebook"][stored[f"{name}/codes"]], stored[f"{name}/bias"]
    else:
        if weights == "imagenet":
            # Downloads the file if it is not cached, or not the whole of it.
            options = {"cache_subdir": "models", "file_hash": _KERAS_FILE_MD5}
            weights = keras.utils.get_file(_KERAS_FILE, _KERAS_FILE_URL, **options)
        with keras_defaults():
            network = keras.applications.VGG19(include_top=False, weights=None, input_shape=(None, None, 3))
            network.load_weights(weights)
        for name in CONV_LAYERS:
            yield name, *network.get_layer(name).get_weights()


def _path(weights: str) -> Path:
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    known = {"imagenet": Path(home, "models", _KERAS_FILE), "bundled": BUNDLED_WEIGHTS}
    return known.get(weights, Path(weights))
