"""The layers of VGG19: their names, filters, strides and receptive fields."""

import re
from collections.abc import Iterable
from typing import Literal

from helpers.errors import ArgumentError, nearest, shown

Pooling = Literal["avg", "max"]

CONV_LAYERS = tuple(
    f"block{block}_conv{conv}"
    for block, convs in enumerate((2, 2, 4, 4, 4), start=1)
    for conv in range(1, convs + 1)
)
"""The 16 convolution layers of VGG19, in order, by their names in Keras."""

POOL_LAYERS = tuple(f"block{block}_pool" for block in range(1, 6))
"""The 5 pooling layers of VGG19, in order, by their names in Keras."""

LAYERS = tuple(sorted(CONV_LAYERS + POOL_LAYERS))
"""All 16 + 5 layers in order: in each block the convolution layers, then the pooling layer."""

STYLE_LAYERS = tuple(f"block{block}_conv1" for block in range(1, 6))
"""The layers of the style representation: conv1_1, conv2_1, conv3_1, conv4_1, conv5_1 in the paper."""

CONTENT_LAYER = "block4_conv2"
"""The layer of the content representation: conv4_2 in the paper."""


def layer_name(layer: str) -> str:
    """The name of a layer in Keras, from that name or from the paper's (``conv4_2``, ``pool1``).

    Raises ``ArgumentError`` for an unknown layer, with the most similar names.
    """
    text = str(layer)
    paper = re.fullmatch(r"(conv|pool)([1-5])(?:_([1-4]))?", text)
    if paper:
        kind, block, number = paper.groups()
        text = f"block{block}_{kind}{number or ''}"
    if text in CONV_LAYERS or text in POOL_LAYERS:
        return text
    short = {name.replace("block", "conv").replace("_conv", "_"): name for name in CONV_LAYERS}
    similar = dict.fromkeys(short.get(name, name) for name in nearest(text, [*LAYERS, *short]))
    names = ", ".join(similar)
    raise ArgumentError(f"VGG19 has no layer {layer!r}; its layers are called {names} and the like.")


def layer_names(layers: str | Iterable[str]) -> tuple[str, ...]:
    """The names of one or several layers in Keras, in the given order and without duplicates.

    Raises ``ArgumentError`` for an unknown layer, or if there is no layer.
    """
    names = [layers] if isinstance(layers, str) else layers
    if not isinstance(names, Iterable):
        raise ArgumentError(f"Layers are a name or a list of names, not {shown(layers)}.")
    # A text may hold several names, separated by commas.
    single = (part.strip() for name in names for part in str(name).split(","))
    unique = tuple(dict.fromkeys(map(layer_name, single)))
    if not unique:
        raise ArgumentError("Name at least one layer.")
    return unique


def layers_up_to(layers: str | Iterable[str]) -> tuple[str, ...]:
    """All layers from the first to the deepest of the given ones."""
    return LAYERS[: max(map(LAYERS.index, layer_names(layers))) + 1]


def receptive_field_margin(layer: str) -> int:
    """How many pixels the receptive field of a position extends beyond the position's square, on each side.

    The square of a position behind k pooling layers has 2^k × 2^k pixels. Each 3 × 3 convolution extends the
    receptive field by one position of its input on each side.
    """
    return sum(stride(name) for name in layers_up_to(layer) if name in CONV_LAYERS)


def stride(layer: str) -> int:
    """The distance in pixels between neighboring positions of a layer: 1, doubled by each pooling layer."""
    return 2 ** sum(name in POOL_LAYERS for name in layers_up_to(layer))


def filters(layer: str) -> int:
    """The number of filters of a layer, the paper's N_l; for a pooling layer, its number of channels."""
    return min(64 * 2 ** (int(layer_name(layer)[len("block")]) - 1), 512)


def smallest_side(layers: Iterable[str]) -> int:
    """The smallest height and width of an image for which each of some layers has at least one position."""
    return max(map(stride, layer_names(layers)))
