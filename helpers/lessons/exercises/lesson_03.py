"""The exercises of lesson 3: cases, right answers, and typical mistakes."""

from functools import partial
from typing import Any

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, of_paper, ramp


def _mse(image: np.ndarray, reference: np.ndarray) -> float:
    return np.mean((image - reference) ** 2)


def _distance(target: np.ndarray, power: int) -> Any:
    """A loss of pixels: 1/power Σ |pixels − target|^power, which is 0 at the target."""

    def loss(pixels: Any) -> Any:
        from keras import ops

        return ops.sum(ops.abs(pixels - ops.convert_to_tensor(target)) ** power) / power

    return loss


def loop(
    loss: Any,
    image: np.ndarray,
    steps: int,
    learning_rate: float = 5.0,
    *,
    sign: int = 1,
    optimizer: str = "Adam",
    first_gradient: bool = False,
    after: bool = False,
    as_pixels: bool = False,
    from_image: bool = False,
    skipped: int = 0,
    rate: float | None = None,
) -> Any:
    """The loop with one of the mistakes that students make."""
    import keras

    from helpers.paper import deprocess, loss_and_gradient, preprocess

    pixels = keras.Variable(image[np.newaxis] if from_image else preprocess(image))
    kinds = {"Adam": keras.optimizers.Adam, "new Adam": keras.optimizers.Adam, "SGD": keras.optimizers.SGD}
    chosen = kinds[optimizer](rate or learning_rate)
    history, gradient = [], None
    for _ in range(steps - skipped):
        chosen = kinds[optimizer](rate or learning_rate) if optimizer == "new Adam" else chosen
        value, new = loss_and_gradient(loss, pixels + 0.0)
        gradient = new if gradient is None or not first_gradient else gradient
        chosen.apply([sign * gradient], [pixels])
        history.append(float(loss(pixels + 0.0) if after else value))
    result = keras.ops.convert_to_numpy(pixels)
    return (result if as_pixels else deprocess(result)), history


EXERCISES = {
    "content_loss": Exercise(
        cases=(
            (ramp(1, 2, 3, 2, low=-2, high=5), ramp(1, 2, 3, 2, low=3, high=-1) ** 3),
            (ramp(1, 1, 2, 4, low=0, high=3), ramp(1, 1, 2, 4, low=2, high=1)),
        ),
        answer=of_paper("content_loss"),
        mistakes=(
            Mistake(
                lambda features, target: np.sum((features - target) ** 2),
                "The factor ½ is missing.",
            ),
            Mistake(
                lambda features, target: np.mean((features - target) ** 2),
                "Equation (1) is a sum over all entries, not their mean, and it has a factor ½.",
            ),
            Mistake(
                lambda features, target: np.mean((features - target) ** 2) / 2,
                "Equation (1) is a sum over all entries, not their mean.",
            ),
            Mistake(
                lambda features, target: np.sum(np.abs(features - target)) / 2,
                "The differences have to be squared; you take their absolute values.",
            ),
            Mistake(
                lambda features, target: np.sum(features - target) ** 2 / 2,
                "You add up first and square then. Square each difference before the sum.",
            ),
            Mistake(
                lambda features, target: np.sum(features - target) / 2,
                "The differences have to be squared: otherwise those of opposite sign cancel.",
            ),
            Mistake(
                lambda features, target: np.sqrt(np.sum((features - target) ** 2)),
                "There is no square root in equation (1), but a factor ½.",
            ),
            Mistake(
                lambda features, target: np.sum((features - target) ** 2, axis=(1, 2)) / 2,
                "You have one number for each filter. The sum runs over positions and filters.",
            ),
            Mistake(
                lambda features, target: np.sum((features - target) ** 2, axis=-1) / 2,
                "You have one number for each position. The sum runs over filters and positions.",
            ),
            Mistake(
                lambda features, target: (features - target) ** 2 / 2,
                "The squares are there. Now add them up to a single number.",
            ),
            Mistake(
                lambda features, target: np.sum(features**2 - target**2) / 2,
                "You subtract the squares. Square the differences.",
            ),
            Mistake(
                lambda features, target: np.sqrt(np.sum((features - target) ** 2)) / 2,
                "There is no square root in equation (1): np.linalg.norm takes one.",
            ),
        ),
        praise="That is equation (1): the same activations at the same positions give 0, nothing else does.",
        title="content loss",
        gradient=True,
    ),
    "content_gradient": Exercise(
        cases=(
            (
                np.maximum(0, ramp(1, 2, 3, 2, low=-3, high=5)),
                np.maximum(0, ramp(1, 2, 3, 2, low=6, high=-2)),
            ),
            (
                np.maximum(0, ramp(1, 1, 2, 4, low=4, high=-2)),
                np.maximum(0, ramp(1, 1, 2, 4, low=-1, high=3)),
            ),
        ),
        answer=lambda features, target: np.where(features > 0, features - target, 0),
        mistakes=(
            Mistake(
                lambda features, target: features - target,
                "Where F = 0 the ReLU lets no change through: the derivative is 0 there.",
            ),
            Mistake(
                lambda features, target: np.where(features > 0, target - features, 0),
                "The sign is wrong: where F is larger than P, the loss grows with F.",
            ),
            Mistake(
                lambda features, target: target - features,
                "The sign is wrong, and where F = 0 the derivative is 0.",
            ),
            Mistake(
                lambda features, target: np.where(features > 0, 2 * (features - target), 0),
                "The ½ of equation (1) cancels the 2 that comes from the square.",
            ),
            Mistake(
                lambda features, target: np.where(features > 0, (features - target) / 2, 0),
                "The 2 that comes from the square cancels the ½ of equation (1).",
            ),
            Mistake(
                lambda features, target: np.where(target > 0, features - target, 0),
                "You ask where P > 0. It is F, the picture's own activation, that has to be above 0.",
            ),
            Mistake(
                lambda features, target: np.where(features > target, features - target, 0),
                "You set negative derivatives to 0. It is 0 only where F = 0; elsewhere it may be negative.",
            ),
            Mistake(
                lambda features, target: np.where(features > 0, (features - target) ** 2 / 2, 0),
                "That is the loss of each entry. Take its derivative.",
            ),
        ),
        praise="That is equation (2). From there to the pixels it is the chain rule.",
        title="content gradient",
    ),
    "content_loss_per_entry": Exercise(
        cases=(
            (ramp(1, 2, 3, 2, low=-2, high=5), ramp(1, 2, 3, 2, low=3, high=-1) ** 3),
            (ramp(1, 1, 2, 5, low=0, high=3), ramp(1, 1, 2, 5, low=2, high=1)),
        ),
        answer=of_paper("content_loss_per_entry"),
        mistakes=(
            Mistake(
                lambda features, target: np.mean((features - target) ** 2),
                "The factor ½ of equation (1) is missing.",
            ),
            Mistake(
                lambda features, target: np.sum((features - target) ** 2) / 2,
                "That is equation (1) itself. Divide it by the number of entries, N · M.",
            ),
            Mistake(
                lambda features, target: np.sum((features - target) ** 2) / 2 / features.shape[-1],
                "You divide by N only. Each of the N feature maps has M = h · w entries.",
            ),
            Mistake(
                lambda features, target: (
                    np.sum((features - target) ** 2) / 2 / (features.shape[1] * features.shape[2])
                ),
                "You divide by M only. There are N feature maps of M entries each.",
            ),
            Mistake(
                lambda features, target: np.sum((features - target) ** 2) / 2 / features.size**2,
                "You divide twice: once by N · M is enough.",
            ),
            Mistake(
                lambda features, target: np.mean(np.abs(features - target)) / 2,
                "Square the differences; you take their absolute values.",
            ),
        ),
        praise="Now a loss of 2 means the same for a small image and for a large one.",
        title="content loss",
        gradient=True,
    ),
    "minimize": Exercise(
        cases=(
            (_distance(ramp(1, 2, 3, 3, low=60, high=-80), 2), ramp(2, 3, 3, low=20, high=230), 3, 5.0),
            (_distance(ramp(1, 2, 2, 3, low=-90, high=70), 3), ramp(2, 2, 3, low=190, high=10), 2, 20.0),
        ),
        answer=of_paper("minimize"),
        mistakes=(
            Mistake(
                partial(loop, sign=-1),
                "The loss grows: the optimizer already subtracts the gradient, so give it the gradient "
                "without a minus.",
            ),
            Mistake(
                partial(loop, first_gradient=True),
                "You compute the gradient once, before the loop. It changes with the pixels: compute it anew "
                "in each step.",
            ),
            Mistake(
                partial(loop, optimizer="new Adam"),
                "You make a new optimizer in each step, so it forgets the earlier gradients. Make it once, "
                "before the loop.",
            ),
            Mistake(
                partial(loop, optimizer="SGD"),
                "That is plain gradient descent. The exercise asks for Adam.",
            ),
            Mistake(
                partial(loop, after=True),
                "Your history holds the loss after each step. Record the loss before the step, as it comes "
                "from the tape.",
            ),
            Mistake(
                partial(loop, as_pixels=True),
                "You return pixels: (1, H, W, 3), BGR, mean subtracted. deprocess makes an image of them.",
            ),
            Mistake(
                partial(loop, from_image=True),
                "The network expects pixels. Use preprocess(image) as the initialization.",
            ),
            Mistake(
                partial(loop, skipped=1),
                "There is one step too few: range(steps) has the right number.",
            ),
            Mistake(
                partial(loop, skipped=-1),
                "There is one step too many: range(steps) has the right number.",
            ),
            Mistake(
                partial(loop, rate=5.0),
                "Your learning rate is always 5: give the optimizer the argument learning_rate.",
            ),
            Mistake(
                partial(loop, rate=0.001),
                "Adam works with its default learning rate here: give it the argument learning_rate.",
            ),
        ),
        praise="The loop is the same for every loss. Lessons 4 and 5 use it with others.",
        title="loop",
        parts=("image", "history"),
    ),
    "psnr": Exercise(
        cases=(
            (ramp(2, 3, 3), ramp(2, 3, 3, low=10, high=240)),
            (ramp(1, 2, 3, low=100, high=90), ramp(1, 2, 3, low=0, high=200)),
        ),
        answer=lambda image, reference: 10 * np.log10(255**2 / _mse(image, reference)),
        mistakes=(
            Mistake(
                lambda image, reference: 10 * np.log(255**2 / _mse(image, reference)),
                "np.log is the natural logarithm. Use np.log10.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(255**2 / np.sum((image - reference) ** 2)),
                "You divide by the sum of the squared differences. MSE is their mean.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(1 / _mse(image, reference)),
                "The largest value of these images is 255, so the numerator is 255².",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(255 / _mse(image, reference)),
                "255 has to be squared, as the differences are.",
            ),
            Mistake(
                lambda image, reference: 20 * np.log10(255**2 / _mse(image, reference)),
                "The factor is 10: 20 belongs to the ratio without squares.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(_mse(image, reference) / 255**2),
                "The sign is wrong, or the fraction is inverted: a small error has to give a large PSNR.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(255**2 / np.mean(np.abs(image - reference))),
                "The error is the mean of the squared differences, not of the absolute ones.",
            ),
            Mistake(
                lambda image, reference: _mse(image, reference),
                "That is the mean squared error. The logarithm is still to come.",
            ),
            Mistake(
                lambda image, reference: np.log(255**2 / _mse(image, reference)),
                "The logarithm is to base 10 and has a factor 10: 10 * np.log10(…).",
            ),
            Mistake(
                lambda image, reference: 10 * np.log2(255**2 / _mse(image, reference)),
                "Use np.log10, not np.log2.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(255 * 2 / _mse(image, reference)),
                "255 * 2 is twice 255. The square is 255**2.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(255 / np.sqrt(_mse(image, reference))),
                "Without the squares the factor would be 20. Take 10 and 255² / MSE.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(image.max() ** 2 / _mse(image, reference)),
                "The numerator is 255², the largest value there can be, not the largest value of this image.",
            ),
        ),
        praise="10 dB more mean a tenth of the mean squared error.",
        title="PSNR",
    ),
}
