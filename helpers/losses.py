"""Equations (1) to (7) of Gatys, Ecker and Bethge (2015), one function each, and the terms made of them.

Feature maps are ``(1, h, w, N)``: N filters and M = h·w positions, the paper's N_l and M_l. The paper
writes them as a matrix F of N rows and M columns; here F_ik is the entry of filter i at position k.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from helpers.backend import keras, with_gradient
from helpers.errors import ArgumentError
from helpers.vgg import LAYERS, layer_name, layer_names, stride

ops = keras.ops

Features = Mapping[str, Any]
"""Feature maps ``(1, h, w, N)`` by layer."""

PIXELS = "pixels"
"""The name by which a term asks for the image itself, ``(1, H, W, 3)``, as if it were one more layer."""

Statistic = Literal["gram", "shifted gram", "mean and covariance"]
"""What of a layer's feature maps is the style: see ``gram``, ``shifted_gram`` and ``mean_and_covariance``."""

LayerWeights = Mapping[str, float] | float
"""The w_l of equation (5): a weight for each layer, or a number r, the weight of each layer beside that of
the layer before it: w_l ∝ r^l, in sum 1. Below 1 the fine strokes of the first layers count for more."""


class Term(NamedTuple):
    """One named summand of an objective: ``weight · loss``, the loss of sums over the positions of layers.

    The losses of the paper are functions of sums over positions: equation (1) is one, a Gram matrix is a
    table of them. What is a sum can be taken tile by tile, so such a term serves pictures of any size.
    """

    name: str
    weight: float
    layers: tuple[str, ...]
    """Names of layers, or ``(PIXELS,)``."""
    loss: Callable[[Mapping[str, Any], Any], Any]
    """``({layer: sums}, targets)`` → a scalar."""
    sums: Callable[[Any, Any], Any] | None = None
    """A layer's feature maps and its map → whatever adds up over positions, a tensor or a dict of tensors.

    ``None``: the feature maps themselves. Such a term can see how positions relate, and needs the whole
    picture at once; where it is one over pixels, that is no trouble.
    """
    maps: Features = MappingProxyType({})
    """Targets that lie over the positions of a layer, ``{layer: (1, h, w, C)}``: feature maps, or a mask."""
    targets: Any = ()
    """Targets that do not: tensors, numbers, or dicts of them."""


def content_loss(features: Any, target: Any) -> Any:
    """Equation (1): L_content = ½ Σ_ik (F_ik − P_ik)².

    ``features``, ``target``: the feature maps F of the image and P of the photograph in one layer, both
    ``(1, h, w, N)``. The unit is the square of an activation; the sum grows with N·M.

    Returns a scalar, 0 or more. Raises ``ArgumentError`` where the shapes differ.
    Source: Gatys, Ecker and Bethge (2015), equation (1).
    """
    features, target = _same_shape(features, target)
    return ops.sum(ops.square(features - target)) / 2


def content_gradient(features: Any, target: Any) -> Any:
    """Equation (2): ∂L_content/∂F_ik = F_ik − P_ik where F_ik > 0, else 0.

    ``features``, ``target``: ``(1, h, w, N)`` each. F is what the ReLU lets through, so the derivative is
    the one with respect to the activation before the ReLU.

    Returns ``(1, h, w, N)``. Raises ``ArgumentError`` where the shapes differ.
    Source: Gatys, Ecker and Bethge (2015), equation (2).
    """
    features, target = _same_shape(features, target)
    return ops.where(features > 0, features - target, 0.0)


def gram_matrix(features: Any) -> Any:
    """Equation (3): G_ij = Σ_k F_ik F_jk.

    ``features``: ``(1, h, w, N)``. The sum runs over the M = h·w positions and is not divided by anything.

    Returns ``(N, N)``, symmetric, positive semi-definite, in squared activations.
    Raises ``ArgumentError`` for another shape.
    Source: Gatys, Ecker and Bethge (2015), equation (3).
    """
    return _with_itself(_positions(features))


def style_layer_loss(features: Any, target: Any) -> Any:
    """Equation (4): E_l = 1 / (4 N² M²) Σ_ij (G_ij − A_ij)².

    ``features``, ``target``: feature maps of the image, ``(1, h, w, N)``, and of the painting,
    ``(1, h', w', N)``, with the Gram matrices G and A. Each Gram matrix is divided by its own M, so the
    value is that of equation (4) where the sizes agree and stays defined where they do not.

    Returns a scalar, 0 or more, in fourth powers of an activation. Raises ``ArgumentError`` where N differs.
    Source: Gatys, Ecker and Bethge (2015), equation (4).
    """
    return gram_distance(gram_per_position(features), gram_per_position(target))


def gram_per_position(features: Any) -> Any:
    """G / M: the Gram matrix of equation (3), divided by the number M = h·w of positions.

    ``features``: ``(1, h, w, N)``. Returns ``(N, N)``. It does not grow with the picture, which is what
    lets two pictures of different sizes be compared.
    """
    positions = _positions(features)
    return gram_matrix(features) / _count(positions)


def gram_distance(gram: Any, target: Any) -> Any:
    """1 / (4 N²) Σ_ij (G_ij / M − A_ij / M')²: equation (4) from two Gram matrices per position.

    ``gram``, ``target``: ``(N, N)`` each, as ``gram_per_position`` gives them. Returns a scalar.
    Raises ``ArgumentError`` where the shapes differ.
    """
    gram, target = _same_shape(gram, target)
    return ops.sum(ops.square(gram - target)) / (4 * gram.shape[0] ** 2)


def style_loss(features: Features, targets: Features, weights: LayerWeights | None = None) -> Any:
    """Equation (5): L_style = Σ_l w_l E_l.

    ``features``, ``targets``: feature maps of the image and of the painting, ``{layer: (1, h, w, N)}``;
    every layer of ``targets`` counts. ``weights``: see ``LayerWeights``, by default 1 / number of layers
    each, as in the paper. Layers may bear Keras' or the paper's names.

    Returns a scalar. Raises ``ArgumentError`` where a layer is missing.
    Source: Gatys, Ecker and Bethge (2015), equation (5).
    """
    features, targets = _by_layer(features), _by_layer(targets)
    missing = [layer for layer in targets if layer not in features]
    if missing:
        raise ArgumentError(f"The style needs feature maps of {', '.join(missing)} as well.")
    weights = _layer_weights(tuple(targets), weights)
    return sum(weights[layer] * style_layer_loss(features[layer], targets[layer]) for layer in targets)


def style_layer_gradient(features: Any, target: Any) -> Any:
    """Equation (6): ∂E_l/∂F = 1 / (N² M²) (Fᵀ(G − A))ᵀ where F > 0, else 0.

    ``features``, ``target``: ``(1, h, w, N)`` and ``(1, h', w', N)``. As in ``style_layer_loss`` each Gram
    matrix is divided by its own M: 1 / (N² M) ((G / M − A / M') F), the printed equation where the sizes
    agree. F is what the ReLU lets through, so the derivative is the one with respect to the activation
    before the ReLU.

    Returns the shape of ``features``. Raises ``ArgumentError`` where N differs.
    Source: Gatys, Ecker and Bethge (2015), equation (6).
    """
    gram, target_gram = _same_shape(gram_per_position(features), gram_per_position(target))
    positions = _positions(features)
    count, filters = positions.shape
    gradient = ops.matmul(positions, gram - target_gram) / (filters**2 * count)
    return ops.where(features > 0, ops.reshape(gradient, ops.shape(features)), 0.0)


def total_loss(content: Any, style: Any, content_weight: float, style_weight: float) -> Any:
    """Equation (7): L_total = α L_content + β L_style.

    ``content``, ``style``: the values of (1) and (5); ``content_weight``, ``style_weight``: α and β.
    Source: Gatys, Ecker and Bethge (2015), equation (7).
    """
    return content_weight * content + style_weight * style


def content_term(target: Any, layer: str, weight: float, per_entry: bool, name: str = "content") -> Term:
    """The content loss in one layer as a term of an objective.

    ``target``: feature maps ``(1, h, w, N)`` of the photograph. ``per_entry``: divide equation (1) by the
    number N·M of its entries, so that one weight serves pictures of every size.
    """
    layer = layer_name(layer)
    target = ops.convert_to_tensor(target)
    entries = target.shape[1] * target.shape[2] * target.shape[3] if per_entry else 1
    return Term(name, weight, (layer,), _divided_sum, content_loss, {layer: target}, float(entries))


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
    targets = _by_layer(targets)
    weights = _layer_weights(tuple(targets), layer_weights)
    sums = {
        layer: target if isinstance(target, Mapping) else style_sums(target)
        for layer, target in targets.items()
    }
    aims = {
        layer: {"style": STATISTICS[statistic](of_layer), "weight": weights[layer]}
        for layer, of_layer in sums.items()
    }
    check_masks(masks or {})
    return Term(name, weight, tuple(targets), _style_loss_of_sums(statistic), style_sums, masks or {}, aims)


def style_sums(features: Any, mask: Any = None) -> dict[str, Any]:
    """What a style is made of: Σ_k F_ik F_jk, the G of equation (3); Σ_k F_ik; and the number M of positions.

    ``features``: ``(1, h, w, N)``. ``mask``: ``(1, h, w, 1)``, how much each position counts.
    All three add up over the parts of a picture.
    """
    positions = _positions(features)
    if mask is None:
        sum_of_each = ops.sum(positions, axis=0)
        return {"gram": gram_matrix(features), "sum": sum_of_each, "positions": _count(positions)}
    # Half of the mask on either side: a matrix with itself leads its gradient back in one product, not two.
    root = ops.sqrt(ops.reshape(mask, (-1, 1)))
    counted = root * positions
    return {
        "gram": _with_itself(counted),
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
            else term.sums(features[layer], maps[term.name].get(layer))
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


def maps_of(terms: Sequence[Term]) -> dict[str, dict[str, Any]]:
    """The maps of some terms by name, apart from the terms, so that a compiled graph takes any."""
    return {term.name: dict(term.maps) for term in terms}


def data_of(terms: Sequence[Term]) -> dict[str, dict[str, Any]]:
    """The weights and targets of some terms by name, for the same reason."""
    return {term.name: {"weight": float(term.weight), "targets": term.targets} for term in terms}


@with_gradient
def _with_itself(positions: Any) -> tuple[Any, Callable[[Any], Any]]:
    """FᵀF of positions ``(M, N)``, and its gradient F(S + Sᵀ), S being the loss's with respect to FᵀF.

    Left to automatic differentiation it would be F S + F Sᵀ: two products, each as long as the first.
    """

    def gradient(slope: Any) -> Any:
        return ops.matmul(positions, slope + ops.transpose(slope))

    return ops.matmul(ops.transpose(positions), positions), gradient


def _count(positions: Any) -> Any:
    """The number M of positions, counted where they are: a GPU would wait for a number from the host."""
    return ops.sum(ops.ones_like(positions[:, 0]))


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


def _layer_weights(layers: tuple[str, ...], weights: LayerWeights | None) -> Mapping[str, float]:
    if weights is None:
        return dict.fromkeys(layers, 1 / len(layers))
    if not isinstance(weights, Mapping):
        in_order = sorted(layers, key=LAYERS.index)
        powers = {layer: float(weights) ** number for number, layer in enumerate(in_order)}
        return {layer: powers[layer] / sum(powers.values()) for layer in layers}
    weights = _by_layer(weights)
    if set(weights) != set(layers):
        raise ArgumentError(
            f"The weights name the layers {', '.join(sorted(weights))}, "
            f"the style has {', '.join(sorted(layers))}."
        )
    return weights


def _by_layer(values: Mapping[str, Any]) -> dict[str, Any]:
    layer_names(values)
    return {layer_name(layer): value for layer, value in values.items()}


def _positions(features: Any) -> Any:
    features = _floats(features)
    if len(features.shape) != 4 or features.shape[0] != 1:
        raise ArgumentError(f"Feature maps have the shape (1, h, w, N), not {tuple(features.shape)}.")
    return ops.reshape(features, (-1, features.shape[-1]))


def _same_shape(first: Any, second: Any) -> tuple[Any, Any]:
    first, second = _floats(first), _floats(second)
    if tuple(first.shape) != tuple(second.shape):
        raise ArgumentError(f"Shapes differ: {tuple(first.shape)} is compared with {tuple(second.shape)}.")
    return first, ops.cast(second, first.dtype)


def _floats(values: Any) -> Any:
    tensor = ops.convert_to_tensor(values)
    return tensor if "float" in str(tensor.dtype) else ops.cast(tensor, "float32")
