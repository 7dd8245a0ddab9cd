"""The weights that papers and programs print, as arguments of ``transfer``.

Each sums and divides in a way of its own, so the same number means something else in each of them.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from helpers.errors import ArgumentError
from helpers.layers import CONTENT_LAYER, STYLE_LAYERS, Pooling, filters, layer_name, layer_names, stride
from helpers.options import Losses, Network


class Convention(NamedTuple):
    """How a paper or program measures content and style, beside equations (1), (4) and (5)."""

    content_weight: float
    """Its own weight of the content, as printed."""

    style_weight: float
    """Its own weight of the style, as printed."""

    content_factor: float
    """Its content loss is so many times equation (1), or so many times equation (1) per entry."""

    content_per_entry: bool
    style_factor: Callable[[str, int], float]
    """Layer and number of layers → its loss in the layer is so many times E_l of equation (4)."""

    content_layer: str = CONTENT_LAYER
    style_layers: tuple[str, ...] = STYLE_LAYERS
    pooling: Pooling = "avg"


CONVENTIONS: Mapping[str, Convention] = MappingProxyType(
    {
        # Gatys, Ecker and Bethge (2015), equations (1) to (7), with α/β = 10⁻³.
        "gatys 2015": Convention(1.0, 1e3, 1.0, False, lambda layer, count: 1 / count),
        # leongatys/PytorchNeuralStyleTransfer: mean squares, G / M, each layer's weight divided by N².
        "gatys pytorch": Convention(
            1.0, 1e3, 2.0, True, lambda layer, _: 4 / filters(layer) ** 2, pooling="max"
        ),
        # jcjohnson/neural-style: mean squares of the features and of G / (N·M).
        "johnson": Convention(
            5.0,
            1e2,
            2.0,
            True,
            lambda layer, _: 4 / filters(layer) ** 2,
            pooling="max",
        ),
        # The tutorial of PyTorch: as johnson, in the first five convolution layers.
        "pytorch tutorial": Convention(
            1.0,
            1e6,
            2.0,
            True,
            lambda layer, _: 4 / filters(layer) ** 2,
            "block2_conv2",
            ("block1_conv1", "block1_conv2", "block2_conv1", "block2_conv2", "block3_conv1"),
            "max",
        ),
        # The tutorial of TensorFlow: mean squares of the features and of G / M.
        "tensorflow tutorial": Convention(
            1e4, 1e-2, 2.0, True, lambda _, count: 4 / count, "block5_conv2", pooling="max"
        ),
        # The example of keras.io: sums; G undivided, its squares by 4 · 3² · (pixels of the picture)².
        "keras example": Convention(
            2.5e-8,
            1e-6,
            2.0,
            False,
            lambda layer, count: (filters(layer) / 3) ** 2 / stride(layer) ** 4 / count,
            "block5_conv2",
            pooling="max",
        ),
    }
)
"""The conventions known here, by name, each with the weights, layers and pooling that it is printed with."""


def as_printed(
    convention: str, content_weight: float | None = None, style_weight: float | None = None
) -> dict[str, Any]:
    """Weights as a paper or program prints them, as arguments of ``transfer``.

    ``transfer(…, **as_printed("johnson", 5, 100))`` minimizes what that program does with 5 and 100.

    ``convention``: a name of ``CONVENTIONS``. ``content_weight``, ``style_weight``: as printed there; by
    default those that it is best known with.

    Returns ``content_weight``, ``style_weight``, ``content_layer``, ``style_layers``, ``losses`` and
    ``network``: all that the numbers depend on. The
    programs that run PyTorch's own VGG19 or scale colors to 0…1 see other activations all the same.
    Raises ``ArgumentError`` for an unknown convention.
    """
    if convention not in CONVENTIONS:
        raise ArgumentError(f"There is no convention {convention!r}; there are {', '.join(CONVENTIONS)}.")
    known = CONVENTIONS[convention]
    layers = layer_names(known.style_layers)
    return {
        "content_weight": known.content_factor
        * (known.content_weight if content_weight is None else content_weight),
        "style_weight": known.style_weight if style_weight is None else style_weight,
        "content_layer": layer_name(known.content_layer),
        "style_layers": layers,
        "losses": Losses(
            layer_weights={layer: known.style_factor(layer, len(layers)) for layer in layers},
            content_per_entry=known.content_per_entry,
        ),
        "network": Network(pooling=known.pooling, normalized=False),
    }
