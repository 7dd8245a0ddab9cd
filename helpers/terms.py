"""Terms: the named, weighted summands of an objective.

Equation (7) is the sum of a content and a style term. To add one, write a function here and enter it in
``TERMS``. It is asked for by ``transfer(…, terms={name: weight})`` or ``course.py transfer --term``.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from helpers.color import quantiles
from helpers.compute.framework import keras
from helpers.errors import ArgumentError
from helpers.layers import layer_name, layer_names, smallest_side, stride
from helpers.losses import (
    Features,
    by_layer,
    content_loss,
    count_of,
    gram_distance,
    gram_matrix,
    positions_of,
    product_with_itself,
    weights_of_layers,
)
from helpers.options import LayerWeights, Statistic

ops = keras.ops

PIXELS = "pixels"
"""The name by which a term asks for the image itself, ``(1, H, W, 3)``, as if it were one more layer."""


class Sums(NamedTuple):
    """What lets a term be evaluated tile by tile: its loss is one of sums over the positions of its layers.

    Equation (1) is such a sum, and a Gram matrix is a table of them. A sum over an image is the sum of those
    over its tiles.
    """

    of_layer: Callable[[Any, Any], Any]
    """A layer's feature maps and its map → whatever adds up over positions, a tensor or a dict of tensors."""
    maps: Features = MappingProxyType({})
    """Targets that lie over the positions of a layer, ``{layer: (1, h, w, C)}``: feature maps, or a mask."""


class Term(NamedTuple):
    """One named summand of an objective: ``weight · loss``."""

    name: str
    weight: float
    layers: tuple[str, ...]
    """Names of layers, or ``(PIXELS,)``."""
    loss: Callable[[Mapping[str, Any], Any], Any]
    """``({layer: feature maps}, targets)`` → a scalar."""
    targets: Any = ()
    """What the loss compares with: tensors, numbers, or dicts of them."""
    sums: Sums | None = None
    """Of a term that can be evaluated in tiles; its loss gets these sums in place of feature maps."""


def content_term(target: Any, layer: str, weight: float, per_entry: bool, name: str = "content") -> Term:
    """The content loss in one layer as a term of an objective.

    ``target``: feature maps ``(1, h, w, N)`` of the photograph. ``per_entry``: divide equation (1) by the
    number N·M of its entries, so that one weight serves pictures of every size.
    """
    layer = layer_name(layer)
    target = ops.convert_to_tensor(target)
    entries = target.shape[1] * target.shape[2] * target.shape[3] if per_entry else 1
    return Term(name, weight, (layer,), _divided_sum, float(entries), Sums(content_loss, {layer: target}))


def style_term(
    targets: Features,
    weight: float,
    layer_weights: LayerWeights | None = None,
    name: str = "style",
    statistic: Statistic = "gram",
    masks: Features | None = None,
) -> Term:
    """The style loss over some layers as a term of an objective; the target's statistics are taken once.

    ``targets``: the painting's feature maps, ``{layer: (1, h, w, N)}``, or their ``style_sums``.
    ``statistic``: what of the feature maps is compared, the Gram matrix by default.
    ``masks``: the region that shall have this style, ``{layer: (1, h, w, 1)}``, 0…1, see ``masks_at``. Its
    Gram matrix is a sum over the region, divided by the region's own area: Σ_k m_k F_ik F_jk / Σ_k m_k.

    Raises ``ArgumentError`` for an unknown statistic or a mask that is 0 everywhere.
    Source: regions: Gatys, Ecker, Bethge, Hertzmann and Shechtman (2017), "Controlling perceptual factors in
    neural style transfer", section 4.
    """
    if statistic not in STATISTICS:
        raise ArgumentError(f"The style is one of {', '.join(STATISTICS)}, not {statistic!r}.")
    targets = by_layer(targets)
    weights = weights_of_layers(tuple(targets), layer_weights)
    of_target = {
        layer: target if isinstance(target, Mapping) else style_sums(target)
        for layer, target in targets.items()
    }
    aims = {
        layer: {"style": STATISTICS[statistic](sums), "weight": weights[layer]}
        for layer, sums in of_target.items()
    }
    check_masks(masks or {})
    sums = Sums(style_sums, masks or {})
    return Term(name, weight, tuple(targets), _style_loss_of_sums(statistic), aims, sums)


def style_sums(features: Any, mask: Any = None) -> dict[str, Any]:
    """What a style is made of: Σ_k F_ik F_jk, the G of equation (3); Σ_k F_ik; and the number M of positions.

    ``features``: ``(1, h, w, N)``. ``mask``: ``(1, h, w, 1)``, how much each position counts.
    All three add up over the parts of a picture.
    """
    positions = positions_of(features)
    if mask is None:
        sum_of_each = ops.sum(positions, axis=0)
        return {"gram": gram_matrix(features), "sum": sum_of_each, "positions": count_of(positions)}
    # Half of the mask on either side: a matrix with itself leads its gradient back in one product, not two.
    root = ops.sqrt(ops.reshape(mask, (-1, 1)))
    counted = root * positions
    return {
        "gram": product_with_itself(counted),
        "sum": ops.sum(root * counted, axis=0),
        "positions": ops.sum(mask),
    }


def masks_at(mask: Any, layers: Iterable[str]) -> dict[str, Any]:
    """A mask of an image at the positions of some layers, ``{layer: (1, h, w, 1)}``.

    ``mask``: ``(H, W)``, 0…1. A position of a layer stands for a square of pixels and counts as much as the
    mean of the mask over it.
    """
    over_pixels = ops.convert_to_tensor(mask, "float32")[None, :, :, None]
    return {
        layer: ops.average_pool(over_pixels, stride(layer), stride(layer), "valid")
        for layer in layer_names(layers)
    }


def check_masks(masks: Features) -> None:
    """Raise ``ArgumentError`` for a mask that is 0 at every position of a layer: its area divides a sum."""
    for layer, mask in masks.items():
        if not float(ops.sum(mask)) > 0:
            raise ArgumentError(f"A mask covers nothing at the size of {layer}.")


def gram(sums: Mapping[str, Any]) -> dict[str, Any]:
    """G / M of equation (3), from ``style_sums``."""
    return {"matrix": sums["gram"] / sums["positions"]}


def shifted_gram(sums: Mapping[str, Any]) -> dict[str, Any]:
    """The Gram matrix of F − 1, per position: what is 0 in both of two filters then says something too.

    Source: Novak and Nikulin (2016), "Improving the neural algorithm of artistic style", section 3.3.
    """
    mean = sums["sum"] / sums["positions"]
    return {"matrix": sums["gram"] / sums["positions"] - mean[:, None] - mean[None, :] + 1}


def mean_and_covariance(sums: Mapping[str, Any]) -> dict[str, Any]:
    """The mean μ_i = 1/M Σ_k F_ik and the covariance G / M − μ μᵀ: the Gram matrix taken apart.

    Source: means and variances as a style: Li, Wang, Liu and Hou (2017), "Demystifying neural style
    transfer"; the covariance: Sun and Saenko (2016), "Deep CORAL", equation (1).
    """
    mean = sums["sum"] / sums["positions"]
    return {"matrix": sums["gram"] / sums["positions"] - mean[:, None] * mean[None, :], "mean": mean}


STATISTICS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = MappingProxyType(
    {"gram": gram, "shifted gram": shifted_gram, "mean and covariance": mean_and_covariance}
)
"""The statistics that a style can be, each a function of ``style_sums``."""


def weighted_sum(terms: Sequence[Term], features: Features) -> tuple[Any, dict[str, Any]]:
    """An objective: Σ weight · loss over its terms. Equation (7) is the sum of a content and a style term.

    ``features``: ``{layer: (1, h, w, N)}`` with the layers of every term.
    Returns the total and each term's loss before its weight, by name.
    """
    needed = {layer: features[layer] for term in terms for layer in term.layers}
    return total_of_sums(terms, sums_of_terms(terms, needed, maps_of(terms)), data_of(terms))


def sums_of_terms(
    terms: Sequence[Term], features: Features, maps: Mapping[str, Features]
) -> dict[str, dict[str, Any]]:
    """What the losses of some terms are made of, ``{term: {layer: sums}}``, in the layers of ``features``."""
    return {
        term.name: {
            layer: features[layer]
            if term.sums is None
            else term.sums.of_layer(features[layer], maps[term.name].get(layer))
            for layer in term.layers
            if layer in features
        }
        for term in terms
    }


def total_of_sums(
    terms: Sequence[Term], sums: Mapping[str, Any], data: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The second half of ``weighted_sum``, from ``sums_of_terms`` over the whole picture."""
    losses = {term.name: term.loss(sums[term.name], data[term.name]["targets"]) for term in terms}
    return sum(data[name]["weight"] * loss for name, loss in losses.items()), losses


def structure(term: Term) -> Term:
    """A term without its numbers. Terms that differ in their numbers alone share one compiled graph."""
    return term._replace(weight=None, targets=None, sums=term.sums and term.sums._replace(maps=None))


def maps_of(terms: Sequence[Term]) -> dict[str, dict[str, Any]]:
    """The maps of some terms by name, apart from the terms, so that a compiled graph takes any."""
    return {term.name: dict(term.sums.maps) if term.sums else {} for term in terms}


def data_of(terms: Sequence[Term]) -> dict[str, dict[str, Any]]:
    """The weights and targets of some terms by name, for the same reason."""
    return {term.name: {"weight": float(term.weight), "targets": term.targets} for term in terms}


def _divided_sum(sums: Mapping[str, Any], entries: Any) -> Any:
    return sum(sums.values()) / entries


@functools.cache
def _style_loss_of_sums(statistic: Statistic) -> Callable[[Mapping[str, Any], Any], Any]:
    # Cached, because terms of one kind share a compiled graph.
    def loss(sums: Mapping[str, Any], targets: Mapping[str, Any]) -> Any:
        return sum(
            targets[layer]["weight"] * _style_distance(STATISTICS[statistic](part), targets[layer]["style"])
            for layer, part in sums.items()
        )

    return loss


def _style_distance(style: Mapping[str, Any], target: Mapping[str, Any]) -> Any:
    """``gram_distance`` of the matrices, and of means 1/N Σ_i (μ_i − μ'_i)²."""
    distance = gram_distance(style["matrix"], target["matrix"])
    if "mean" in style:
        distance = distance + ops.mean(ops.square(style["mean"] - target["mean"]))
    return distance


HISTOGRAM_LAYERS = ("block1_conv1", "block4_conv1")
"""Where Risser, Wilmot and Barnes (2017) match histograms: relu1_1 and relu4_1."""


class Scene(NamedTuple):
    """The images of a transfer at one of the sizes of a run, for a term that is made of them."""

    content: np.ndarray
    """Pixels ``(1, H, W, 3)`` of the content image, of the size that is painted."""

    styles: tuple[np.ndarray, ...]
    """Pixels ``(1, h, w, 3)`` of each style image, at the scale that is painted."""

    features: Callable[[Any, tuple[str, ...]], Mapping[str, Any]]
    """Pixels and names of layers → feature maps by layer, as the run's own network sees them."""


Builder = Callable[[float, Scene], Term]
"""Makes a term from its weight and the scene."""

Terms = Mapping[str, float | Term | Callable[[Scene], Term]]
"""Terms beside content and style: a weight for a name of ``TERMS``, or a term of one's own."""


def total_variation(pixels: Any) -> Any:
    """Σ_pq ((x_p+1,q − x_p,q)² + (x_p,q+1 − x_p,q)²) / (3·H·W): how much neighboring pixels differ.

    ``pixels``: ``(1, H, W, 3)``. Returns a scalar, in squared gray levels; the channels are added up.
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
        layer for layer in HISTOGRAM_LAYERS if min(scene.content.shape[1:3]) >= smallest_side([layer])
    )
    sizes = {layer: maps.shape for layer, maps in scene.features(scene.content, layers).items()}
    seen = [scene.features(style, layers) for style in scene.styles]
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
