"""Terms: the named, weighted summands of an objective.

Equation (7) is the weighted sum of a content and a style term. To add a term, write a function here that
makes it and enter that function in ``TERMS``; ``transfer(…, terms={name: weight})`` and ``course.py transfer
--term`` then accept its name.
"""

import functools
import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from helpers.color import quantiles
from helpers.compute.framework import keras
from helpers.errors import ArgumentError, check_choice, check_number, reason, shown
from helpers.layers import layer_name, layer_names, smallest_side, stride
from helpers.losses import (
    Features,
    content_loss,
    feature_matrix,
    gram_distance,
    number_of_positions,
    transposed_product,
    weights_of_layers,
    with_keras_names,
)
from helpers.options import LayerWeights, Statistic

ops = keras.ops

PIXELS = "pixels"
"""The name of the pixels ``(1, H, W, 3)`` of the generated image, where a term names its layers."""


class Sums(NamedTuple):
    """Sums over the positions of a layer from which the loss of a term is computed.

    Equation (1) is such a sum, and so is each entry of a Gram matrix. The sum over an image is the sum of
    the sums over its tiles, so a term with ``Sums`` can be evaluated tile by tile.
    """

    of_layer: Callable[[Any, Any], Any]
    """Feature maps of a layer, and its map or ``None`` → the sums: a tensor or dict of tensors."""
    maps: Features = MappingProxyType({})
    """Targets at each position of a layer, ``{layer: (1, h, w, C)}``: feature maps, or a mask."""


class Term(NamedTuple):
    """One named summand of an objective: ``weight · loss``."""

    name: str
    weight: float
    layers: tuple[str, ...]
    """Names of layers, or ``(PIXELS,)``."""
    loss: Callable[[Mapping[str, Any], Any], Any]
    """``({layer: feature maps}, targets)`` → a scalar."""
    targets: Any = ()
    """The second argument of ``loss``: tensors, numbers, or dicts of them."""
    sums: Sums | None = None
    """If given, the loss takes these sums in place of feature maps and can be evaluated tile by tile."""


def content_term(target: Any, layer: str, weight: float, per_entry: bool) -> Term:
    """The content loss in one layer as a term of an objective.

    ``target``: feature maps ``(1, h, w, N)`` of the content image. ``per_entry``: divide equation (1) by the
    number N·M of its summands, so that the same weight suits images of all sizes.
    """
    layer = layer_name(layer)
    target = ops.convert_to_tensor(target)
    entries = target.shape[1] * target.shape[2] * target.shape[3] if per_entry else 1
    return Term(
        "content", weight, (layer,), _divided_sum, float(entries), Sums(content_loss, {layer: target})
    )


def style_term(
    targets: Features,
    weight: float,
    layer_weights: LayerWeights | None = None,
    name: str = "style",
    statistic: Statistic = "gram",
    masks: Features | None = None,
) -> Term:
    """The style loss over some layers as a term of an objective.

    ``targets``: the style image's feature maps, ``{layer: (1, h, w, N)}``, or their ``style_sums``.
    ``statistic``: the name in ``STATISTICS`` of the statistic that is compared.
    ``masks``: the region of the generated image that takes this style, ``{layer: (1, h, w, 1)}``, 0…1, see
    ``masks_at``. Its Gram matrix is weighted by the mask: Σ_k m_k F_ik F_jk / Σ_k m_k.

    Raises ``ArgumentError`` for an unknown statistic or a mask that is 0 everywhere.
    Source: regions: Gatys, Ecker, Bethge, Hertzmann and Shechtman (2017), "Controlling perceptual factors in
    neural style transfer", section 4.
    """
    check_choice("The statistic", statistic, STATISTICS)
    targets = with_keras_names(targets)
    weights = weights_of_layers(tuple(targets), layer_weights)
    target_styles = {}
    for layer, target in targets.items():
        sums = target if isinstance(target, Mapping) else style_sums(target)
        target_styles[layer] = {"style": STATISTICS[statistic](sums), "weight": weights[layer]}
    check_masks(masks or {})
    loss = _style_loss_of_sums(statistic)
    return Term(name, weight, tuple(targets), loss, target_styles, Sums(style_sums, masks or {}))


def style_sums(features: Any, mask: Any = None) -> dict[str, Any]:
    """The sums from which every statistic of ``STATISTICS`` is computed.

    ``features``: ``(1, h, w, N)``. ``mask``: ``(1, h, w, 1)``, the weight m_k of each position, by default 1.
    Returns ``gram``: Σ_k m_k F_ik F_jk, the G of equation (3), ``(N, N)``; ``sum``: Σ_k m_k F_ik, ``(N,)``;
    ``positions``: Σ_k m_k, a scalar.
    """
    positions = feature_matrix(features)
    if mask is None:
        total, count = ops.sum(positions, axis=0), number_of_positions(positions)
        return {"gram": transposed_product(positions), "sum": total, "positions": count}
    # Weighted by the root of the mask, the product has the form XᵀX, whose gradient takes one product.
    root = ops.sqrt(ops.reshape(mask, (-1, 1)))
    weighted = root * positions
    total, count = ops.sum(root * weighted, axis=0), ops.sum(mask)
    return {"gram": transposed_product(weighted), "sum": total, "positions": count}


def masks_at(mask: Any, layers: Iterable[str]) -> dict[str, Any]:
    """A mask of an image at the positions of some layers, ``{layer: (1, h, w, 1)}``.

    ``mask``: ``(H, W)``, 0…1. A position behind k pooling layers corresponds to a square of 2^k × 2^k pixels;
    its weight is the mean of the mask over that square.
    """
    mask = ops.convert_to_tensor(mask, "float32")[None, :, :, None]
    return {
        layer: ops.average_pool(mask, stride(layer), padding="valid", data_format="channels_last")
        for layer in layer_names(layers)
    }


def check_masks(masks: Features) -> None:
    """Raise ``ArgumentError`` for a mask that is 0 at every position of a layer: its sum is a divisor."""
    for layer, mask in masks.items():
        if not ops.any(mask):
            raise ArgumentError(f"A mask covers nothing at the size of {layer}.")


def gram(sums: Mapping[str, Any]) -> dict[str, Any]:
    """G / M of equation (3), from ``style_sums``."""
    return {"matrix": sums["gram"] / sums["positions"]}


def shifted_gram(sums: Mapping[str, Any]) -> dict[str, Any]:
    """The Gram matrix of F − 1, divided by M: positions where two filters are both 0 then contribute too.

    Source: Novak and Nikulin (2016), "Improving the neural algorithm of artistic style", section 3.3.
    """
    mean = sums["sum"] / sums["positions"]
    return {"matrix": sums["gram"] / sums["positions"] - mean[:, None] - mean[None, :] + 1}


def mean_and_covariance(sums: Mapping[str, Any]) -> dict[str, Any]:
    """The mean μ_i = 1/M Σ_k F_ik and the covariance G / M − μ μᵀ, whose sum with μ μᵀ is G / M.

    Source: means and variances as style: Li, Wang, Liu and Hou (2017), "Demystifying neural style
    transfer"; the covariance: Sun and Saenko (2016), "Deep CORAL", equation (1).
    """
    mean = sums["sum"] / sums["positions"]
    return {"matrix": sums["gram"] / sums["positions"] - mean[:, None] * mean[None, :], "mean": mean}


STATISTICS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = MappingProxyType(
    {"gram": gram, "shifted gram": shifted_gram, "mean and covariance": mean_and_covariance}
)
"""The statistics of feature maps that can represent a style, each a function of ``style_sums``."""


def sums_of_terms(
    terms: Sequence[Term], features: Features, maps: Mapping[str, Features]
) -> dict[str, dict[str, Any]]:
    """What the losses of some terms take, ``{term: {layer: sums or feature maps}}``.

    Only the layers in ``features`` appear, so the layers of a network can be passed in several calls.
    ``maps``: see ``target_maps``.
    """
    taken = {}
    for term in terms:
        layers = [layer for layer in term.layers if _key(layer) in features]
        taken[term.name] = with_given_names(features, layers)
        if term.sums:
            sums, of_term = term.sums.of_layer, maps[term.name]
            taken[term.name] = {
                layer: sums(maps_of_layer, of_term.get(_key(layer)))
                for layer, maps_of_layer in taken[term.name].items()
            }
    return taken


def _key(layer: str) -> str:
    return layer if layer == PIXELS else layer_name(layer)


def with_given_names(features: Features, layers: Iterable[str]) -> dict[str, Any]:
    """Feature maps by the names that their layers were given by, which may be the paper's."""
    return {layer: features[_key(layer)] for layer in layers}


def objective_from_sums(
    terms: Sequence[Term], sums: Mapping[str, Any], data: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The value of an objective, Σ weight · loss over its terms.

    ``sums``: ``sums_of_terms`` over the whole image. ``data``: see ``weights_and_targets``.
    Returns the total, and the loss of each term by name, not yet multiplied by its weight.
    """
    losses = {}
    for term in terms:
        loss = term.loss(sums[term.name], data[term.name]["targets"])
        shape = getattr(loss, "shape", None if loss is None else ())
        if shape is None or len(shape):
            returned = "nothing" if loss is None else f"an array of the shape {tuple(shape)}"
            raise ArgumentError(
                f"The loss of the term {term.name} is a number; its function returns {returned}."
            )
        losses[term.name] = ops.cast(loss, "float32")
    return sum(data[name]["weight"] * loss for name, loss in losses.items()), losses


def structure(term: Term) -> Term:
    """A term without weight, targets and maps. Terms that differ only in these share one compiled graph."""
    return term._replace(weight=None, targets=None, sums=term.sums and term.sums._replace(maps=None))


def target_maps(terms: Sequence[Term]) -> dict[str, dict[str, Any]]:
    """The maps of some terms by name, as arguments of a compiled graph."""
    return {
        term.name: {_key(layer): values for layer, values in term.sums.maps.items()} if term.sums else {}
        for term in terms
    }


def weights_and_targets(terms: Sequence[Term]) -> dict[str, dict[str, Any]]:
    """The weights and targets of some terms by name, as arguments of a compiled graph."""
    return {term.name: {"weight": float(term.weight), "targets": term.targets} for term in terms}


def _divided_sum(sums: Mapping[str, Any], entries: Any) -> Any:
    return sum(sums.values()) / entries


@functools.cache  # Terms share a compiled graph only if their loss is the same function.
def _style_loss_of_sums(statistic: Statistic) -> Callable[[Mapping[str, Any], Any], Any]:
    def loss(sums: Mapping[str, Any], targets: Mapping[str, Any]) -> Any:
        total = 0.0
        for layer, of_layer in sums.items():
            style, target = STATISTICS[statistic](of_layer), targets[layer]["style"]
            distance = gram_distance(style["matrix"], target["matrix"])
            if "mean" in style:  # 1/N Σ_i (μ_i − μ'_i)²
                distance = distance + ops.mean(ops.square(style["mean"] - target["mean"]))
            total = total + targets[layer]["weight"] * distance
        return total

    return loss


class Scene(NamedTuple):
    """The images of a transfer at one of the scales of a run, from which a term takes its targets."""

    content: np.ndarray
    """Pixels ``(1, H, W, 3)`` of the content image, in the size of the generated image."""

    styles: tuple[np.ndarray, ...]
    """Pixels ``(1, h, w, 3)`` of each style image at this scale."""

    features: Callable[[Any, tuple[str, ...]], Mapping[str, Any]]
    """Pixels and names of layers → feature maps by these names, in the network of the run."""


Terms = Mapping[str, float | Term | Callable[[Scene], Term]]
"""Terms besides content and style by name: a weight if the name is in ``TERMS``, else a term, or a function
that makes one from a scene."""


def total_variation(pixels: Any) -> Any:
    """Σ_pq ((x_p+1,q − x_p,q)² + (x_p,q+1 − x_p,q)²) / (3·H·W): the squared differences of neighbors.

    ``pixels``: ``(1, H, W, 3)``. Returns a scalar, in squared gray levels; the sum includes the channels.
    Source: Mahendran and Vedaldi (2015), "Understanding deep image representations by inverting them",
    section 3, with β = 2. Departure: divided by the number of values, so that a weight suits all sizes.
    """
    vertical, horizontal = pixels[:, 1:] - pixels[:, :-1], pixels[:, :, 1:] - pixels[:, :, :-1]
    return (ops.sum(ops.square(vertical)) + ops.sum(ops.square(horizontal))) / ops.sum(ops.ones_like(pixels))


def histogram_loss(features: Any, quantiles: Any) -> Any:
    """Σ_ik (F_ik − R(F)_ik)² / (N·M): the distance of each filter's histogram to the target's.

    R matches the histogram of each filter's activations to that of the style image and is constant in the
    gradient. R is monotonic, so sorting F and R(F) changes neither the sum nor its gradient, and the sorted
    R(F) are the quantiles of the style image.

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
    return np.stack([quantiles(values, ranks) for values in maps.reshape(-1, maps.shape[-1]).T], axis=1)


def total_variation_term(weight: float, scene: Scene) -> Term:
    """``total_variation`` of the generated image: a weight of 0.001 removes grain, 0.01 blurs."""
    return Term("total variation", weight, (PIXELS,), _total_variation_of)


def histogram_term(weight: float, scene: Scene) -> Term:
    """``histogram_loss`` in the layers of Risser, Wilmot and Barnes (2017), relu1_1 and relu4_1.

    The targets are the mean quantiles of the style images.
    """
    layers = ("block1_conv1", "block4_conv1")
    if min(scene.content.shape[1:3]) < smallest_side(layers):
        layers = layers[:1]
    shapes = {layer: maps.shape for layer, maps in scene.features(scene.content, layers).items()}
    style_features = [scene.features(style, layers) for style in scene.styles]
    targets = {
        layer: np.mean([quantiles_of(maps[layer], h * w) for maps in style_features], axis=0)
        for layer, (_, h, w, _) in shapes.items()
    }
    return Term("histogram", weight, layers, _histogram_loss_of, targets=targets)


def change_term(weight: float, before: Any, visible: Any = None) -> Term:
    """Σ_pq c_pq |x_pq − b_pq|² / (3·H·W): temporal consistency of a frame with the frame before it.

    ``before``: pixels ``(1, H, W, 3)`` of the stylized frame before, warped by the optical flow.
    ``visible``: c, ``(H, W)``, 0 at disocclusions, where the warped frame is undefined; by default 1.
    Source: Ruder, Dosovitskiy and Brox (2016), "Artistic style transfer for videos", equation (7).
    """
    before = ops.convert_to_tensor(before, "float32")
    visible = np.ones(before.shape[1:3]) if visible is None else visible
    targets = {"before": before, "visible": ops.convert_to_tensor(visible, "float32")[None, :, :, None]}
    return Term("change", weight, (PIXELS,), _change_of, targets)


TERMS: Mapping[str, Callable[[float, Scene], Term]] = MappingProxyType(
    {"total variation": total_variation_term, "histogram": histogram_term}
)
"""The terms that a transfer may have besides content and style: name → weight and scene → term."""


def build_terms(terms: Terms, scene: Scene) -> list[Term]:
    """The terms of a scene; a name with weight 0 is left out.

    Raises ``ArgumentError`` for a weight whose name is not in ``TERMS``, or an unknown layer.
    """
    built = []
    for name, term in terms.items():
        if not isinstance(term, Term) and not callable(term):
            check_choice("A further term", name, TERMS)
            check_number(f"The weight of the term {name}", term)
            if not term:
                continue
            term = TERMS[name](float(term), scene)
        elif callable(term):
            try:
                term = term(scene)
            except Exception as error:
                raise ArgumentError(
                    f"The function given as the term {name} takes a Scene and returns a Term (a loss goes in "
                    f"Term(name, weight, layers, loss)); it failed: {reason(error)}."
                ) from error
        check_terms([term])
        built.append(term._replace(name=name))
    return built


def check_terms(terms: Iterable[Any]) -> None:
    """Raise ``ArgumentError`` for what is no ``Term`` with a weight, names of layers, and a function."""
    for term in terms:
        if not isinstance(term, Term):
            raise ArgumentError(f"A term is a Term(name, weight, layers, loss), not {shown(term)}.")
        if isinstance(term.layers, str) or not isinstance(term.layers, Iterable) or not term.layers:
            raise ArgumentError(
                f"The layers of the term {term.name} are a tuple of names, such as ('conv3_1',), "
                f"not {shown(term.layers)}."
            )
        for layer in term.layers:
            _key(layer)
        if not isinstance(term.weight, numbers.Real) or not math.isfinite(term.weight):
            raise ArgumentError(f"The weight of the term {term.name} is a number, not {shown(term.weight)}.")
        if not callable(term.loss):
            raise ArgumentError(f"The loss of the term {term.name} is a function, not {shown(term.loss)}.")


def _total_variation_of(features: Mapping[str, Any], _: Any) -> Any:
    return total_variation(features[PIXELS])


def _histogram_loss_of(features: Mapping[str, Any], quantiles: Mapping[str, Any]) -> Any:
    return sum(histogram_loss(features[layer], quantiles[layer]) for layer in quantiles)


def _change_of(features: Mapping[str, Any], targets: Mapping[str, Any]) -> Any:
    return ops.mean(ops.square(features[PIXELS] - targets["before"]) * targets["visible"])
