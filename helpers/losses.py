"""Equations (1) to (7) of Gatys, Ecker and Bethge (2015), one function each.

Feature maps are ``(1, h, w, N)``: N filters and M = h·w positions, the paper's N_l and M_l. The paper writes
them as a matrix of N rows and M columns: F for the generated image, P for the content image. F_ik is the
activation of filter i at position k.
"""

from collections.abc import Callable, Mapping
from typing import Any

from helpers.compute.framework import keras
from helpers.errors import ArgumentError
from helpers.layers import LAYERS, layer_name, layer_names
from helpers.options import LayerWeights

ops = keras.ops

Features = Mapping[str, Any]
"""Feature maps ``(1, h, w, N)`` by layer."""


def content_loss(features: Any, target: Any) -> Any:
    """Equation (1): L_content = ½ Σ_ik (F_ik − P_ik)².

    ``features``, ``target``: the feature maps F of the generated image and P of the content image in one
    layer, ``(1, h, w, N)`` each. The sum has N·M summands, so it grows with the size of the image.

    Returns a scalar, 0 or more, in squared activations. Raises ``ArgumentError`` if the shapes differ.
    Source: Gatys, Ecker and Bethge (2015), equation (1).
    """
    features, target = _same_shape(features, target)
    return ops.sum(ops.square(features - target)) / 2


def content_gradient(features: Any, target: Any) -> Any:
    """Equation (2): ∂L_content/∂F_ik = F_ik − P_ik where F_ik > 0, else 0.

    ``features``, ``target``: ``(1, h, w, N)`` each. F is taken after the ReLU; the condition F_ik > 0 is the
    derivative of the ReLU, so the gradient is the one with respect to its input.

    Returns ``(1, h, w, N)``. Raises ``ArgumentError`` if the shapes differ.
    Source: Gatys, Ecker and Bethge (2015), equation (2).
    """
    features, target = _same_shape(features, target)
    return ops.where(features > 0, features - target, 0.0)


def gram_matrix(features: Any) -> Any:
    """Equation (3): G_ij = Σ_k F_ik F_jk.

    ``features``: ``(1, h, w, N)``. The sum runs over the M = h·w positions and is not normalized.

    Returns ``(N, N)``, symmetric, positive semi-definite, in squared activations.
    Raises ``ArgumentError`` for another shape.
    Source: Gatys, Ecker and Bethge (2015), equation (3).
    """
    return transposed_product(feature_matrix(features))


def style_layer_loss(features: Any, target: Any) -> Any:
    """Equation (4): E_l = 1 / (4 N² M²) Σ_ij (G_ij − A_ij)².

    ``features``, ``target``: feature maps of the generated image, ``(1, h, w, N)``, and of the style image,
    ``(1, h', w', N)``, with the Gram matrices G and A. Each Gram matrix is divided by its own number of
    positions: this is equation (4) if both images have the same size, and is also defined if they have not.

    Returns a scalar, 0 or more, in fourth powers of an activation. Raises ``ArgumentError`` if N differs.
    Source: Gatys, Ecker and Bethge (2015), equation (4).
    """
    return gram_distance(gram_per_position(features), gram_per_position(target))


def gram_per_position(features: Any) -> Any:
    """G / M: the Gram matrix of equation (3), divided by the number M = h·w of positions.

    ``features``: ``(1, h, w, N)``. Returns ``(N, N)``. It does not grow with the image, so images of
    different sizes can be compared.
    """
    return gram_matrix(features) / number_of_positions(feature_matrix(features))


def gram_distance(gram: Any, target: Any) -> Any:
    """1 / (4 N²) Σ_ij (G_ij / M − A_ij / M')²: equation (4) from two Gram matrices divided by M.

    ``gram``, ``target``: ``(N, N)`` each, as ``gram_per_position`` returns them. Returns a scalar.
    Raises ``ArgumentError`` if the shapes differ.
    """
    gram, target = _same_shape(gram, target)
    return ops.sum(ops.square(gram - target)) / (4 * gram.shape[0] ** 2)


def style_loss(features: Features, targets: Features, weights: LayerWeights | None = None) -> Any:
    """Equation (5): L_style = Σ_l w_l E_l.

    ``features``, ``targets``: feature maps ``{layer: (1, h, w, N)}`` of the generated image and of the style
    image, with the layer names of Keras or of the paper. The sum runs over the layers of ``targets``.
    ``weights``: see ``LayerWeights``; by default w_l = 1 / number of layers, as in the paper.

    Returns a scalar. Raises ``ArgumentError`` if a layer is missing.
    Source: Gatys, Ecker and Bethge (2015), equation (5).
    """
    features, targets = with_keras_names(features), with_keras_names(targets)
    missing = [layer for layer in targets if layer not in features]
    if missing:
        raise ArgumentError(f"The style needs feature maps of {', '.join(missing)} as well.")
    weights = weights_of_layers(tuple(targets), weights)
    return sum(weights[layer] * style_layer_loss(features[layer], targets[layer]) for layer in targets)


def style_layer_gradient(features: Any, target: Any) -> Any:
    """Equation (6): ∂E_l/∂F = 1 / (N² M²) (Fᵀ(G − A))ᵀ where F > 0, else 0.

    ``features``, ``target``: ``(1, h, w, N)`` and ``(1, h', w', N)``. As in ``style_layer_loss`` each Gram
    matrix is divided by its own number of positions: 1 / (N² M) (Fᵀ(G / M − A / M'))ᵀ, which is the printed
    equation if both images have the same size. The gradient is the one with respect to the input of the
    ReLU, as in ``content_gradient``.

    Returns the shape of ``features``. Raises ``ArgumentError`` if N differs.
    Source: Gatys, Ecker and Bethge (2015), equation (6).
    """
    gram, target_gram = _same_shape(gram_per_position(features), gram_per_position(target))
    positions = feature_matrix(features)
    count, filters = positions.shape
    gradient = ops.matmul(positions, gram - target_gram) / (filters**2 * count)
    return ops.where(features > 0, ops.reshape(gradient, ops.shape(features)), 0.0)


def total_loss(content: Any, style: Any, content_weight: float, style_weight: float) -> Any:
    """Equation (7): L_total = α L_content + β L_style.

    ``content``, ``style``: the values of (1) and (5). ``content_weight``, ``style_weight``: α and β.
    Source: Gatys, Ecker and Bethge (2015), equation (7).
    """
    return content_weight * content + style_weight * style


def relative_content_loss(features: Any, target: Any) -> Any:
    """Equation (1) divided by its value for feature maps that are 0: |F − P|² / |P|².

    Arguments, result and errors are those of ``content_loss``. A loss that is relative has no unit, so that
    photos and layers count alike.
    """
    return content_loss(features, target) / content_loss(0 * target, target)


def relative_style_loss(features: Any, target: Any) -> Any:
    """Equation (4) divided by its value for feature maps that are 0: |G − A|² / |A|².

    ``features``: ``(1, h, w, N)``; ``target``: a Gram matrix ``(N, N)``, as ``gram_per_position`` returns it.
    Returns a scalar. Raises ``ArgumentError`` if N differs.
    """
    return gram_distance(gram_per_position(features), target) / gram_distance(0 * target, target)


@ops.custom_gradient
def transposed_product(positions: Any) -> tuple[Any, Callable[[Any], Any]]:
    """XᵀX of a matrix X ``(M, N)``, and its vector–Jacobian product X(S + Sᵀ).

    S ``(N, N)`` is the gradient of the loss with respect to XᵀX. Automatic differentiation would compute
    X S + X Sᵀ, which takes two products of matrices of this size in place of one.
    """

    def gradient(upstream: Any) -> Any:
        return ops.matmul(positions, upstream + ops.transpose(upstream))

    return ops.matmul(ops.transpose(positions), positions), gradient


def number_of_positions(positions: Any) -> Any:
    """The number M of positions of a matrix ``(M, N)``, as a scalar tensor.

    It is computed on the device that holds the matrix: a GPU would wait for a number from the host.
    """
    return ops.sum(ops.ones_like(positions[:, 0]))


def weights_of_layers(layers: tuple[str, ...], weights: LayerWeights | None) -> Mapping[str, float]:
    """The w_l of equation (5) for some layers, see ``LayerWeights``.

    Raises ``ArgumentError`` if a mapping does not name exactly these layers.
    """
    if weights is None:
        return dict.fromkeys(layers, 1 / len(layers))
    if not isinstance(weights, Mapping):
        by_depth = sorted(layers, key=LAYERS.index)
        powers = {layer: float(weights) ** depth for depth, layer in enumerate(by_depth)}
        return {layer: powers[layer] / sum(powers.values()) for layer in layers}
    weights = with_keras_names(weights)
    if set(weights) != set(layers):
        raise ArgumentError(
            f"The weights name the layers {', '.join(sorted(weights))}, "
            f"the style has {', '.join(sorted(layers))}."
        )
    return weights


def with_keras_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping from layers to values, with Keras' names for the layers.

    Raises ``ArgumentError`` for an unknown layer or none at all.
    """
    layer_names(values)
    return {layer_name(layer): value for layer, value in values.items()}


def feature_matrix(features: Any) -> Any:
    """Feature maps ``(1, h, w, N)`` as a matrix ``(M, N)``, the transpose of the paper's F.

    Raises ``ArgumentError`` for another shape.
    """
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
