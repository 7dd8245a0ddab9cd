"""The loop of a run: an optimizer minimizes an objective at one image size, or coarse-to-fine at several."""

import contextlib
import dataclasses
import functools
import itertools
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

import numpy as np

from helpers.compute.framework import OUT_OF_MEMORY, keras
from helpers.engine.lbfgs import History, lbfgs
from helpers.engine.objective import Evaluate
from helpers.engine.optimizers import ADAM_LEARNING_RATE, Steps, adam, moments
from helpers.errors import RunError, TooLargeError, check_choice, check_number, check_whole
from helpers.images import IMAGENET_MEAN, deprocess, preprocess, resize_image
from helpers.options import MOST_SCALES, Optimizer, Parametrization

logger = logging.getLogger(__name__)

Record = dict[str, float]
"""One step of a run: step, evaluations, seconds, size, total, and the unweighted loss of each term.

``evaluations`` counts the losses and gradients computed so far. ``size`` is the shorter side of the image at
that step, in pixels: totals at different sizes are values of different objectives.
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
"""The maximum number of steps of a run. A usual run has hundreds; a larger number is taken for a mistake."""

TOLERANCE_STEPS = 10
"""The number of steps over which ``tolerance`` compares the loss."""

BFLOAT16_STEPS = 300
"""The maximum number of steps at the largest size in bfloat16, before a run continues in float32.

Measured on four transfers: after 200 and after 300 steps, the loss of a run in bfloat16 is between 0.3 %
below and 1.1 % above that of a run in float32. At about that step with Winograd convolution, and some 50
steps later with direct convolution, the line search finds no step that lowers the loss computed in bfloat16.
"""

COARSEST_SIDE = 112
"""The least shorter side of a coarse-to-fine run's first size: half that of VGG19's training images. In a
smaller image the deep layers produce shapes of the style image, which remain visible at the larger sizes."""


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
    scales = 1
    while side >> scales >= COARSEST_SIDE:
        scales += 1
    return scales


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


@dataclasses.dataclass(frozen=True)
class State:
    """The state of a run between two steps, from which the run can be resumed."""

    scale: int
    """The index of the current size, from 0; the number of sizes for the last size continued in float32."""

    taken: int
    """The number of steps taken there."""

    pixels: np.ndarray
    """The pixels after the last step, ``float32 (1, H, W, 3)``."""

    best: np.ndarray
    """The pixels with the lowest loss at this size; with L-BFGS the same as ``pixels``."""

    history: list[Record]

    optimizer_state: Mapping[str, np.ndarray]
    """``History.arrays`` with L-BFGS, ``moments`` with Adam."""


SaveState = Callable[[Callable[[], State], bool], None]
"""Called with a function that returns the state, and ``False`` after each step, ``True`` at the end."""


def minimize(
    evaluate: Evaluate,
    pixels: np.ndarray,
    *,
    steps: int,
    optimizer: Optimizer = "lbfgs",
    parametrization: Parametrization = "pixels",
    tolerance: float | None = None,
    callback: Callback | None = None,
    resume: State | None = None,
    keep: SaveState | None = None,
) -> tuple[np.ndarray, list[Record]]:
    """Minimize an objective over the pixels, which stay within the range of colors.

    ``evaluate``: the result of ``objective``. ``pixels``: the initialization, ``(1, H, W, 3)``.
    Everything else is as in ``coarse_to_fine``, of which this is the case of one size.
    """
    return coarse_to_fine(
        lambda height, width: evaluate,
        lambda height, width: pixels,
        [pixels.shape[1:3]],
        steps=steps,
        optimizer=optimizer,
        parametrization=parametrization,
        tolerance=tolerance,
        callback=callback,
        resume=resume,
        keep=keep,
    )


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
    ``callback``: see ``Callback``. ``keep``: see ``SaveState``. ``resume``: the state of a run to continue.

    An interrupt, ``StopIteration`` from the callback, a loss that is not finite, or a lack of memory ends
    the run early with its result so far. Before the first step an error is raised instead.

    Returns the pixels with the lowest loss, at the last size, and one record for each step; if no step
    lowers the loss, one record of the initialization, with step 0.
    Raises ``ArgumentError`` for an invalid argument, ``RunError`` and ``TooLargeError``.
    Source: coarse-to-fine: Gatys, Ecker, Bethge, Hertzmann and Shechtman (2017).
    """
    check_choice("The optimizer", optimizer, get_args(Optimizer))
    check_choice("The parametrization", parametrization, get_args(Parametrization))
    if tolerance is not None:
        check_number("The tolerance, a fraction of the loss,", tolerance, most=1.0)
    stages = _stages(build, build_in_float32 if optimizer == "lbfgs" else None, sizes, steps)
    run = _Run(start(*sizes[0]), callback, keep) if resume is None else _Run.of_state(resume, callback, keep)
    with _ending_early(run):
        _minimize_stages(run, stages, optimizer, parametrization, tolerance, resume)
    return _resize_pixels(run.best, *sizes[-1]), run.history


class _Stage(NamedTuple):
    """A part of a run: one size and one objective."""

    height: int
    width: int
    build: Build
    steps: int
    continues: bool = False
    """Whether it continues at the size of the previous stage; ``steps`` is then the sum for both."""


def _stages(
    build: Build, build_in_float32: Build | None, sizes: Sequence[tuple[int, int]], steps: int
) -> list[_Stage]:
    steps_by_size = steps_per_size(steps, len(sizes))
    stages = [_Stage(*size, build, count) for size, count in zip(sizes, steps_by_size, strict=True)]
    if build_in_float32 is not None:
        last = stages[-1]
        in_bfloat16 = last._replace(steps=min(last.steps, BFLOAT16_STEPS))
        stages[-1:] = [in_bfloat16, last._replace(build=build_in_float32, continues=True)]
    return stages


def _minimize_stages(
    run: "_Run",
    stages: Sequence[_Stage],
    optimizer: Optimizer,
    parametrization: Parametrization,
    tolerance: float | None,
    resume: State | None,
) -> None:
    """Take the steps of every stage from ``run.scale`` on."""
    past: History | None = None
    for number, stage in enumerate(stages[run.scale :], start=run.scale):
        resumed = resume if resume is not None and number == resume.scale else None
        steps, taken = stage.steps, resumed.taken if resumed else 0
        if stage.continues:
            # Subtract the steps that the previous stage has taken at this size.
            steps -= run.taken_at(stage.height, stage.width) - taken
        if not steps:
            continue
        run.begin_stage(number, stage, taken)
        if optimizer == "lbfgs":
            past = _initial_history(run, stage, past, parametrization, resumed)
            run.optimizer_state = past.arrays
            optimizer_steps = lbfgs(run.evaluated, run.pixels, parametrization, past)
        else:
            keras_adam = keras.optimizers.Adam(ADAM_LEARNING_RATE)
            run.optimizer_state = functools.partial(moments, keras_adam)
            optimizer_steps = adam(run.evaluated, run.pixels, keras_adam, resumed and resumed.optimizer_state)
        converged = run.take_steps(optimizer_steps, steps, tolerance)
        if converged and stage[:2] == stages[-1][:2]:
            break
    if not run.history:
        run.record_start()


def _initial_history(
    run: "_Run", stage: _Stage, past: History | None, parametrization: Parametrization, resumed: State | None
) -> History:
    """The past steps with which L-BFGS begins a stage; ``past``: those of the previous stage."""
    if resumed:
        return History.of_arrays(run.pixels.shape, resumed.optimizer_state)
    if stage.continues and past is not None:
        return past
    if past is None or parametrization == "cosine":
        # Steps over cosine coefficients cannot be resized as images can.
        return History(run.pixels.shape)
    return past.enlarged(stage.height, stage.width)


@contextlib.contextmanager
def _ending_early(run: "_Run") -> Iterator[None]:
    """Suppress an interrupt or failure after the first step, so that the run returns its image so far."""
    try:
        yield
    except _Stopped:
        pass
    except KeyboardInterrupt:
        if not run.history:
            raise
    except (RunError, *OUT_OF_MEMORY) as error:
        failure = error if isinstance(error, RunError) else TooLargeError("The memory is full.")
        if not run.history:
            raise failure from None
        logger.warning("%s The picture is that of step %d.", failure, run.history[-1]["step"])
    finally:
        run.keep_last()


class _Stopped(Exception):
    """The callback has raised ``StopIteration``."""


class _Run:
    """The progress of a run: its stage, pixels and records."""

    def __init__(
        self,
        pixels: np.ndarray,
        callback: Callback | None,
        keep: SaveState | None,
        history: Sequence[Record] = (),
    ) -> None:
        self.pixels = self.best = pixels
        self.history: list[Record] = list(history)
        self.scale, self.taken = 0, 0
        self.evaluate: Evaluate
        self.optimizer_state: Callable[[], dict[str, np.ndarray]] = dict
        self._lowest = np.inf
        self._callback, self._keep = callback, keep
        self._evaluations = int(self.history[-1]["evaluations"]) if self.history else 0
        self._began = time.perf_counter() - (self.history[-1]["seconds"] if self.history else 0)

    @classmethod
    def of_state(cls, state: State, callback: Callback | None, keep: SaveState | None) -> "_Run":
        run = cls(state.pixels, callback, keep, state.history)
        run.scale, run.taken, run.best = state.scale, state.taken, state.best
        return run

    def begin_stage(self, scale: int, stage: _Stage, taken: int) -> None:
        """Begin a stage, or resume it after ``taken`` steps."""
        self.scale, self.taken = scale, taken
        if taken:
            self._lowest = min(record["total"] for record in self.history[-taken:])
        else:
            self.pixels = self.best = _resize_pixels(self.best, stage.height, stage.width)
            self._lowest = np.inf
        self.evaluate = stage.build(stage.height, stage.width)

    def take_steps(self, optimizer_steps: Steps, steps: int, tolerance: float | None) -> bool:
        """Take the remaining of ``steps`` steps. Returns ``True`` if the run converges before the last."""
        for pixels, losses in itertools.islice(optimizer_steps, steps - self.taken):
            self.after_step(pixels, losses)
            if tolerance is not None and self.has_converged(tolerance):
                return True
        return False

    def taken_at(self, height: int, width: int) -> int:
        """The number of steps taken at a size."""
        return sum(record["size"] == min(height, width) for record in self.history)

    def evaluated(self, pixels: Any) -> tuple[dict[str, float], Any]:
        """The objective of the stage, counting its evaluations."""
        self._evaluations += 1
        return self.evaluate(pixels)

    def record_start(self) -> None:
        """Record the initialization as step 0."""
        self.history.append(self._record(0, self.evaluated(self.pixels)[0]))

    def after_step(self, pixels: Any, losses: dict[str, float]) -> None:
        """Record a step, then call ``keep`` and the callback."""
        self.pixels = pixels
        if losses["total"] <= self._lowest:
            self.best, self._lowest = pixels, losses["total"]
        record = self._record(len(self.history) + 1, losses)
        self.history.append(record)
        self.taken += 1
        if self._keep is not None:
            self._keep(self.state, False)
        if self._callback is not None:
            try:
                self._callback(dict(record), lambda: deprocess(keras.ops.convert_to_numpy(pixels)))
            except StopIteration:
                raise _Stopped from None

    def has_converged(self, tolerance: float) -> bool:
        """Whether the last ``TOLERANCE_STEPS`` steps lowered the loss by less than this fraction."""
        totals = [record["total"] for record in self.history[-self.taken :]]
        return len(totals) > TOLERANCE_STEPS and totals[-1] > (1 - tolerance) * totals[-1 - TOLERANCE_STEPS]

    def keep_last(self) -> None:
        if self._keep is not None and self.history:
            self._keep(self.state, True)

    def state(self) -> State:
        pixels = keras.ops.convert_to_numpy(self.pixels)
        best = pixels if self.best is self.pixels else keras.ops.convert_to_numpy(self.best)
        return State(self.scale, self.taken, pixels, best, list(self.history), self.optimizer_state())

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
