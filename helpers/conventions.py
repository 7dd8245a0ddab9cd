"""The weights α and β of well-known papers and programs, as arguments of ``transfer``.

Each of them normalizes its losses differently, so the same number has a different meaning in each.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from helpers.errors import check_choice
from helpers.layers import CONTENT_LAYER, CONV_LAYERS, STYLE_LAYERS, Pooling, filters, stride
from helpers.options import Losses, Network


class Convention(NamedTuple):
    """How the losses of a paper or program are related to equations (1), (4) and (5)."""

    content_weight: float
    """Its default content weight."""
    style_weight: float
    """Its default style weight."""
    content_factor: float
    """Its content loss divided by equation (1), itself first divided by N·M if ``content_per_entry``."""
    style_factor: Callable[[str, int], float]
    """Layer and number of layers → its weighted style loss in the layer, divided by E_l of equation (4)."""
    content_layer: str = CONTENT_LAYER
    style_layers: tuple[str, ...] = STYLE_LAYERS
    content_per_entry: bool = True
    pooling: Pooling = "max"


# Mean squares of F and of G / (N·M).
_JOHNSON = Convention(5.0, 1e2, 2.0, lambda layer, _: 4 / filters(layer) ** 2)

CONVENTIONS: Mapping[str, Convention] = MappingProxyType(
    {
        # Gatys, Ecker and Bethge (2015), equations (1) to (7), with α/β = 10⁻³.
        "gatys 2015": Convention(
            1.0, 1e3, 1.0, lambda _, count: 1 / count, content_per_entry=False, pooling="avg"
        ),
        # leongatys/PytorchNeuralStyleTransfer: mean squares of F and of G / M, layer weights 1 / N².
        "gatys pytorch": _JOHNSON._replace(content_weight=1.0, style_weight=1e3),
        # jcjohnson/neural-style.
        "johnson": _JOHNSON,
        # The tutorial of PyTorch: as johnson, in the first five convolution layers.
        "pytorch tutorial": _JOHNSON._replace(
            content_weight=1.0, style_weight=1e6, content_layer="block2_conv2", style_layers=CONV_LAYERS[:5]
        ),
        # The tutorial of TensorFlow: mean squares of F and of G / M.
        "tensorflow tutorial": Convention(1e4, 1e-2, 2.0, lambda _, count: 4 / count, "block5_conv2"),
        # The example of keras.io: sums of squares of F and of G, those of G divided by 4 · 3² · (H·W)².
        "keras example": Convention(
            2.5e-8,
            1e-6,
            2.0,
            lambda layer, count: (filters(layer) / 3) ** 2 / stride(layer) ** 4 / count,
            "block5_conv2",
            content_per_entry=False,
        ),
    }
)
"""Conventions by name, each with its default weights, layers and pooling."""


def as_printed(
    convention: str, content_weight: float | None = None, style_weight: float | None = None
) -> dict[str, Any]:
    """The weights of a paper or program as arguments of ``transfer``.

    ``transfer(…, **as_printed("johnson", 5, 100))`` minimizes the loss that this program minimizes with a
    content weight of 5 and a style weight of 100.

    ``convention``: a name in ``CONVENTIONS``. ``content_weight``, ``style_weight``: α and β in this
    convention; by default its own.

    Returns ``content_weight``, ``style_weight``, ``content_layer``, ``style_layers``, ``losses`` and
    ``network``. Programs with the VGG19 weights of PyTorch, or with colors scaled to 0…1, have other
    activations, so their losses still differ.
    Raises ``ArgumentError`` for an unknown convention.
    """
    check_choice("A convention", convention, CONVENTIONS)
    known = CONVENTIONS[convention]
    content_weight = known.content_weight if content_weight is None else content_weight
    layers = known.style_layers
    layer_weights = {layer: known.style_factor(layer, len(layers)) for layer in layers}
    return {
        "content_weight": known.content_factor * content_weight,
        "style_weight": known.style_weight if style_weight is None else style_weight,
        "content_layer": known.content_layer,
        "style_layers": layers,
        "losses": Losses(layer_weights=layer_weights, content_per_entry=known.content_per_entry),
        "network": Network(pooling=known.pooling, normalized=False),
    }
