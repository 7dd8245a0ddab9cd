"""The loop of a run: an optimizer takes steps on the pixels, at one size or at growing ones."""

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
"""One step of a run: step, evaluations, seconds, size, total, and each term's loss before its weight.

``size`` is the shorter side of the picture at that step: totals of different sizes are not the same
objective.
"""

Callback = Callable[[Record, Callable[[], np.ndarray]], None]
"""Called once a step with its record and a function that returns the current image, ``uint8 (H, W, 3)``.

It may raise ``StopIteration`` to end the run with the current image.
"""

NOISE = 20.0
"""The standard deviation of the white noise that runs start from, in gray levels."""

COARSE_STEPS = 40
"""Steps that a smaller size takes at most: more of them were measured to save none at the larger."""

MOST_STEPS = 1_000_000
"""A run has hundreds of steps; more than this many are a slip of the keyboard."""

TOLERANCE_STEPS = 10
"""Over how many steps a run looks back to see whether the loss still falls."""

ROUGH_STEPS = 300
"""Steps that the largest size takes at most before its objective in float32.

Measured on four transfers: after 200 steps, as after 300, the loss of a run in bfloat16 is between 0.3 %
below and 1.1 % above that of one in float32. About then with Winograd's products, some 50 steps later with
direct convolutions, no step that L-BFGS tries lowers what bfloat16 shows.
"""

COARSEST_SIDE = 112
"""A coarse-to-fine run starts no smaller, half the size of VGG19's training pictures: what its deep layers
would paint into a smaller picture stays as shapes of the painting where the photo has none."""


def white_noise(height: int, width: int, seed: int) -> np.ndarray:
    """An image of white noise: every value drawn by itself, around the mean color of ImageNet.

    The standard deviation is ``NOISE``: noise of the whole range would leave speckle where no term sees it.
    Returns ``float32 (height, width, 3)`` within 0…255; the same seed gives the same image.
    """
    check_whole("The seed of the noise", seed, 0)
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
    check_whole("The number of sizes of a run", scales, 1, MOST_SCALES)
    return [
        (max(1, round(height / 2**halvings)), max(1, round(width / 2**halvings)))
        for halvings in reversed(range(scales))
    ]


def shared_steps(steps: int, scales: int) -> list[int]:
    """How many of a run's steps each size gets: equal ones, but to a smaller size ``COARSE_STEPS`` at most.

    Raises ``ArgumentError`` for fewer than one step.
    """
    check_whole("The number of steps of a run", steps, 1, MOST_STEPS)
    share = min(steps // scales, COARSE_STEPS)
    return [share] * (scales - 1) + [steps - share * (scales - 1)]


@dataclasses.dataclass(frozen=True)
class State:
    """Where a run is between two steps: enough to go on from there as if nothing had happened."""

    scale: int
    """Which of the run's sizes it is at, from 0; one more with the objective in float32 of the last."""

    taken: int
    """How many steps of that size are done."""

    pixels: np.ndarray
    """The pixels after the last step, ``float32 (1, H, W, 3)``."""

    best: np.ndarray
    """Those of the lowest loss at this size; with L-BFGS the same."""

    history: list[Record]

    optimizer_state: Mapping[str, np.ndarray]
    """Of the optimizer, see ``History.arrays`` and ``moments``."""


Keep = Callable[[Callable[[], State], bool], None]
"""Called once a step with a function that returns the state, and once more, with ``True``, at the end."""


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
    keep: Keep | None = None,
) -> tuple[np.ndarray, list[Record]]:
    """Minimize an objective over the pixels, which stay within the range of colors.

    ``evaluate``: what ``objective`` returns. ``pixels``: the start, ``(1, H, W, 3)``.
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
    build: Callable[[int, int], Evaluate],
    start: Callable[[int, int], np.ndarray],
    sizes: Sequence[tuple[int, int]],
    *,
    steps: int,
    optimizer: Optimizer = "lbfgs",
    parametrization: Parametrization = "pixels",
    tolerance: float | None = None,
    build_in_float32: Callable[[int, int], Evaluate] | None = None,
    callback: Callback | None = None,
    resume: State | None = None,
    keep: Keep | None = None,
) -> tuple[np.ndarray, list[Record]]:
    """Minimize an objective at growing sizes, each starting from the enlarged result of the one before.

    ``build``: height and width → the objective at that size. ``start``: → the pixels that the first starts
    from. ``sizes``: heights and widths, as ``pyramid`` gives them. ``steps``: in all, see ``shared_steps``;
    L-BFGS ends earlier where no step lowers the loss.
    ``parametrization``: of L-BFGS, see ``engine.parametrization``; Adam always optimizes the pixels.
    ``tolerance``: end a size early where its last ``TOLERANCE_STEPS`` steps lowered the loss by less than
    this fraction of it, such as 0.01.
    ``build_in_float32``: like ``build``, for a run that begins in bfloat16: L-BFGS goes on with it at the
    last size, after ``ROUGH_STEPS`` steps there, or where no step lowers the other.
    ``callback``: see ``Callback``. ``keep``: see ``Keep``. ``resume``: the state of a run to go on from.

    An interrupt, ``StopIteration`` from the callback, a loss that is not a finite number, and a lack of
    memory end the run with what it has reached; before the first step the last two are errors.

    Returns the pixels of the lowest loss, in the last of the sizes, and one record a step; where no step
    lowers the loss, one record of the start, with step 0.
    Raises ``ArgumentError`` for an argument that does not fit, ``RunError`` and ``TooLargeError``.
    Source: growing sizes: Gatys, Ecker, Bethge, Hertzmann and Shechtman (2017).
    """
    check_choice("The optimizer", optimizer, get_args(Optimizer))
    check_choice("The parametrization", parametrization, get_args(Parametrization))
    if tolerance is not None:
        check_number("The tolerance, a fraction of the loss,", tolerance, most=1.0)
    stages = _stages(build, build_in_float32 if optimizer == "lbfgs" else None, sizes, steps)
    run = _Run(start(*sizes[0]), callback, keep) if resume is None else _Run.of_state(resume, callback, keep)
    with _ending(run):
        _minimize_stages(run, stages, optimizer, parametrization, tolerance, resume)
    return _resize_pixels(run.best, *sizes[-1]), run.history


class _Stage(NamedTuple):
    """A part of a run: one size and one objective."""

    height: int
    width: int
    build: Callable[[int, int], Evaluate]
    steps: int
    goes_on: bool = False
    """It has the size of the stage before it, and what that one has left of the steps."""


def _stages(
    build: Callable[[int, int], Evaluate],
    build_in_float32: Callable[[int, int], Evaluate] | None,
    sizes: Sequence[tuple[int, int]],
    steps: int,
) -> list[_Stage]:
    shares = shared_steps(steps, len(sizes))
    stages = [_Stage(*size, build, share) for size, share in zip(sizes, shares, strict=True)]
    if build_in_float32 is not None:
        last = stages[-1]
        rough = last._replace(steps=min(last.steps, ROUGH_STEPS))
        stages[-1:] = [rough, last._replace(build=build_in_float32, goes_on=True)]
    return stages


def _minimize_stages(
    run: "_Run",
    stages: Sequence[_Stage],
    optimizer: Optimizer,
    parametrization: Parametrization,
    tolerance: float | None,
    resume: State | None,
) -> None:
    past: History | None = None
    for number in range(run.scale, len(stages)):
        stage = stages[number]
        resumed = resume if resume is not None and number == resume.scale else None
        steps, taken = stage.steps, resumed.taken if resumed else 0
        if stage.goes_on:
            steps -= run.taken_at(stage.height, stage.width) - taken
        if not steps:
            continue
        run.enter(number, stage, taken)
        if optimizer == "lbfgs":
            past = _history_of(run, stage, past, parametrization, resumed)
            run.state_of_optimizer = past.arrays
            following = lbfgs(run.evaluated, run.pixels, parametrization, past)
        else:
            rule = keras.optimizers.Adam(ADAM_LEARNING_RATE)
            run.state_of_optimizer = functools.partial(moments, rule)
            following = adam(run.evaluated, run.pixels, rule, resumed and resumed.optimizer_state)
        settled = run.follow(following, steps, tolerance)
        if settled and stage[:2] == stages[-1][:2]:
            break
    if not run.history:
        run.record_start()


def _history_of(
    run: "_Run", stage: _Stage, past: History | None, parametrization: Parametrization, resumed: State | None
) -> History:
    """The past steps that L-BFGS begins a stage with."""
    if resumed:
        return History.of_arrays(run.pixels.shape, resumed.optimizer_state)
    if stage.goes_on and past is not None:
        return past
    if past is None or parametrization == "cosine":
        # Cosine coefficients of one size are not those of another: these begin anew.
        return History(run.pixels.shape)
    return past.enlarged(stage.height, stage.width)


@contextlib.contextmanager
def _ending(run: "_Run") -> Iterator[None]:
    """Whatever ends a run ends it with what it has reached; before the first step it is an error."""
    try:
        yield
    except _Stopped:
        pass
    except KeyboardInterrupt:
        if not run.history:
            raise
    except (RunError, *OUT_OF_MEMORY) as error:
        said = error if isinstance(error, RunError) else TooLargeError("The memory is full.")
        if not run.history:
            raise said from None
        logger.warning("%s The picture is that of step %d.", said, run.history[-1]["step"])
    finally:
        run.keep_last()


class _Stopped(Exception):
    """The callback asked for the end of the run."""


class _Run:
    """What a run has reached: where it is, its pixels, and the records so far."""

    def __init__(
        self, pixels: np.ndarray, callback: Callback | None, keep: Keep | None, history: Sequence[Record] = ()
    ) -> None:
        self.pixels = self.best = pixels
        self.history: list[Record] = list(history)
        self.scale, self.taken = 0, 0
        self.evaluate: Evaluate
        self.state_of_optimizer: Callable[[], dict[str, np.ndarray]] = dict
        self._lowest = np.inf
        self._callback, self._keep = callback, keep
        self._evaluations = int(self.history[-1]["evaluations"]) if self.history else 0
        self._began = time.perf_counter() - (self.history[-1]["seconds"] if self.history else 0)

    @classmethod
    def of_state(cls, state: State, callback: Callback | None, keep: Keep | None) -> "_Run":
        run = cls(state.pixels, callback, keep, state.history)
        run.scale, run.taken, run.best = state.scale, state.taken, state.best
        return run

    def enter(self, scale: int, stage: _Stage, taken: int) -> None:
        """Begin a stage, or go on with it after some steps."""
        self.scale, self.taken = scale, taken
        if taken:
            self._lowest = min(record["total"] for record in self.history[-taken:])
        else:
            self.pixels = self.best = _resize_pixels(self.best, stage.height, stage.width)
            self._lowest = np.inf
        self.evaluate = stage.build(stage.height, stage.width)

    def follow(self, following: Steps, steps: int, tolerance: float | None) -> bool:
        """Take what is left of some steps; ``True`` where the loss settles before the last."""
        for pixels, losses in itertools.islice(following, steps - self.taken):
            self.after_step(pixels, losses)
            if tolerance is not None and self.has_settled(tolerance):
                return True
        return False

    def taken_at(self, height: int, width: int) -> int:
        """How many steps were taken at a size."""
        return sum(record["size"] == min(height, width) for record in self.history)

    def evaluated(self, pixels: Any) -> tuple[dict[str, float], Any]:
        self._evaluations += 1
        return self.evaluate(pixels)

    def record_start(self) -> None:
        """Record the start as step 0, where no step lowers the loss."""
        self.history.append(self._record(0, self.evaluated(self.pixels)[0]))

    def after_step(self, pixels: Any, losses: dict[str, float]) -> None:
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

    def has_settled(self, tolerance: float) -> bool:
        totals = [record["total"] for record in self.history[-self.taken :]]
        return len(totals) > TOLERANCE_STEPS and totals[-1] > (1 - tolerance) * totals[-1 - TOLERANCE_STEPS]

    def keep_last(self) -> None:
        if self._keep is not None and self.history:
            self._keep(self.state, True)

    def state(self) -> State:
        pixels = keras.ops.convert_to_numpy(self.pixels)
        best = pixels if self.best is self.pixels else keras.ops.convert_to_numpy(self.best)
        return State(self.scale, self.taken, pixels, best, list(self.history), self.state_of_optimizer())

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
