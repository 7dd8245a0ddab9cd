"""Further terms of an objective, by name: to add one, write a function here and enter it in ``TERMS``.

A term is asked for by ``transfer(…, terms={name: weight})`` or ``course.py transfer --term NAME=WEIGHT``.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from helpers.backend import keras
from helpers.colour import quantiles
from helpers.errors import ArgumentError
from helpers.losses import PIXELS, Term
from helpers.vgg import layer_name, smallest_side

ops = keras.ops

HISTOGRAM_LAYERS = ("block1_conv1", "block4_conv1")
"""Where Risser, Wilmot and Barnes (2017) match histograms: relu1_1 and relu4_1."""


class Scene(NamedTuple):
    """What a term may be made of, at one of the sizes of a run."""

    photo: np.ndarray
    """Pixels ``(1, H, W, 3)``, of the size that is painted."""

    paintings: tuple[np.ndarray, ...]
    """Pixels ``(1, h, w, 3)`` of each painting, at the scale that is painted."""

    features: Callable[[Any, tuple[str, ...]], Mapping[str, Any]]
    """Pixels and names of layers → feature maps by layer, as the run's own network sees them."""


Builder = Callable[[float, Scene], Term]
"""Makes a term from its weight and the scene."""

Terms = Mapping[str, float | Term | Callable[[Scene], Term]]
"""Terms beside content and style: a weight for a name of ``TERMS``, or a term of one's own."""


def total_variation(pixels: Any) -> Any:
    """Σ_pq ((x_p+1,q − x_p,q)² + (x_p,q+1 − x_p,q)²) / (3·H·W): how much neighbouring pixels differ.

    ``pixels``: ``(1, H, W, 3)``. Returns a scalar, in squared grey levels; the channels are added up.
    Source: Mahendran and Vedaldi (2015), "Understanding deep image representations by inverting them",
    section 3, with β = 2. Departure: divided by the number of values, so that a weight serves every size.
    """
    down, across = pixels[:, 1:] - pixels[:, :-1], pixels[:, :, 1:] - pixels[:, :, :-1]
    return (ops.sum(ops.square(down)) + ops.sum(ops.square(across))) / ops.sum(ops.ones_like(pixels))


def histogram_loss(features: Any, quantiles: Any) -> Any:
    """Σ_ik (F_ik − R(F)_ik)² / (N·M): how far every filter's histogram is from the target's.

    R matches the histogram of each filter to the painting's and is held constant in the gradient. It keeps
    the order of the activations, so F and R(F) may both be sorted first: the sum is the same, and so is its
    gradient, and sorted R(F) is nothing but the painting's quantiles.

    ``features``: ``(1, h, w, N)``. ``quantiles``: ``(M, N)``, see ``quantiles_of``. Returns a scalar.
    Source: Risser, Wilmot and Barnes (2017), "Stable and controllable neural texture synthesis and style
    transfer using histogram losses", equation (7). Departure: divided by the number of entries.
    """
    by_filter = ops.transpose(ops.reshape(features, (-1, features.shape[-1])))
    return ops.mean(ops.square(ops.sort(by_filter, axis=1) - ops.transpose(quantiles)))


def quantiles_of(features: Any, count: int) -> np.ndarray:
    """The quantiles of every filter at the ranks (k + ½) / count: ``float32 (count, N)``, ascending."""
    maps = ops.convert_to_numpy(features)
    ranks = (np.arange(count) + 0.5) / count
    return np.stack([quantiles(each, ranks) for each in maps.reshape(-1, maps.shape[-1]).T], axis=1)


def total_variation_term(weight: float, scene: Scene) -> Term:
    """``total_variation`` of the image: 0.001 takes off grain, 0.01 blurs."""
    return Term("total variation", weight, (PIXELS,), _total_variation_of)


def histogram_term(weight: float, scene: Scene) -> Term:
    """``histogram_loss`` in ``HISTOGRAM_LAYERS``, with the mean of the histograms of several paintings."""
    layers = tuple(
        layer for layer in HISTOGRAM_LAYERS if min(scene.photo.shape[1:3]) >= smallest_side([layer])
    )
    sizes = {layer: maps.shape for layer, maps in scene.features(scene.photo, layers).items()}
    seen = [scene.features(painting, layers) for painting in scene.paintings]
    wanted = {
        layer: np.mean([quantiles_of(maps[layer], shape[1] * shape[2]) for maps in seen], axis=0)
        for layer, shape in sizes.items()
    }
    return Term("histogram", weight, layers, _histogram_loss_of, targets=wanted)


def change_term(weight: float, before: Any, seen: Any = None, name: str = "change") -> Term:
    """Σ_pq c_pq |x_pq − b_pq|² / (3·H·W): how far an image is from the one before it in a film.

    ``before``: its pixels ``(1, H, W, 3)``, moved to where things are now. ``seen``: ``(H, W)``, c, 0 where
    that one could not know what is there, by default 1 everywhere.
    Source: Ruder, Dosovitskiy and Brox (2016), "Artistic style transfer for videos", equation (7).
    """
    before = ops.convert_to_tensor(before, "float32")
    counted = np.ones(before.shape[1:3]) if seen is None else seen
    targets = {"before": before, "seen": ops.convert_to_tensor(counted, "float32")[None, :, :, None]}
    return Term(name, weight, (PIXELS,), _change_of, targets=targets)


TERMS: Mapping[str, Builder] = MappingProxyType(
    {"total variation": total_variation_term, "histogram": histogram_term}
)
"""The terms that a transfer may have beside content and style, by name."""


def build_terms(terms: Terms, scene: Scene) -> list[Term]:
    """The terms asked for, at the size of a scene; those of weight 0 are left out.

    Raises ``ArgumentError`` for a name that is not in ``TERMS``.
    """
    built = []
    for name, asked in terms.items():
        if isinstance(asked, Term):
            built.append(asked._replace(name=name))
        elif callable(asked):
            built.append(asked(scene)._replace(name=name))
        elif name not in TERMS:
            raise ArgumentError(f"There is no term {name!r}; there are {', '.join(map(repr, TERMS))}.")
        elif asked:
            built.append(TERMS[name](float(asked), scene)._replace(name=name))
    return [term._replace(layers=tuple(map(_layer_or_pixels, term.layers))) for term in built]


def _layer_or_pixels(layer: str) -> str:
    return layer if layer == PIXELS else layer_name(layer)


def _total_variation_of(features: Mapping[str, Any], _: Any) -> Any:
    return total_variation(features[PIXELS])


def _histogram_loss_of(features: Mapping[str, Any], quantiles: Mapping[str, Any]) -> Any:
    return sum(histogram_loss(features[layer], quantiles[layer]) for layer in quantiles)


def _change_of(features: Mapping[str, Any], targets: Mapping[str, Any]) -> Any:
    return ops.mean(ops.square(features[PIXELS] - targets["before"]) * targets["seen"])
