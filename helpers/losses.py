"""Equations (1) to (7) of Gatys, Ecker and Bethge (2015), one function each, and the terms made of them.

Feature maps are ``(1, h, w, N)``: N filters and M = h·w positions, the paper's N_l and M_l. The paper
writes them as a matrix F of N rows and M columns; here F_ik is the entry of filter i at position k.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from helpers.backend import keras
from helpers.vgg import layer_name, layer_names

ops = keras.ops

Features = Mapping[str, Any]
"""Feature maps ``(1, h, w, N)`` by layer."""


class Term(NamedTuple):
    """One named summand of an objective: ``weight · loss``, the loss of sums over the positions of layers.

    The losses of the paper are functions of sums over positions: equation (1) is one, a Gram matrix is a
    table of them. What is a sum can be taken tile by tile, so such a term serves pictures of any size.
    """

    name: str
    weight: float
    layers: tuple[str, ...]
    loss: Callable[[Mapping[str, Any], Any], Any]
    """``({layer: sums}, targets)`` → a scalar."""
    sums: Callable[[Any, Any], Any] | None = None
    """A layer's feature maps and its map → whatever adds up over positions, a tensor or a dict of tensors.

    ``None``: the feature maps themselves. Such a term can see how positions relate, and needs the whole
    picture at once.
    """
    maps: Features = MappingProxyType({})
    """Targets that lie over the positions of a layer, ``{layer: (1, h, w, C)}``: feature maps, or a mask."""
    targets: Any = ()
    """Targets that do not: tensors, numbers, or dicts of them."""


def content_loss(features: Any, target: Any) -> Any:
    """Equation (1): L_content = ½ Σ_ik (F_ik − P_ik)².

    ``features``, ``target``: the feature maps F of the image and P of the photograph in one layer, both
    ``(1, h, w, N)``. The unit is the square of an activation; the sum grows with N·M.

    Returns a scalar, 0 or more. Raises ``ValueError`` where the shapes differ.
    Source: Gatys, Ecker and Bethge (2015), equation (1).
    """
    features, target = _same_shape(features, target)
    return ops.sum(ops.square(features - target)) / 2


def content_gradient(features: Any, target: Any) -> Any:
    """Equation (2): ∂L_content/∂F_ik = F_ik − P_ik where F_ik > 0, else 0.

    ``features``, ``target``: ``(1, h, w, N)`` each. F is what the ReLU lets through, so the derivative is
    the one with respect to the activation before the ReLU.

    Returns ``(1, h, w, N)``. Raises ``ValueError`` where the shapes differ.
    Source: Gatys, Ecker and Bethge (2015), equation (2).
    """
    features, target = _same_shape(features, target)
    return ops.where(features > 0, features - target, 0.0)


def gram_matrix(features: Any) -> Any:
    """Equation (3): G_ij = Σ_k F_ik F_jk.

    ``features``: ``(1, h, w, N)``. The sum runs over the M = h·w positions and is not divided by anything.

    Returns ``(N, N)``, symmetric, positive semi-definite, in squared activations.
    Raises ``ValueError`` for another shape.
    Source: Gatys, Ecker and Bethge (2015), equation (3).
    """
    positions = _positions(features)
    return ops.matmul(ops.transpose(positions), positions)


def style_layer_loss(features: Any, target: Any) -> Any:
    """Equation (4): E_l = 1 / (4 N² M²) Σ_ij (G_ij − A_ij)².

    ``features``, ``target``: feature maps of the image, ``(1, h, w, N)``, and of the painting,
    ``(1, h', w', N)``, with the Gram matrices G and A. Each Gram matrix is divided by its own M, so the
    value is that of equation (4) where the sizes agree and stays defined where they do not.

    Returns a scalar, 0 or more, in fourth powers of an activation. Raises ``ValueError`` where N differs.
    Source: Gatys, Ecker and Bethge (2015), equation (4).
    """
    return gram_distance(gram_per_position(features), gram_per_position(target))


def gram_per_position(features: Any) -> Any:
    """G / M: the Gram matrix of equation (3), divided by the number M = h·w of positions.

    ``features``: ``(1, h, w, N)``. Returns ``(N, N)``. It does not grow with the picture, which is what
    lets two pictures of different sizes be compared.
    """
    positions = _positions(features)
    return gram_matrix(features) / ops.cast(ops.shape(positions)[0], positions.dtype)


def gram_distance(gram: Any, target: Any) -> Any:
    """1 / (4 N²) Σ_ij (G_ij / M − A_ij / M')²: equation (4) from two Gram matrices per position.

    ``gram``, ``target``: ``(N, N)`` each, as ``gram_per_position`` gives them. Returns a scalar.
    Raises ``ValueError`` where the shapes differ.
    """
    gram, target = _same_shape(gram, target)
    return ops.sum(ops.square(gram - target)) / (4 * gram.shape[0] ** 2)


def style_loss(features: Features, targets: Features, weights: Mapping[str, float] | None = None) -> Any:
    """Equation (5): L_style = Σ_l w_l E_l.

    ``features``, ``targets``: feature maps of the image and of the painting, ``{layer: (1, h, w, N)}``;
    every layer of ``targets`` counts. ``weights``: ``{layer: w_l}``, by default 1 / number of layers each,
    as in the paper. Layers may bear Keras' or the paper's names.

    Returns a scalar. Raises ``ValueError`` where a layer is missing.
    Source: Gatys, Ecker and Bethge (2015), equation (5).
    """
    features, targets = _by_layer(features), _by_layer(targets)
    missing = [layer for layer in targets if layer not in features]
    if missing:
        raise ValueError(f"The style needs feature maps of {', '.join(missing)} as well.")
    weights = _layer_weights(tuple(targets), weights)
    return sum(weights[layer] * style_layer_loss(features[layer], targets[layer]) for layer in targets)


def style_layer_gradient(features: Any, target: Any) -> Any:
    """Equation (6): ∂E_l/∂F = 1 / (N² M²) (Fᵀ(G − A))ᵀ where F > 0, else 0.

    ``features``, ``target``: ``(1, h, w, N)`` and ``(1, h', w', N)``. As in ``style_layer_loss`` each Gram
    matrix is divided by its own M: 1 / (N² M) ((G / M − A / M') F), the printed equation where the sizes
    agree. F is what the ReLU lets through, so the derivative is the one with respect to the activation
    before the ReLU.

    Returns the shape of ``features``. Raises ``ValueError`` where N differs.
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
    layer_weights: Mapping[str, float] | None = None,
    name: str = "style",
) -> Term:
    """The style loss over some layers as a term of an objective; the target's Gram matrices are taken once.

    ``targets``: the painting's feature maps, ``{layer: (1, h, w, N)}``, or its Gram matrices per position,
    ``{layer: (N, N)}``, as ``gram_per_position`` gives them.
    """
    targets = _by_layer(targets)
    weights = _layer_weights(tuple(targets), layer_weights)
    grams = {
        layer: gram_per_position(target) if len(target.shape) == 4 else ops.convert_to_tensor(target)
        for layer, target in targets.items()
    }
    aims = {layer: {"gram": gram, "weight": weights[layer]} for layer, gram in grams.items()}
    return Term(name, weight, tuple(targets), _style_loss_of_sums, gram_sums, targets=aims)


def gram_sums(features: Any, _: Any = None) -> dict[str, Any]:
    """What a Gram matrix per position is made of: G of equation (3), and the number M of positions.

    ``features``: ``(1, h, w, N)``. Both add up over parts of a picture.
    """
    positions = _positions(features)
    return {"gram": gram_matrix(features), "positions": ops.cast(ops.shape(positions)[0], positions.dtype)}


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


def _divided_sum(sums: Mapping[str, Any], entries: Any) -> Any:
    return sum(sums.values()) / entries


def _style_loss_of_sums(sums: Mapping[str, Any], targets: Mapping[str, Any]) -> Any:
    return sum(
        targets[layer]["weight"] * gram_distance(part["gram"] / part["positions"], targets[layer]["gram"])
        for layer, part in sums.items()
    )


def _layer_weights(layers: tuple[str, ...], weights: Mapping[str, float] | None) -> Mapping[str, float]:
    if weights is None:
        return dict.fromkeys(layers, 1 / len(layers))
    weights = _by_layer(weights)
    if set(weights) != set(layers):
        raise ValueError(
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
        raise ValueError(f"Feature maps have the shape (1, h, w, N), not {tuple(features.shape)}.")
    return ops.reshape(features, (-1, features.shape[-1]))


def _same_shape(first: Any, second: Any) -> tuple[Any, Any]:
    first, second = _floats(first), _floats(second)
    if tuple(first.shape) != tuple(second.shape):
        raise ValueError(f"Shapes differ: {tuple(first.shape)} is compared with {tuple(second.shape)}.")
    return first, ops.cast(second, first.dtype)


def _floats(values: Any) -> Any:
    tensor = ops.convert_to_tensor(values)
    return tensor if "float" in str(tensor.dtype) else ops.cast(tensor, "float32")
