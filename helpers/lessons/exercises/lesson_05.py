"""The exercises of lesson 5: cases, right answers, and typical mistakes."""

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp

EXERCISES = {
    "style_loss": Exercise(
        cases=(
            ({"conv1_1": 4.0, "conv2_1": 10.0}, {"conv1_1": 0.5, "conv2_1": 0.5}),
            (
                {"conv1_1": 2.0, "conv2_1": 3.0, "conv3_1": 5.0},
                {"conv3_1": 2.0, "conv1_1": 0.0, "conv2_1": 1.0},
            ),
        ),
        answer=lambda losses, weights: sum(weights[layer] * losses[layer] for layer in losses),
        mistakes=(
            Mistake(
                lambda losses, weights: sum(losses.values()),
                "Every layer counts fully: multiply each E_l by its weight w_l first.",
            ),
            Mistake(
                lambda losses, weights: sum(losses.values()) / len(losses),
                "That is the mean over the layers, which is only right for equal weights. Use the w_l given.",
            ),
            Mistake(
                lambda losses, weights: sum(weights[layer] * losses[layer] for layer in losses) / len(losses),
                "Equation (5) is a sum, not a mean: do not divide by the number of layers.",
            ),
            Mistake(
                lambda losses, weights: sum(
                    weight * loss for weight, loss in zip(weights.values(), losses.values(), strict=True)
                ),
                "The two dicts need not be in the same order: look each weight up by its layer's name.",
            ),
            Mistake(
                lambda losses, weights: next(weights[layer] * losses[layer] for layer in losses),
                "You return after the first layer: the return has to stand behind the loop.",
            ),
        ),
        praise="That is equation (5): each layer's E_l with its own weight.",
    ),
    "total_loss": Exercise(
        cases=((2.0, 3.0, 1.0, 100.0), (5.0, 0.25, 10.0, 4.0), (0.0, 7.0, 2.0, 3.0)),
        answer=lambda content, style, alpha, beta: alpha * content + beta * style,
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
        praise="That is equation (7). Everything else in this lesson is how to make it small.",
    ),
    "gradient_step": Exercise(
        cases=(
            (ramp(1, 2, 2, 3, low=-100, high=100), ramp(1, 2, 2, 3, low=3, high=-2), 0.5),
            (ramp(1, 1, 2, 3), ramp(1, 1, 2, 3, low=-1, high=4), 2.0),
        ),
        answer=lambda pixels, gradient, rate: pixels - rate * gradient,
        mistakes=(
            Mistake(
                lambda pixels, gradient, rate: pixels + rate * gradient,
                "The gradient points to where the loss grows: step against it, with a minus.",
            ),
            Mistake(
                lambda pixels, gradient, rate: pixels - gradient,
                "The step is taken at its full length: multiply the gradient by the rate.",
            ),
            Mistake(
                lambda pixels, gradient, rate: -rate * gradient,
                "That is the step itself. Return the pixels after the step.",
            ),
            Mistake(
                lambda pixels, gradient, rate: pixels - rate * np.sign(gradient),
                "Only the signs of the gradient are used; its size tells how far each pixel goes.",
            ),
            Mistake(
                lambda pixels, gradient, rate: pixels * (1 - rate * gradient),
                "Subtract the step from the pixels; yours multiplies them by it.",
            ),
            Mistake(
                lambda pixels, gradient, rate: np.clip(pixels - rate * gradient, 0, 255),
                "Pixels are around 0 and may be negative: do not cut them off.",
            ),
        ),
        praise="That is gradient descent on the pixels. Every optimizer starts from this gradient.",
    ),
}
