"""Neural style transfer on one page: Gatys, Ecker and Bethge, "A neural algorithm of artistic style" (2015).

    python -m helpers.paper CONTENT STYLE OUT.png

The whole method in plain TensorFlow and Keras, in the words and the order of lessons 3 to 5: feature maps of
VGG19, equations (1) to (7), gradient descent on the pixels, and the paper's three experiments. It favors
clearness over everything: one size, one precision, one optimizer. ``recipes`` offers the same experiments in
a fraction of the time and with many options; tests compare its losses and gradients with those of this page.

*Images* are ``(H, W, 3)``, RGB, 0…255. *Pixels* are what the network sees of one, ``(1, H, W, 3)``, see
``preprocess``. *Feature maps* are ``(1, h, w, N)``: N filters and M = h·w positions. The paper writes them as
a matrix of N rows and M columns, F for the generated image and P for the content image; F_ik is the
activation of filter i at position k. A is the Gram matrix of the style image.
"""

import sys
from collections.abc import Callable, Sequence

import numpy as np

from helpers.errors import CourseError
from helpers.images import deprocess, load_image, preprocess, save_image
from helpers.layers import CONTENT_LAYER, STYLE_LAYERS
from helpers.vgg import feature_model

# isort: split
# Last, since the helpers keep the start of TensorFlow quiet.
import keras
import tensorflow as tf

Loss = Callable[[tf.Tensor], tf.Tensor]
"""Pixels → a loss."""

Run = tuple[np.ndarray, list[float]]
"""The generated image, ``uint8 (H, W, 3)``, and the loss before each step."""

# The seven equations.


def content_loss(features: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Equation (1): L_content = ½ Σ_ik (F_ik − P_ik)², in one layer."""
    return tf.reduce_sum(tf.square(features - target)) / 2


def content_loss_per_entry(features: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Equation (1) divided by its number of terms N·M, so that it does not grow with the image.

    The division is a departure from the paper.
    """
    return content_loss(features, target) / tf.size(target, out_type=tf.float32)


def content_gradient(features: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Equation (2): ∂L_content/∂F_ik = F_ik − P_ik where F_ik > 0, else 0."""
    return tf.where(features > 0, features - target, 0.0)


def gram_matrix(features: tf.Tensor) -> tf.Tensor:
    """Equation (3): G_ij = Σ_k F_ik F_jk, ``(N, N)``."""
    matrix = tf.reshape(features, (-1, features.shape[-1]))  # M rows, N columns: the paper's Fᵀ
    return tf.matmul(matrix, matrix, transpose_a=True)


def style_layer_loss(features: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Equation (4): E_l = 1 / (4 N² M²) Σ_ij (G_ij − A_ij)², from both images' feature maps in one layer.

    Each Gram matrix is divided by its own M: equation (4) where both images have one size, and defined where
    they have two.
    """
    difference = gram_matrix(features) / positions(features) - gram_matrix(target) / positions(target)
    return tf.reduce_sum(tf.square(difference)) / (4 * features.shape[-1] ** 2)


def style_loss(features: dict[str, tf.Tensor], targets: dict[str, tf.Tensor]) -> tf.Tensor:
    """Equation (5): L_style = Σ_l w_l E_l, with equal weights w_l = 1 / number of layers."""
    return sum(style_layer_loss(features[layer], targets[layer]) for layer in targets) / len(targets)


def style_layer_gradient(features: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Equation (6): ∂E_l/∂F = 1 / (N² M²) (Fᵀ(G − A))ᵀ where F > 0, else 0; G and A divided as in (4)."""
    difference = gram_matrix(features) / positions(features) - gram_matrix(target) / positions(target)
    matrix = tf.reshape(features, (-1, features.shape[-1]))
    gradient = tf.matmul(matrix, difference) / (features.shape[-1] ** 2 * positions(features))
    return tf.where(features > 0, tf.reshape(gradient, tf.shape(features)), 0.0)


def total_loss(content: tf.Tensor, style: tf.Tensor, content_weight: float, style_weight: float) -> tf.Tensor:
    """Equation (7): L_total = α L_content + β L_style."""
    return content_weight * content + style_weight * style


def positions(features: tf.Tensor) -> tf.Tensor:
    """M = h·w, the number of positions of feature maps ``(1, h, w, N)``."""
    return tf.cast(tf.shape(features)[1] * tf.shape(features)[2], tf.float32)


# What each experiment minimizes: a function from pixels to a loss.


def reconstruction_loss(image: np.ndarray, layer: str) -> Loss:
    """The content loss per entry of pixels against an image, in one layer."""
    network = feature_model(layer)
    target = network(preprocess(image))[layer]
    return lambda pixels: content_loss_per_entry(network(pixels)[layer], target)


def texture_loss(image: np.ndarray, layers: Sequence[str]) -> Loss:
    """The style loss of pixels against an image.

    The filters of the network are normalized to mean activation 1, so that each layer has its say.
    """
    network = feature_model(layers, normalized=True)
    targets = network(preprocess(image))
    return lambda pixels: style_loss(network(pixels), targets)


def transfer_loss(content: np.ndarray, style: np.ndarray, content_weight: float, style_weight: float) -> Loss:
    """The weighted sum of the content loss against one image and of the style loss against another."""
    network = feature_model([CONTENT_LAYER, *STYLE_LAYERS], normalized=True)
    content_target = network(preprocess(content))[CONTENT_LAYER]
    style_targets = {layer: network(preprocess(style))[layer] for layer in STYLE_LAYERS}

    def loss(pixels):
        features = network(pixels)
        of_content = content_loss_per_entry(features[CONTENT_LAYER], content_target)
        return total_loss(of_content, style_loss(features, style_targets), content_weight, style_weight)

    return loss


# Gradient descent on the pixels.


def loss_and_gradient(loss: Loss, pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A loss of pixels, and its gradient with respect to them, by backpropagation."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        value = loss(pixels)
    return value, tape.gradient(value, pixels)


def minimize(loss: Loss, image: np.ndarray, steps: int, learning_rate: float = 5.0) -> Run:
    """Change an image step by step so that a loss of its pixels falls.

    ``learning_rate``: of Adam (Kingma and Ba 2015), in gray levels.
    """
    compiled = tf.function(lambda pixels: loss_and_gradient(loss, pixels))
    pixels = tf.Variable(preprocess(image))
    adam = keras.optimizers.Adam(learning_rate)
    history = []
    for _ in range(steps):
        value, gradient = compiled(pixels.value())
        adam.apply([gradient], [pixels])
        history.append(float(value))
    return deprocess(pixels.numpy()), history


def white_noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """An image of white noise around the mean color of ImageNet, ``(height, width, 3)``."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    return np.clip([123.68, 116.779, 103.939] + 20 * noise, 0, 255)


# The three experiments.


def reconstruct(image: np.ndarray, layer: str = CONTENT_LAYER, steps: int = 200) -> Run:
    """Content reconstruction: from white noise, an image with the feature maps of another in one layer."""
    return minimize(reconstruction_loss(image, layer), white_noise(*image.shape[:2]), steps)


def synthesize_texture(image: np.ndarray, layers: Sequence[str] = STYLE_LAYERS, steps: int = 200) -> Run:
    """Texture synthesis: from white noise, an image with the Gram matrices of another in some layers."""
    return minimize(texture_loss(image, layers), white_noise(*image.shape[:2]), steps)


def transfer(
    content: np.ndarray,
    style: np.ndarray,
    content_weight: float = 1.0,
    style_weight: float = 50.0,
    start: np.ndarray | None = None,
    steps: int = 200,
) -> Run:
    """Style transfer: an image with the content of one image and the style of another.

    ``content_weight``, ``style_weight``: α and β. ``start``: the initial image, by default the content image,
    from which fewer steps do; the paper starts from ``white_noise``.
    """
    loss = transfer_loss(content, style, content_weight, style_weight)
    return minimize(loss, content if start is None else start, steps)


def main(arguments: list[str]) -> int | str:
    """Paint a content image in the style of another, at a shorter side of 256 pixels, and save it."""
    if len(arguments) != 3:
        return "usage: python -m helpers.paper CONTENT STYLE OUT.png"
    try:
        content, style = (load_image(source, size=256) for source in arguments[:2])
        image, history = transfer(content, style)
        save_image(image, arguments[2])
    except CourseError as error:
        return str(error)
    print(f"{arguments[2]}: the loss fell from {history[0]:.1f} to {history[-1]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
