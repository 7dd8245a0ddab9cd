"""The loop of a run: an optimizer minimizes an objective at one image size, or coarse-to-fine at several."""

import dataclasses
import functools
import itertools
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.compute.framework import OUT_OF_MEMORY, keras
from helpers.engine.lbfgs import History, lbfgs
from helpers.engine.objective import Evaluate
from helpers.engine.optimizers import ADAM_LEARNING_RATE, Steps, adam, moments
from helpers.errors import RunError, TooLargeError, check_whole
from helpers.images import IMAGENET_MEAN, deprocess, preprocess, resize_image
from helpers.options import MOST_SCALES, Optimizer, Parametrization, Run

logger = logging.getLogger(__name__)

Record = dict[str, float]
"""One step of a run: step, evaluations so far, seconds, size, total, and the unweighted loss of each term.

``size``: the shorter side of the image, in pixels: totals at different sizes are of different objectives.
"""

Callback = Callable[[Record, Callable[[], np.ndarray]], None]
"""Called after each step with its record and a function that returns the image, ``uint8 (H, W, 3)``.

It may raise ``StopIteration`` to end the run.
"""

Build = Callable[[int, int], Evaluate]
"""Height and width → the objective at that size."""

NOISE = 20.0
"""The standard deviation of the white noise used as initialization, in gray levels."""

COARSE_STEPS = 40
"""The maximum number of steps at each size but the last. Measured: more do not save any at the last size."""

MOST_STEPS = 1_000_000
"""A usual run has hundreds of steps; a larger number than this is taken for a mistake."""

TOLERANCE_STEPS = 10
"""The number of steps over which ``tolerance`` compares the loss."""

BFLOAT16_STEPS = 300
"""The maximum number of steps at the largest size in bfloat16, before a run continues in float32.

Measured: until then the loss is at most 1.1 % above that of a run in float32; soon after, no step lowers the
loss computed in bfloat16.
"""

COARSEST_SIDE = 112
"""The least shorter side of a run's first size: in a smaller image the deep layers produce shapes of the
style image, which remain visible at the larger sizes."""


def white_noise(height: int, width: int, seed: int) -> np.ndarray:
    """An image of white Gaussian noise around the mean color of ImageNet.

    The standard deviation is ``NOISE``: stronger noise would remain visible, since the terms are insensitive
    to part of it. Returns ``float32 (height, width, 3)`` within 0…255; the same seed gives the same image.
    Raises ``ArgumentError`` for a negative seed.
    """
    check_whole("The seed of the noise", seed, 0)
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((height, width, 3), dtype=np.float32)
    return np.clip(IMAGENET_MEAN[::-1] + NOISE * noise, 0, 255)


def default_scales(side: int) -> int:
    """The default number of sizes: ``side``, in pixels, is halved while at least ``COARSEST_SIDE`` remain."""
    return max(1, (side // COARSEST_SIDE).bit_length())


def pyramid(height: int, width: int, scales: int | None = None) -> list[tuple[int, int]]:
    """The heights and widths of a coarse-to-fine run, smallest first, each about half the next.

    ``scales``: the number of sizes, by default ``default_scales`` of the shorter side.
    Raises ``ArgumentError`` for fewer than one size or more than ``MOST_SCALES``.
    """
    scales = default_scales(min(height, width)) if scales is None else scales
    check_whole("The number of sizes of a run", scales, 1, MOST_SCALES)
    return [
        (max(1, round(height / 2**halvings)), max(1, round(width / 2**halvings)))
        for halvings in reversed(range(scales))
    ]


def steps_per_size(steps: int, scales: int) -> list[int]:
    """Divide the steps of a run equally among its sizes, but with at most ``COARSE_STEPS`` at a smaller size.

    Raises ``ArgumentError`` for fewer than one step or more than ``MOST_STEPS``.
    """
    check_whole("The number of steps of a run", steps, 1, MOST_STEPS)
    coarse = min(steps // scales, COARSE_STEPS)
    return [coarse] * (scales - 1) + [steps - coarse * (scales - 1)]


@dataclasses.dataclass
class State:
    """The state of a run between two steps, from which the run can be resumed."""

    pixels: Any
    """The pixels after the last step, ``float32 (1, H, W, 3)``."""

    best: Any
    """The pixels with the lowest loss at this size; with L-BFGS the same as ``pixels``."""

    scale: int = 0
    """The index of the current size, from 0; the number of sizes for the last size continued in float32."""

    taken: int = 0
    """The number of steps taken at this size."""

    history: list[Record] = dataclasses.field(default_factory=list)

    optimizer_state: Callable[[], Mapping[str, np.ndarray]] = dict
    """Returns ``History.arrays`` with L-BFGS, ``moments`` with Adam."""


SaveState = Callable[[State, bool], None]
"""Called with the state, and ``False`` after each step, ``True`` at the end."""


def minimize(
    evaluate: Evaluate, pixels: np.ndarray, *, steps: int, **options: Any
) -> tuple[np.ndarray, list[Record]]:
    """Minimize an objective over the pixels, which stay within the range of colors.

    ``evaluate``: the result of ``objective``. ``pixels``: the initialization, ``(1, H, W, 3)``.
    ``options``: as in ``coarse_to_fine``, of which this is the case of one size.
    """
    size = pixels.shape[1:3]
    return coarse_to_fine(lambda *_: evaluate, lambda *_: pixels, [size], steps=steps, **options)


def coarse_to_fine(
    build: Build,
    start: Callable[[int, int], np.ndarray],
    sizes: Sequence[tuple[int, int]],
    *,
    steps: int,
    optimizer: Optimizer = "lbfgs",
    parametrization: Parametrization = "pixels",
    tolerance: float | None = None,
    build_in_float32: Build | None = None,
    callback: Callback | None = None,
    resume: State | None = None,
    keep: SaveState | None = None,
) -> tuple[np.ndarray, list[Record]]:
    """Minimize an objective at increasing sizes, each initialized with the enlarged result of the previous.

    ``build``: see ``Build``. ``start``: height and width → the initialization at the first size, pixels
    ``(1, H, W, 3)``. ``sizes``: heights and widths, see ``pyramid``. ``steps``: in total, see
    ``steps_per_size``; L-BFGS takes fewer if no step lowers the loss.
    ``parametrization``: of L-BFGS, see ``engine.parametrization``; Adam always optimizes the pixels.
    ``tolerance``: end a size early if its last ``TOLERANCE_STEPS`` steps lowered the loss by less than this
    fraction, such as 0.01.
    ``build_in_float32``: for a run in mixed precision, whose ``build`` computes in bfloat16. L-BFGS
    continues with it at the last size, after ``BFLOAT16_STEPS`` steps, or earlier if no step lowers
    the loss in bfloat16.
    ``callback``: see ``Callback``. ``keep``: see ``SaveState``. ``resume``: the state of a run to continue,
    which is changed.

    An interrupt, ``StopIteration`` from the callback, a loss that is not finite, or a lack of memory ends
    the run early with its result so far. Before the first step an error is raised instead.

    Returns the pixels with the lowest loss, at the last size, and one record for each step; if no step
    lowers the loss, one record of the initialization, with step 0.
    Raises ``ArgumentError`` for an invalid argument, ``RunError`` and ``TooLargeError``.
    Source: coarse-to-fine: Gatys, Ecker, Bethge, Hertzmann and Shechtman (2017).
    """
    # Raises ArgumentError for an invalid option.
    Run(optimizer=optimizer, parametrization=parametrization, tolerance=tolerance)
    counts = steps_per_size(steps, len(sizes))
    stages = [(*size, build, count) for size, count in zip(sizes, counts, strict=True)]
    if build_in_float32 is not None and optimizer == "lbfgs":
        stages[-1] = (*sizes[-1], build, min(counts[-1], BFLOAT16_STEPS))
        stages.append((*sizes[-1], build_in_float32, counts[-1]))
    pixels = start(*sizes[0])
    state = resume or State(pixels, pixels)
    try:
        _Minimization(state, callback, keep, tolerance).take(stages, optimizer, parametrization)
    except (StopIteration, KeyboardInterrupt):
        if not state.history:
            raise
    except (RunError, *OUT_OF_MEMORY) as error:
        failure = error if isinstance(error, RunError) else TooLargeError("The memory is full.")
        if not state.history:
            raise failure from None
        logger.warning("%s The picture is that of step %d.", failure, state.history[-1]["step"])
    finally:
        if keep is not None and state.history:
            keep(state, True)
    return _resize_pixels(state.best, *sizes[-1]), state.history


_Stage = tuple[int, int, Build, int]
"""A part of a run: height, width, objective, and the number of steps after which it ends at this size."""


class _Minimization:
    """A run in progress."""

    def __init__(
        self, state: State, callback: Callback | None, keep: SaveState | None, tolerance: float | None
    ) -> None:
        self.state = state
        self._callback, self._keep, self._tolerance = callback, keep, tolerance
        last = state.history[-1] if state.history else {"evaluations": 0, "seconds": 0.0}
        self._evaluations = last["evaluations"]
        self._began = time.perf_counter() - last["seconds"]
        self._evaluate: Evaluate

    def take(self, stages: Sequence[_Stage], optimizer: Optimizer, parametrization: Parametrization) -> None:
        """Take the steps of every stage from that of the state on."""
        state = self.state
        arrays = state.optimizer_state()
        past = History(state.pixels.shape, **arrays) if optimizer == "lbfgs" else None
        for scale, (height, width, build, steps) in enumerate(stages):
            taken = state.taken if scale == state.scale else 0
            # Those of a stage in bfloat16 count as well.
            steps -= sum(record["size"] == min(height, width) for record in state.history)
            if scale < state.scale or steps <= 0:
                continue
            self._evaluate = build(height, width)
            pixels = state.pixels if taken else _resize_pixels(state.best, height, width)
            if past is not None:
                if past.shape[1:3] != (height, width):
                    # Steps over cosine coefficients cannot be resized as images can.
                    resizable = parametrization == "pixels"
                    past = past.enlarged(height, width) if resizable else History(pixels.shape)
                optimizer_state = past.arrays
                optimizer_steps = lbfgs(self._evaluated, pixels, parametrization, past)
            else:
                rule = keras.optimizers.Adam(ADAM_LEARNING_RATE)
                optimizer_state = functools.partial(moments, rule)
                optimizer_steps = adam(self._evaluated, pixels, rule, arrays if taken else None)
            state.scale, state.taken, state.optimizer_state = scale, taken, optimizer_state
            state.pixels, state.best = pixels, state.best if taken else pixels
            if self._take_steps(optimizer_steps, steps) and (height, width) == stages[-1][:2]:
                break
        if not state.history:
            logger.warning("No step lowers the loss: the picture is the initialization.")
            state.history.append(self._record(0, self._evaluated(state.pixels)[0]))

    def _evaluated(self, pixels: Any) -> tuple[dict[str, float], Any]:
        """The objective of the stage, counting its evaluations."""
        self._evaluations += 1
        return self._evaluate(pixels)

    def _take_steps(self, optimizer_steps: Steps, steps: int) -> bool:
        """Take some steps. Returns ``True`` if the run converges before the last."""
        state = self.state
        totals = [record["total"] for record in state.history[len(state.history) - state.taken :]]
        lowest = min(totals, default=math.inf)
        for pixels, losses in itertools.islice(optimizer_steps, steps):
            state.pixels = pixels
            state.history.append(self._record(len(state.history) + 1, losses))
            state.taken += 1
            totals.append(losses["total"])
            if totals[-1] <= lowest:
                state.best, lowest = pixels, totals[-1]
            if self._keep is not None:
                self._keep(state, False)
            if self._callback is not None:
                image = lambda pixels=pixels: deprocess(keras.ops.convert_to_numpy(pixels))
                self._callback(dict(state.history[-1]), image)
            can_converge = self._tolerance is not None and len(totals) > TOLERANCE_STEPS
            if can_converge and totals[-1] > (1 - self._tolerance) * totals[-1 - TOLERANCE_STEPS]:
                return True
        return False

    def _record(self, step: int, losses: dict[str, float]) -> Record:
        return {
            "step": step,
            "evaluations": self._evaluations,
            "seconds": round(time.perf_counter() - self._began, 3),
            "size": min(self.state.pixels.shape[1:3]),
            **losses,
        }


def _resize_pixels(pixels: Any, height: int, width: int) -> np.ndarray:
    pixels = keras.ops.convert_to_numpy(pixels)
    if pixels.shape[1:3] == (height, width):
        return pixels
    image = (pixels[0] + IMAGENET_MEAN)[..., ::-1]
    return preprocess(resize_image(image, height, width))
