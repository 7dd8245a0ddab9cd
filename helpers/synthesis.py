"""The loop over pixels: an objective, a start, and an optimiser that lowers the one from the other."""

import contextlib
import functools
import numbers
import time
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import scipy.fft
import scipy.optimize
import scipy.special

from helpers.backend import keras, value_and_gradient
from helpers.images import IMAGENET_MEAN, deprocess, preprocess, resize_image
from helpers.losses import Term, weighted_sum
from helpers.vgg import Pooling, feature_model, layer_names

Optimizer = Literal["lbfgs", "adam"]
"""L-BFGS (SciPy's L-BFGS-B, with the range of colours as bounds) or Adam (Keras')."""

Coordinates = Literal["pixels", "fourier"]
"""What L-BFGS moves: the pixels, or their cosine coefficients scaled by 1/√f.

Measured: content reconstruction from noise reaches a several times lower loss with ``"fourier"`` and leaves
no speckle; textures and transfers, whose style loss lives in fine detail, do better with ``"pixels"``.
"""

Record = dict[str, float]
"""One step of a run: step, evaluations, seconds, size, total, and each term's loss before its weight.

``size`` is the shorter side of the picture at that step: totals of different sizes are not the same
objective.
"""

Callback = Callable[[Record, Callable[[], np.ndarray]], None]
"""Called once a step with its record and a function that returns the current image, ``uint8 (H, W, 3)``.

It may raise ``StopIteration`` to end the run with the current image.
"""

Evaluate = Callable[[np.ndarray], tuple[dict[str, float], np.ndarray]]
"""Pixels ``(1, H, W, 3)`` → ``({"total": …, term: …}, gradient of the total, same shape)``."""

ADAM_LEARNING_RATE = 5.0
"""In grey levels a step: the TensorFlow tutorial's 0.02 on a scale of 0…1."""

NOISE = 20.0
"""The standard deviation of the white noise that runs start from, in grey levels."""

COARSEST_SIDE = 112
"""A coarse-to-fine run starts no smaller, half the size of VGG19's training pictures: what its deep layers
would paint into a smaller picture stays as shapes of the painting where the photo has none."""

_DARKEST = -IMAGENET_MEAN
_LIGHTEST = 255 - IMAGENET_MEAN


def objective(
    terms: Sequence[Term], weights: str = "auto", pooling: Pooling = "avg", normalised: bool = False
) -> Evaluate:
    """Build the weighted sum of some terms as a compiled function of the pixels, with its gradient.

    The network is ``vgg19(weights, pooling, normalised)``, cut after the deepest layer a term needs.
    Raises ``ValueError`` where two terms bear the same name.
    """
    names = [term.name for term in terms]
    if len(set(names)) != len(names):
        raise ValueError(f"Each term needs a name of its own, these are {', '.join(names)}.")
    layers = layer_names(layer for term in terms for layer in term.layers)
    model = feature_model(layers, weights, pooling, normalised)
    return value_and_gradient(lambda pixels: weighted_sum(terms, model(pixels)))


def white_noise(height: int, width: int, seed: int) -> np.ndarray:
    """An image of white noise: every value drawn by itself, around the mean colour of ImageNet.

    The standard deviation is ``NOISE``: noise of the whole range would leave speckle where no term sees it.
    Returns ``float32 (height, width, 3)`` within 0…255; the same seed gives the same image.
    """
    if seed < 0:
        raise ValueError(f"The seed of the noise is 0 or more, not {seed}.")
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((height, width, 3), dtype=np.float32)
    return np.clip(IMAGENET_MEAN[::-1] + NOISE * noise, 0, 255)


def natural_scales(side: int) -> int:
    """How many sizes a coarse-to-fine run has: ``side`` is halved while it keeps ``COARSEST_SIDE`` pixels."""
    scales = 1
    while side >> scales >= COARSEST_SIDE:
        scales += 1
    return scales


def pyramid(height: int, width: int, scales: int | None = None) -> list[tuple[int, int]]:
    """The sizes of a coarse-to-fine run, smallest first, each about half the next.

    ``scales``: how many sizes, ``None`` as ``natural_scales`` has it for the shorter side.
    Raises ``ValueError`` for fewer than one size.
    """
    scales = natural_scales(min(height, width)) if scales is None else scales
    if scales < 1:
        raise ValueError(f"A run has at least 1 size, not {scales}.")
    return [
        (max(1, round(height / 2**halvings)), max(1, round(width / 2**halvings)))
        for halvings in reversed(range(scales))
    ]


def shared_steps(steps: int, scales: int) -> list[int]:
    """How many of a run's steps each size gets: equal shares, what remains goes to the largest.

    Raises ``ValueError`` for fewer than one step.
    """
    if not isinstance(steps, numbers.Integral) or steps < 1:
        raise ValueError(f"A run has a whole number of steps, at least 1 step, not {steps!r}.")
    share, rest = divmod(steps, scales)
    return [share] * (scales - 1) + [share + rest]


def minimise(
    evaluate: Evaluate,
    pixels: np.ndarray,
    *,
    steps: int,
    optimizer: Optimizer = "lbfgs",
    coordinates: Coordinates = "pixels",
    callback: Callback | None = None,
) -> tuple[np.ndarray, list[Record]]:
    """Lower an objective by changing the pixels, which stay within the range of colours.

    ``evaluate``: what ``objective`` returns. ``pixels``: the start, ``(1, H, W, 3)``.
    Everything else is as in ``coarse_to_fine``, of which this is the case of one size.
    """
    return coarse_to_fine(
        lambda height, width: evaluate,
        lambda height, width: pixels,
        [pixels.shape[1:3]],
        steps=steps,
        optimizer=optimizer,
        coordinates=coordinates,
        callback=callback,
    )


def coarse_to_fine(
    build: Callable[[int, int], Evaluate],
    start: Callable[[int, int], np.ndarray],
    sizes: Sequence[tuple[int, int]],
    *,
    steps: int,
    optimizer: Optimizer = "lbfgs",
    coordinates: Coordinates = "pixels",
    callback: Callback | None = None,
) -> tuple[np.ndarray, list[Record]]:
    """Lower an objective at growing sizes, each starting from the enlarged result of the one before.

    ``build``: height and width → the objective at that size, see ``objective``.
    ``start``: height and width → the pixels ``(1, H, W, 3)`` that the first size starts from.
    ``sizes``: heights and widths, as ``pyramid`` gives them.
    ``steps``: the number of steps in all, shared evenly; L-BFGS ends earlier where no step lowers the loss.
    ``coordinates``: see ``Coordinates``; Adam always moves the pixels.
    ``callback``: see ``Callback``. An interrupt (Ctrl-C, a notebook's stop button) ends the run as
    ``StopIteration`` does, with the pixels after the last finished step.

    Returns the pixels, in the last of the sizes, and one record a step; where no step lowers the loss, one
    record of the start, with step 0.
    Raises ``ValueError`` for an unknown optimiser or fewer than one step.
    Source: L-BFGS-B: Zhu, Byrd, Lu and Nocedal (1997); Adam: Kingma and Ba (2015); growing sizes: Gatys,
    Ecker, Bethge, Hertzmann and Shechtman (2017).
    """
    if optimizer not in get_args(Optimizer):
        raise ValueError(f"The optimiser is 'lbfgs' or 'adam', not {optimizer!r}.")
    if coordinates not in get_args(Coordinates):
        raise ValueError(f"The coordinates are 'pixels' or 'fourier', not {coordinates!r}.")
    run = _Run(start(*sizes[0]), callback)
    with contextlib.suppress(_Stopped, KeyboardInterrupt):
        for (height, width), share in zip(sizes, shared_steps(steps, len(sizes)), strict=True):
            if share:
                run.pixels = _resize_pixels(run.pixels, height, width)
                run.evaluate = build(height, width)
                if optimizer == "lbfgs":
                    _lbfgs(run, share, coordinates)
                else:
                    _adam(run, share)
        if not run.history:
            run.record_start()
    return _resize_pixels(run.pixels, *sizes[-1]), run.history


class _Stopped(Exception):
    """The callback asked for the end of the run."""


class _Run:
    """What a run has reached: the pixels after the last finished step and the records so far."""

    def __init__(self, pixels: np.ndarray, callback: Callback | None) -> None:
        self.pixels = pixels
        self.history: list[Record] = []
        self.evaluate: Evaluate
        self._callback = callback
        self._evaluations = 0
        self._began = time.perf_counter()

    def evaluated(self, pixels: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
        self._evaluations += 1
        return self.evaluate(pixels)

    def record_start(self) -> None:
        """Record the start as step 0, where no step lowers the loss."""
        self.history.append(self._record(0, self.evaluated(self.pixels)[0]))

    def after_step(self, pixels: np.ndarray, losses: dict[str, float]) -> None:
        self.pixels = pixels
        record = self._record(len(self.history) + 1, losses)
        self.history.append(record)
        if self._callback is not None:
            try:
                self._callback(dict(record), lambda: deprocess(pixels))
            except StopIteration:
                raise _Stopped from None

    def _record(self, step: int, losses: dict[str, float]) -> Record:
        return {
            "step": step,
            "evaluations": self._evaluations,
            "seconds": round(time.perf_counter() - self._began, 3),
            "size": min(self.pixels.shape[1:3]),
            **losses,
        }


class _Space(NamedTuple):
    """The coordinates that L-BFGS moves in: maps to and from pixels, and a gradient's way back."""

    to_pixels: Callable[[np.ndarray], np.ndarray]
    from_pixels: Callable[[np.ndarray], np.ndarray]
    pull_back: Callable[[np.ndarray, np.ndarray], np.ndarray]
    bounds: scipy.optimize.Bounds | None


def _pixel_space(shape: tuple[int, ...]) -> _Space:
    """The pixels themselves, with the range of colours as bounds.

    A step of length 1 changes every pixel by about one grey level: L-BFGS-B's first trial is a step along
    the whole gradient of an objective that begins at 1, and this makes it a sensible one.
    """
    unit = np.sqrt(np.prod(shape))
    darkest, lightest = (np.broadcast_to(ends / unit, shape).ravel() for ends in (_DARKEST, _LIGHTEST))
    return _Space(
        to_pixels=lambda coordinates: (coordinates * unit).reshape(shape).astype(np.float32),
        from_pixels=lambda pixels: np.clip(pixels.ravel().astype(np.float64) / unit, darkest, lightest),
        pull_back=lambda coordinates, gradient: gradient.ravel().astype(np.float64) * unit,
        bounds=scipy.optimize.Bounds(darkest, lightest),
    )


def _fourier_space(shape: tuple[int, ...]) -> _Space:
    """Cosine coefficients scaled by 1/√f, then a sigmoid that keeps every colour within its range.

    Coarse structure moves faster than fine, as it does in pictures of the world, whose spectrum falls with
    the frequency f. The scaling is that of Olah, Mordvintsev and Schubert, "Feature visualization" (2017),
    with the cosine transform, which has no seam at the border.
    """
    _, height, width, _ = shape
    unit = np.sqrt(np.prod(shape))
    frequency = np.hypot(*np.meshgrid(np.arange(height) / height, np.arange(width) / width, indexing="ij"))
    scaling = 1 / np.sqrt(np.maximum(frequency, 1 / max(height, width)))
    scaling = (scaling / np.sqrt(np.mean(scaling**2)) * unit)[np.newaxis, :, :, np.newaxis]
    cosine = functools.partial(scipy.fft.dctn, axes=(1, 2), norm="ortho")
    inverse_cosine = functools.partial(scipy.fft.idctn, axes=(1, 2), norm="ortho")

    def share_of_white(coordinates: np.ndarray) -> np.ndarray:
        return scipy.special.expit(inverse_cosine(coordinates.reshape(shape) * scaling) * (4 / 255))

    def from_pixels(pixels: np.ndarray) -> np.ndarray:
        # Pure black and white lie at infinity; two grey levels inside, the sigmoid still moves.
        share = np.clip((pixels.astype(np.float64) - _DARKEST) / 255, 2 / 255, 253 / 255)
        return (cosine(scipy.special.logit(share) * (255 / 4)) / scaling).ravel()

    def pull_back(coordinates: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        share = share_of_white(coordinates)
        return (cosine(gradient * (4 * share * (1 - share))) * scaling).ravel()

    return _Space(
        to_pixels=lambda coordinates: (255 * share_of_white(coordinates) + _DARKEST).astype(np.float32),
        from_pixels=from_pixels,
        pull_back=pull_back,
        bounds=None,
    )


def _lbfgs(run: _Run, steps: int, coordinates: Coordinates) -> None:
    space = (_pixel_space if coordinates == "pixels" else _fourier_space)(run.pixels.shape)
    first_total = 0.0
    losses: dict[str, float] = {}

    def relative_total(point: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal first_total, losses
        losses, gradient = run.evaluated(space.to_pixels(point))
        first_total = first_total or losses["total"] or 1.0
        return losses["total"] / first_total, space.pull_back(point, gradient) / first_total

    taken = 0

    def accepted(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        nonlocal taken
        taken += 1
        run.after_step(space.to_pixels(intermediate_result.x), losses)

    point = space.from_pixels(run.pixels)
    while taken < steps:
        before = taken
        point = scipy.optimize.minimize(
            relative_total,
            point,
            method="L-BFGS-B",
            jac=True,
            bounds=space.bounds,
            callback=accepted,
            options={"maxiter": steps - taken, "maxfun": 20 * steps, "maxcor": 20, "ftol": 0, "gtol": 0},
        ).x
        if taken == before:
            # Even with a fresh memory there is no descent: the loss is as low as float32 can tell.
            break


def _adam(run: _Run, steps: int) -> None:
    variable = keras.Variable(run.pixels)
    adam = keras.optimizers.Adam(ADAM_LEARNING_RATE)
    _, gradient = run.evaluated(run.pixels)
    for _ in range(steps):
        adam.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        variable.assign(keras.ops.clip(variable, _DARKEST, _LIGHTEST))
        pixels = keras.ops.convert_to_numpy(variable)
        losses, gradient = run.evaluated(pixels)
        run.after_step(pixels, losses)


def _resize_pixels(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    if pixels.shape[1:3] == (height, width):
        return pixels
    image = (pixels[0] + IMAGENET_MEAN)[..., ::-1]
    return preprocess(resize_image(image, height, width))
