"""The loop over pixels: an objective, a start, and an optimiser that lowers the one from the other."""

import contextlib
import itertools
import numbers
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np

from helpers.backend import keras
from helpers.errors import ArgumentError
from helpers.images import IMAGENET_MEAN, deprocess, preprocess, resize_image
from helpers.objectives import Evaluate
from helpers.optimizers import Coordinates, Memory, adam, lbfgs

Optimizer = Literal["lbfgs", "adam"]
"""See ``lbfgs`` and ``adam``."""

Record = dict[str, float]
"""One step of a run: step, evaluations, seconds, size, total, and each term's loss before its weight.

``size`` is the shorter side of the picture at that step: totals of different sizes are not the same
objective.
"""

Callback = Callable[[Record, Callable[[], np.ndarray]], None]
"""Called once a step with its record and a function that returns the current image, ``uint8 (H, W, 3)``.

It may raise ``StopIteration`` to end the run with the current image.
"""

NOISE = 20.0
"""The standard deviation of the white noise that runs start from, in grey levels."""

COARSE_STEPS = 40
"""Steps that a smaller size takes at most: more of them were measured to save none at the larger."""

TOLERANCE_STEPS = 10
"""Over how many steps a run looks back to see whether the loss still falls."""

COARSEST_SIDE = 112
"""A coarse-to-fine run starts no smaller, half the size of VGG19's training pictures: what its deep layers
would paint into a smaller picture stays as shapes of the painting where the photo has none."""


def white_noise(height: int, width: int, seed: int) -> np.ndarray:
    """An image of white noise: every value drawn by itself, around the mean colour of ImageNet.

    The standard deviation is ``NOISE``: noise of the whole range would leave speckle where no term sees it.
    Returns ``float32 (height, width, 3)`` within 0…255; the same seed gives the same image.
    """
    if seed < 0:
        raise ArgumentError(f"The seed of the noise is 0 or more, not {seed}.")
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
    Raises ``ArgumentError`` for fewer than one size.
    """
    scales = natural_scales(min(height, width)) if scales is None else scales
    if scales < 1:
        raise ArgumentError(f"A run has at least 1 size, not {scales}.")
    return [
        (max(1, round(height / 2**halvings)), max(1, round(width / 2**halvings)))
        for halvings in reversed(range(scales))
    ]


def shared_steps(steps: int, scales: int) -> list[int]:
    """How many of a run's steps each size gets: equal ones, but to a smaller size ``COARSE_STEPS`` at most.

    Raises ``ArgumentError`` for fewer than one step.
    """
    if not isinstance(steps, numbers.Integral) or steps < 1:
        raise ArgumentError(f"A run has a whole number of steps, at least 1 step, not {steps!r}.")
    share = min(steps // scales, COARSE_STEPS)
    return [share] * (scales - 1) + [steps - share * (scales - 1)]


def minimise(
    evaluate: Evaluate,
    pixels: np.ndarray,
    *,
    steps: int,
    optimizer: Optimizer = "lbfgs",
    coordinates: Coordinates = "pixels",
    tolerance: float | None = None,
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
        tolerance=tolerance,
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
    tolerance: float | None = None,
    callback: Callback | None = None,
) -> tuple[np.ndarray, list[Record]]:
    """Lower an objective at growing sizes, each starting from the enlarged result of the one before.

    ``build``: height and width → the objective at that size, see ``objective``.
    ``start``: height and width → the pixels ``(1, H, W, 3)`` that the first size starts from.
    ``sizes``: heights and widths, as ``pyramid`` gives them.
    ``steps``: the number of steps in all, see ``shared_steps``; L-BFGS ends earlier where no step
    lowers the loss.
    ``coordinates``: see ``Coordinates``; Adam always moves the pixels.
    ``tolerance``: end a size early where its last ``TOLERANCE_STEPS`` steps lowered the loss by less than
    this share of it, such as 0.01; ``None`` takes all steps.
    ``callback``: see ``Callback``. An interrupt (Ctrl-C, a notebook's stop button) ends the run as
    ``StopIteration`` does, with the pixels after the last finished step.

    Returns the pixels, in the last of the sizes, and one record a step; where no step lowers the loss, one
    record of the start, with step 0.
    Raises ``ArgumentError`` for an unknown optimiser, fewer than one step, or a tolerance outside 0…1.
    Source: growing sizes: Gatys, Ecker, Bethge, Hertzmann and Shechtman (2017).
    """
    if optimizer not in get_args(Optimizer):
        raise ArgumentError(f"The optimiser is 'lbfgs' or 'adam', not {optimizer!r}.")
    if coordinates not in get_args(Coordinates):
        raise ArgumentError(f"The coordinates are 'pixels' or 'fourier', not {coordinates!r}.")
    if tolerance is not None and not 0 <= tolerance < 1:
        raise ArgumentError(f"The tolerance is a share of the loss from 0 to 1, not {tolerance}.")
    run = _Run(start(*sizes[0]), callback)
    memory: Memory | None = None
    with contextlib.suppress(_Stopped, KeyboardInterrupt):
        for (height, width), share in zip(sizes, shared_steps(steps, len(sizes)), strict=True):
            if share:
                run.pixels = _resize_pixels(run.pixels, height, width)
                run.evaluate = build(height, width)
                if optimizer == "lbfgs":
                    # Cosine coefficients of one size are not those of another: these begin anew.
                    goes_on = memory is not None and coordinates == "pixels"
                    memory = memory.enlarged(height, width) if goes_on else Memory(run.pixels.shape)
                    taken = lbfgs(run.evaluated, run.pixels, coordinates, memory)
                else:
                    taken = adam(run.evaluated, run.pixels)
                totals: list[float] = []
                for pixels, losses in itertools.islice(taken, share):
                    run.after_step(pixels, losses)
                    totals.append(losses["total"])
                    if tolerance is not None and _has_settled(totals, tolerance):
                        break
        if not run.history:
            run.record_start()
    return _resize_pixels(run.pixels, *sizes[-1]), run.history


def _has_settled(totals: Sequence[float], tolerance: float) -> bool:
    if len(totals) <= TOLERANCE_STEPS:
        return False
    return totals[-1] > (1 - tolerance) * totals[-1 - TOLERANCE_STEPS]


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

    def evaluated(self, pixels: Any) -> tuple[dict[str, float], Any]:
        self._evaluations += 1
        return self.evaluate(pixels)

    def record_start(self) -> None:
        """Record the start as step 0, where no step lowers the loss."""
        self.history.append(self._record(0, self.evaluated(self.pixels)[0]))

    def after_step(self, pixels: Any, losses: dict[str, float]) -> None:
        self.pixels = pixels
        record = self._record(len(self.history) + 1, losses)
        self.history.append(record)
        if self._callback is not None:
            try:
                self._callback(dict(record), lambda: deprocess(keras.ops.convert_to_numpy(pixels)))
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


def _resize_pixels(pixels: Any, height: int, width: int) -> np.ndarray:
    pixels = keras.ops.convert_to_numpy(pixels)
    if pixels.shape[1:3] == (height, width):
        return pixels
    image = (pixels[0] + IMAGENET_MEAN)[..., ::-1]
    return preprocess(resize_image(image, height, width))
