"""The large exercise of lesson 9: a training step, as it is, and with typical mistakes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp
from helpers.lessons.exercises.training import Made, explaining_optimizer

CONTENT = "block3_conv1"


def relative_style_loss(features: Any, gram: Any) -> Any:
    """The course's, imported when it is called, since TensorFlow takes seconds to import."""
    from helpers import losses

    return losses.relative_style_loss(features, gram)


def _tiny_network() -> Any:
    """A network of 87 weights that paints: a convolution, to which the strength adds a color."""
    import keras

    options = {"data_format": "channels_last", "dtype": "float32"}
    pixels, strength = keras.Input((None, None, 3), dtype="float32"), keras.Input((1,), dtype="float32")
    color = keras.layers.Dense(3, use_bias=False, dtype="float32")(strength)
    maps = keras.layers.Conv2D(3, 3, padding="same", **options)(pixels / 128)
    network = keras.Model([pixels, strength], 6.4 * (maps + keras.ops.reshape(color, (-1, 1, 1, 3))))
    network.set_weights([10 * np.sin(ramp(*w.shape, low=1, high=40)) for w in network.get_weights()])
    return network


def _tiny_extractor() -> Any:
    """Feature maps of two layers, with fixed weights."""
    import keras

    maps = pixels = keras.Input((None, None, 3), dtype="float32")
    outputs = {}
    for filters, name in ((4, "block1_conv1"), (5, CONTENT)):
        options = {"padding": "same", "data_format": "channels_last", "dtype": "float32", "name": name}
        maps = outputs[name] = keras.layers.Conv2D(filters, 3, activation="relu", **options)(maps)
    extractor = keras.Model(pixels, outputs)
    extractor.set_weights([np.cos(ramp(*w.shape, low=2, high=70)) * 0.2 for w in extractor.get_weights()])
    extractor.trainable = False
    return extractor


def _outside(painted: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(tf.square(tf.nn.relu(tf.abs(painted) - 100) / 128))


def _sgd() -> Any:
    return explaining_optimizer("SGD", "network", learning_rate=2.0, momentum=0.9)


def _same(value: Any) -> Any:
    return value


def _clipped(gradients: Any) -> Any:
    import tensorflow as tf

    return tf.clip_by_global_norm(gradients, 1.0)[0]


def _step(
    network: Any,
    optimizer: Any,
    extractor: Any,
    penalty: Callable[[Any], Any],
    grams: Any,
    photo: Any,
    noisy: Any,
    strength: Any,
    style_weight: Any,
    *,
    painted_from: str = "noisy",
    target_from: str = "photo",
    style_from: str = "painted",
    penalty_of: str | None = "painted",
    content_unit: Callable[[Any, Any], Any] | None = None,
    style_of: Callable[[Any, Any], Any] = relative_style_loss,
    mean: Callable[[Any], Any] = lambda losses: sum(losses) / len(losses),
    clip: Callable[[Any], Any] = _clipped,
    factor: float = 1.0,
    weight: Callable[[Any], Any] = _same,
    after: bool = False,
    returned: Callable[[Any, Any, Any], Any] = lambda total, content, style: (total, content, style),
) -> tuple[Any, Any, Any]:
    """The answer, and with other keywords what goes wrong.

    ``content_unit``: what the sum of squares is divided by, from F and P. ``weight``: of the style.
    ``factor``: of the gradient. ``after``: compute the losses once more after the step.
    """
    import tensorflow as tf

    def losses() -> tuple[Any, Any, Any]:
        pictures = {"photo": photo, "noisy": noisy}
        pictures["painted"] = network([pictures[painted_from], strength])
        target, features = extractor(pictures[target_from])[CONTENT], extractor(pictures["painted"])
        unit = content_unit(features[CONTENT], target) if content_unit else tf.reduce_sum(target**2)
        content = tf.reduce_sum((features[CONTENT] - target) ** 2) / unit
        of_style = extractor(pictures[style_from])
        style = mean([style_of(of_style[layer], gram) for layer, gram in grams.items()])
        total = content + weight(style_weight) * style
        return total + (penalty(pictures[penalty_of]) if penalty_of else 0), content, style

    with tf.GradientTape() as tape:
        values = losses()
    gradients = clip(tape.gradient(values[0], network.trainable_variables))
    optimizer.apply([factor * gradient for gradient in gradients], network.trainable_variables)
    return returned(*(losses() if after else values))


def _with(**wrong: Any) -> Callable[..., Any]:
    """The step with something wrong in it, see ``_step``."""
    return lambda *given: _step(*given, **wrong)


def _each_by_itself(gradients: Any) -> Any:
    import tensorflow as tf

    return [tf.clip_by_norm(gradient, 1.0) for gradient in gradients]


def _each_value(gradients: Any) -> Any:
    import tensorflow as tf

    return [tf.clip_by_value(gradient, -1.0, 1.0) for gradient in gradients]


def _always_one(gradients: Any) -> Any:
    import tensorflow as tf

    return [gradient / tf.linalg.global_norm(gradients) for gradient in gradients]


def _plain_style(features: Any, gram: Any) -> Any:
    return relative_style_loss(features, gram) * np.sum(np.square(gram))


def _layer_style(features: Any, gram: Any) -> Any:
    return _plain_style(features, gram) / (4 * len(gram) ** 2)


def _without_positions(features: Any, gram: Any) -> Any:
    import tensorflow as tf

    return relative_style_loss(features * tf.sqrt(float(np.prod(features.shape[1:3]))), gram)


def _new_optimizer(network: Any, optimizer: Any, *rest: Any) -> Any:
    return _step(network, explaining_optimizer("Adam", "network"), *rest)


def _sum_of_squares(values: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_sum(values**2)


def _gram(matrix: np.ndarray) -> np.ndarray:
    return matrix.T @ matrix / len(matrix)


def _steps() -> tuple[tuple[Any, ...], ...]:
    """Three steps, one after the other: the losses of each show what the step before did to the weights."""
    network, optimizer = Made("the network", _tiny_network), Made("the optimizer", _sgd)
    extractor = Made("the extractor", _tiny_extractor)
    grams = {
        "block1_conv1": _gram(ramp(6, 4, low=-4, high=8) ** 2),
        CONTENT: _gram(ramp(6, 5, low=6, high=-3) ** 2),
    }
    cases = []
    for number, (style_weight, strength) in enumerate(((100.0, 0.2), (0.05, -0.6), (40.0, 0.6))):
        photo = 110 * np.sin(ramp(1, 6, 8, 3, low=number, high=20 + 9 * number))
        noisy = photo + 25 * np.cos(ramp(1, 6, 8, 3, low=5, high=200))
        made = (network, optimizer, extractor) if number == 0 else cases[-1][:3]
        made = made if number == 0 else (network.as_left(), optimizer.as_left(), extractor)
        given = (photo.astype(np.float32), noisy.astype(np.float32), np.full((1, 1), strength, np.float32))
        cases.append((*made, _outside, grams, *given, np.float32(style_weight)))
    return tuple(cases)


TRAINING_STEP = Exercise(
    title="training step",
    parts=("total", "content", "style"),
    compiled=True,
    cases=_steps(),
    answer=_step,
    mistakes=(
        Mistake(
            _with(target_from="noisy"),
            "You take the target of the content loss from the noisy photo. Take it from the photo "
            "without noise: the network has to remove the noise.",
        ),
        Mistake(
            _with(painted_from="photo"),
            "You give the photo without noise to the network. It paints the noisy one.",
        ),
        Mistake(
            _with(content_unit=lambda features, target: _sum_of_squares(features)),
            "You divide the content loss by |F|². F belongs to the painted photo and changes. Use |P|².",
        ),
        Mistake(
            _with(content_unit=lambda features, target: 1.0),
            "The content loss is not relative: divide by the sum of the squares of P.",
        ),
        Mistake(
            _with(content_unit=lambda features, target: 2.0),
            "The content loss is equation (1). Here it is relative: divide |F − P|² by |P|².",
        ),
        Mistake(
            _with(content_unit=lambda features, target: float(np.prod(target.shape))),
            "The content loss is a mean of squares. Divide |F − P|² by |P|² instead.",
        ),
        Mistake(
            _with(style_of=_plain_style),
            "The style loss is not relative. Use relative_style_loss for each layer.",
        ),
        Mistake(
            _with(style_of=_layer_style),
            "The style loss is that of equation (4). Use relative_style_loss for each layer.",
        ),
        Mistake(
            _with(style_of=_without_positions),
            "Your Gram matrices are sums over the positions. Divide each by its number of positions.",
        ),
        Mistake(
            _with(mean=sum),
            "The style loss is the sum over the layers. Take the mean: divide by the number of layers.",
        ),
        Mistake(
            _with(mean=lambda losses: losses[-1]),
            "Only one layer is in your style loss. Take the mean over all layers of grams.",
        ),
        Mistake(
            _with(style_from="photo"),
            "Your style loss is that of the photo. Take the feature maps of the painted photo.",
        ),
        Mistake(
            _with(penalty_of=None),
            "The penalty is missing: add penalty(painted) to the total.",
        ),
        Mistake(
            _with(penalty_of="noisy"),
            "You take the penalty of the noisy photo. Take it of the painted one.",
        ),
        Mistake(
            _with(weight=lambda style_weight: 1.0),
            "The style loss has no weight in your total: multiply it by style_weight.",
        ),
        Mistake(
            _with(clip=_same),
            "The losses of the first step are right, the later ones are not. Clip the gradient: "
            "tf.clip_by_global_norm makes its norm at most 1.",
        ),
        Mistake(
            _with(clip=_each_by_itself),
            "You clip the gradient of each variable by itself, which changes the direction of the whole. "
            "Use tf.clip_by_global_norm on the list.",
        ),
        Mistake(
            _with(clip=_each_value),
            "You clip each entry of the gradient, which changes its direction. Clip the norm of all "
            "entries together: tf.clip_by_global_norm.",
        ),
        Mistake(
            _with(clip=_always_one),
            "You always give the gradient the norm 1. A shorter one stays as it is: tf.clip_by_global_norm.",
        ),
        Mistake(
            _with(factor=-1.0),
            "The weights move uphill. The optimizer subtracts the gradient: do not change its sign.",
        ),
        Mistake(
            _with(factor=0.0),
            "The losses of the first step are right, but the weights stay the same. Let the optimizer "
            "apply the gradient to network.trainable_variables.",
        ),
        Mistake(
            _new_optimizer,
            "You create an optimizer inside the function. Use the one that is given: it has its own "
            "learning rate, and what it remembers from earlier steps.",
        ),
        Mistake(
            _with(after=True),
            "You compute the losses once more after the step. Return those from inside the tape: this "
            "saves a forward pass.",
        ),
        Mistake(
            _with(returned=lambda total, content, style: (total, style, content)),
            "The order is total, content, style. You have exchanged the last two.",
        ),
    ),
    praise="That is a step of training: the loss of one painted photo, and its gradient for the weights.",
)
