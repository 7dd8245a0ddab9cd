"""The exercises of lesson 5: cases, right answers, and typical mistakes."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from helpers.layers import CONTENT_LAYER, STYLE_LAYERS
from helpers.lessons.exercises.exercise import Exercise, Mistake, of_paper, ramp
from helpers.lessons.exercises.lesson_03 import loop

Function = Callable[..., Any]

_CONTENT, _STYLE = (
    np.random.default_rng(seed).uniform(low, high, (height, width, 3)).astype("float32")
    for seed, low, high, height, width in ((0, 0, 255, 5, 6), (1, 90, 200, 4, 7))
)


def _network(pixels: Any) -> dict[str, Any]:
    """A stand-in for VGG19: three filters a layer, each of which sees one position."""
    from keras import ops

    layers = [*STYLE_LAYERS, CONTENT_LAYER]
    mixes = np.random.default_rng(2).normal(size=(len(layers), 3, 3)).astype("float32") / 50
    return {layer: ops.relu(ops.matmul(pixels, mix)) for layer, mix in zip(layers, mixes, strict=True)}


def transfer_with(
    content_loss_per_entry: Function, style_loss: Function, total_loss: Function, minimize: Function
) -> Function:
    """The right answer of the exercise ``transfer``, made of the student's or the course's functions."""

    def transfer(
        network: Function,
        content: np.ndarray,
        style: np.ndarray,
        content_weight: float,
        style_weight: float,
        steps: int,
        start: np.ndarray | None = None,
        style_layers: Sequence[str] = STYLE_LAYERS,
    ) -> tuple[np.ndarray, list[float]]:
        from helpers.images import preprocess

        content_target = network(preprocess(content))[CONTENT_LAYER]
        of_style = network(preprocess(style))
        targets = {layer: of_style[layer] for layer in style_layers}

        def loss(pixels: Any) -> Any:
            features = network(pixels)
            of_content = content_loss_per_entry(features[CONTENT_LAYER], content_target)
            return total_loss(of_content, style_loss(features, targets), content_weight, style_weight)

        return minimize(loss, content if start is None else start, steps)

    return transfer


def _transfer(*arguments: Any) -> Any:
    from helpers import paper

    right = transfer_with(paper.content_loss_per_entry, paper.style_loss, paper.total_loss, paper.minimize)
    return right(*arguments)


def _mistaken(
    *arguments: Any,
    per_entry: bool = True,
    summed: bool = False,
    sign: int = 1,
    from_noise: bool = False,
    style_of_content: bool = False,
    as_pixels: bool = False,
    layers: Sequence[str] = STYLE_LAYERS,
) -> Any:
    """Style transfer with one of the mistakes that students make."""
    from helpers import paper

    network, content, style, *weights_and_steps = arguments
    start = paper.white_noise(*content.shape[:2]) if from_noise else content
    wrong = transfer_with(
        paper.content_loss_per_entry if per_entry else paper.content_loss,
        lambda features, targets: paper.style_loss(features, targets) * (len(targets) if summed else 1),
        lambda *losses_and_weights: sign * paper.total_loss(*losses_and_weights),
        loop,
    )
    image, history = wrong(
        network, content, content if style_of_content else style, *weights_and_steps, start, layers
    )
    return (paper.preprocess(image) if as_pixels else image), [sign * value for value in history]


def _weighted(change: Callable[[float, float], tuple[float, float]]) -> Function:
    """Style transfer with other weights α and β than those given."""

    def wrong(network: Any, content: Any, style: Any, alpha: float, beta: float, steps: int) -> Any:
        return _mistaken(network, content, style, *change(alpha, beta), steps)

    return wrong


EXERCISES = {
    "total_loss": Exercise(
        cases=((2.0, 3.0, 1.0, 100.0), (5.0, 0.25, 10.0, 4.0), (0.0, 7.0, 2.0, 3.0)),
        answer=of_paper("total_loss"),
        mistakes=(
            Mistake(
                lambda content, style, alpha, beta: beta * content + alpha * style,
                "The weights are exchanged: α belongs to the content loss, β to the style loss.",
            ),
            Mistake(
                lambda content, style, alpha, beta: content + style,
                "The weights α and β are missing.",
            ),
            Mistake(
                lambda content, style, alpha, beta: content + beta * style,
                "The content loss has a weight too: α.",
            ),
            Mistake(
                lambda content, style, alpha, beta: alpha * content + style,
                "The style loss has a weight too: β.",
            ),
            Mistake(
                lambda content, style, alpha, beta: (alpha * content) * (beta * style),
                "Equation (7) adds the two weighted losses; yours multiplies them.",
            ),
            Mistake(
                lambda content, style, alpha, beta: (alpha + beta) * (content + style),
                "Each loss is multiplied by its own weight before the two are added.",
            ),
        ),
        praise="That is equation (7). The rest of the lesson minimizes it.",
        title="total loss",
        gradient=True,
    ),
    "gradient_step": Exercise(
        cases=(
            (ramp(1, 2, 2, 3, low=-100, high=100), ramp(1, 2, 2, 3, low=3, high=-2), 0.5),
            (ramp(1, 1, 2, 3), ramp(1, 1, 2, 3, low=-1, high=4), 2.0),
        ),
        answer=lambda pixels, gradient, learning_rate: pixels - learning_rate * gradient,
        mistakes=(
            Mistake(
                lambda pixels, gradient, learning_rate: pixels + learning_rate * gradient,
                "The gradient points to where the loss grows: step against it, with a minus.",
            ),
            Mistake(
                lambda pixels, gradient, learning_rate: pixels - gradient,
                "Multiply the gradient by the learning rate.",
            ),
            Mistake(
                lambda pixels, gradient, learning_rate: -learning_rate * gradient,
                "That is the step itself. Return the pixels after the step.",
            ),
            Mistake(
                lambda pixels, gradient, learning_rate: pixels - learning_rate * np.sign(gradient),
                "Only the signs of the gradient are used; its size says how much each pixel changes.",
            ),
            Mistake(
                lambda pixels, gradient, learning_rate: pixels * (1 - learning_rate * gradient),
                "Subtract the step from the pixels; yours multiplies them by it.",
            ),
            Mistake(
                lambda pixels, gradient, learning_rate: np.clip(pixels - learning_rate * gradient, 0, 255),
                "Pixels lie around 0 and may be negative: do not clip them.",
            ),
        ),
        praise="That is gradient descent on the pixels. Every optimizer starts from this gradient.",
        title="gradient step",
    ),
    "transfer": Exercise(
        cases=((_network, _CONTENT, _STYLE, 20.0, 3.0, 2),),
        answer=_transfer,
        mistakes=(
            Mistake(
                _weighted(lambda alpha, beta: (beta, alpha)),
                "The weights are exchanged: content_weight is α and belongs to the content loss.",
            ),
            Mistake(
                _weighted(lambda alpha, beta: (1.0, beta)),
                "The content loss is not multiplied by content_weight.",
            ),
            Mistake(
                _weighted(lambda alpha, beta: (alpha, 1.0)),
                "The style loss is not multiplied by style_weight.",
            ),
            Mistake(
                _weighted(lambda alpha, beta: (0.0, beta)),
                "There is no content loss in your total, or its target changes with the pixels: then it is "
                "always 0.",
            ),
            Mistake(
                partial(_mistaken, sign=-1),
                "The loss grows: the optimizer already subtracts the gradient.",
            ),
            Mistake(
                partial(_mistaken, per_entry=False),
                "You use equation (1) as printed. Take the content loss per entry.",
            ),
            Mistake(
                partial(_mistaken, layers=STYLE_LAYERS[:1]),
                "Your style loss sees one layer. Compare all five layers of STYLE_LAYERS.",
            ),
            Mistake(
                partial(_mistaken, summed=True),
                "Your style loss is a sum over the layers. Each w_l is 1 / number of layers.",
            ),
            Mistake(
                partial(_mistaken, from_noise=True),
                "You start from white noise. Here the initialization is the content image.",
            ),
            Mistake(
                partial(_mistaken, style_of_content=True),
                "Your style targets come from the content image. Compute them from the style image.",
            ),
            Mistake(
                partial(_mistaken, as_pixels=True),
                "You return pixels: (1, H, W, 3), BGR, mean subtracted. deprocess makes an image of them.",
            ),
        ),
        praise="You have written the whole of style transfer.",
        title="transfer",
        parts=("image", "history"),
    ),
}
