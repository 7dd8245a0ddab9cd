"""L-BFGS: quasi-Newton steps over the pixels, or over cosine coefficients, within the range of colors.

Only a few numbers a step travel to the host; images, gradients and past steps stay on the device that
evaluates.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers.compute.framework import compiled, keras
from helpers.engine.objective import Evaluate
from helpers.engine.optimizers import Steps, magnitude, unsound
from helpers.engine.parametrization import Space, cosine_space, pixel_space
from helpers.errors import RunError
from helpers.options import Parametrization

ops = keras.ops

LONGEST_HISTORY = 20
"""How many past steps L-BFGS keeps of a small image: each costs two images of memory.

Measured on three transfers at 128 pixels, after 180 evaluations: with 20 of them the loss is within 0.5 % of
that with 30, once above and twice below, and with 10 it is 0.4 to 1.2 % above.
"""

_SHORTEST_HISTORY = 10
_BYTES_OF_HISTORY = 100e6
_SUFFICIENT_DECREASE = 1e-4
_TRIALS = 10


def history_length(height: int, width: int) -> int:
    """How many past steps L-BFGS keeps of an image: ``LONGEST_HISTORY``, of a large one as few as 10."""
    fitting = int(_BYTES_OF_HISTORY / (2 * height * width * 3 * 4))
    return max(_SHORTEST_HISTORY, min(LONGEST_HISTORY, fitting))


class History:
    """The last steps of L-BFGS: moves s_i = x_i+1 − x_i, and changes y_i = ∇f_i+1 − ∇f_i of the gradient."""

    def __init__(self, shape: tuple[int, ...], length: int | None = None) -> None:
        """Begin without steps, for images of one shape ``(1, H, W, 3)``.

        ``length``: how many are kept, by default ``history_length``.
        """
        self.shape = tuple(shape)
        self.length = history_length(*shape[1:3]) if length is None else length
        self.point: Any = None
        """Where the last step led, in the parametrization of the steps; ``None`` before the first."""
        self.inverse_curvatures = np.zeros(0, np.float32)
        self.forget()

    def forget(self) -> bool:
        """Drop all past steps; ``False`` where there were none."""
        had = len(self) > 0
        # Steps that are not there yet are zeros, so that one compiled graph serves from the first step on.
        self.moves = [ops.zeros(int(np.prod(self.shape)))] * self.length
        self.changes = list(self.moves)
        self.inverse_curvatures = np.zeros(self.length, np.float32)
        self.scale = 0.0
        return had

    def __len__(self) -> int:
        """How many steps there are."""
        return int(np.count_nonzero(self.inverse_curvatures))

    def keep(self, move: Any, change: Any, curvature: float, square: float) -> None:
        """Add a step: s, y, sᵀy and yᵀy. Without curvature along s it tells nothing about a minimum."""
        if not curvature > 1e-8 * square:
            return
        self.moves = [*self.moves[1:], move]
        self.changes = [*self.changes[1:], change]
        self.inverse_curvatures = np.append(self.inverse_curvatures[1:], np.float32(1 / curvature))
        self.scale = curvature / square

    def direction(self, point: Any, gradient: Any, space: Space) -> Any:
        """The move to try; ``None`` where the gradient is zero or not finite."""
        for _ in range(2):
            steps = self.moves, self.changes, self.inverse_curvatures, np.float32(self.scale)
            direction, numbers = _direction(point, gradient, space.low, space.high, *steps)
            square, slope = ops.convert_to_numpy(numbers).tolist()
            if not 0 < square < np.inf:
                return None
            if slope < 0 or not self.forget():
                return direction
        return direction

    def enlarged(self, height: int, width: int) -> "History":
        """The same steps for an image of another size, so that the curvature they tell of is not lost.

        A move is enlarged like an image. A gradient per pixel becomes the smaller the more pixels there are,
        and so does its change.
        """
        larger = History((1, height, width, 3))
        fraction = self.shape[1] * self.shape[2] / (height * width)
        for number in range(self.length - len(self), self.length):
            pair = ops.reshape(ops.stack([self.moves[number], self.changes[number]]), (2, *self.shape[1:]))
            pair = ops.image.resize(pair, (height, width), "bicubic", data_format="channels_last")
            move, change = ops.reshape(pair[0], -1), ops.reshape(pair[1], -1) * fraction
            larger.keep(move, change, *_numbers_of(move, change))
        return larger

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it, to be kept in a file; ``History.of_arrays`` makes it again."""
        known = {} if self.point is None else {"point": ops.convert_to_numpy(self.point)}
        if len(self):
            for name in ("moves", "changes"):
                steps = getattr(self, name)[-len(self) :]
                known[name] = np.stack([ops.convert_to_numpy(step) for step in steps])
        return known

    @classmethod
    def of_arrays(cls, shape: tuple[int, ...], arrays: Mapping[str, np.ndarray]) -> "History":
        """The history that ``arrays`` came from, for images of the same shape."""
        history = cls(shape)
        for pair in zip(arrays.get("moves", ()), arrays.get("changes", ()), strict=True):
            move, change = map(ops.convert_to_tensor, pair)
            history.keep(move, change, *_numbers_of(move, change))
        history.point = ops.convert_to_tensor(arrays["point"]) if "point" in arrays else None
        return history


def lbfgs(
    evaluate: Evaluate,
    start: Any,
    parametrization: Parametrization = "pixels",
    history: History | None = None,
) -> Steps:
    """L-BFGS over the pixels within the range of colors, or over their scaled cosine coefficients.

    A pixel at the end of its range whose gradient points outwards stays for the step; what a step would
    carry out of the range is projected back. It ends where no step lowers the loss.
    ``history``: past steps to go on from, to which those of this run are added; by default an empty one.
    Source: Nocedal (1980), with backtracking until the loss falls as Armijo (1966) asks; projection:
    Bertsekas (1982), "Projected Newton methods".
    """
    space = (pixel_space if parametrization == "pixels" else cosine_space)(tuple(start.shape))
    history = History(tuple(start.shape)) if history is None else history
    point = history.point
    if point is None:
        point = space.from_pixels(ops.convert_to_tensor(start, "float32"))

    def evaluate_at(point: Any) -> tuple[dict[str, float], Any, Any]:
        pixels = space.to_pixels(point)
        losses, gradient = evaluate(pixels)
        return losses, space.pull_back(pixels, ops.convert_to_tensor(gradient, "float32")), pixels

    losses, gradient, _ = evaluate_at(point)
    if why := unsound(losses, magnitude(gradient)):
        raise RunError(why)
    while (direction := history.direction(point, gradient, space)) is not None:
        length = 1.0
        for _ in range(_TRIALS):
            trial, move = _projected(point, direction, length, space.low, space.high)
            trial_losses, trial_gradient, pixels = evaluate_at(trial)
            change, numbers = _step(move, trial_gradient, gradient)
            slope, size, curvature, square = ops.convert_to_numpy(numbers).tolist()
            difference = trial_losses["total"] - losses["total"]
            why = unsound(trial_losses, size)
            if not why and difference <= _SUFFICIENT_DECREASE * slope and difference < 0:
                break
            # The minimum of the parabola through both losses and the slope, but not too near to either.
            lowest = -slope / (2 * (difference - slope)) if difference > slope else 0.5
            length *= float(np.clip(lowest, 0.1, 0.5))
        else:
            if history.forget():
                continue
            if why:
                raise RunError(why)
            return
        history.keep(ops.reshape(move, -1), change, curvature, square)
        history.point = point = trial
        losses, gradient = trial_losses, trial_gradient
        yield pixels, losses


def lbfgs_without_search(evaluate: Evaluate, start: Any) -> Steps:
    """L-BFGS as PyTorch's tutorial on style transfer has it, to compare with.

    It takes every step in full, whatever the loss becomes, keeps 100 of them, and clamps the colors.
    """
    space = pixel_space(tuple(start.shape))
    point = space.from_pixels(ops.convert_to_tensor(start, "float32"))
    _, gradient = evaluate(point)
    history = History(point.shape, length=100)
    while (direction := history.direction(point, gradient, space)) is not None:
        trial, move = _projected(point, direction, 1.0, space.low, space.high)
        losses, trial_gradient = evaluate(trial)
        change, numbers = _step(move, trial_gradient, gradient)
        history.keep(ops.reshape(move, -1), change, *ops.convert_to_numpy(numbers).tolist()[2:])
        point, gradient = trial, trial_gradient
        yield point, losses


@compiled
def _direction(
    point: Any,
    gradient: Any,
    low: Any,
    high: Any,
    moves: Any,
    changes: Any,
    inverse_curvatures: Any,
    scale: Any,
) -> tuple[Any, Any]:
    """−H∇f by the two-loop recursion, H approximating the inverse Hessian; beside it ∇fᵀ∇f and the slope.

    ``moves``, ``changes``: s_i and y_i, oldest first. ``inverse_curvatures``: ρ_i = 1 / s_iᵀy_i. ``scale``:
    γ, 0 before there is a step; then the direction is as long as one gray level in every coordinate.
    Source: Nocedal and Wright (2006), "Numerical optimization", algorithm 7.4.
    """
    outwards = ops.logical_or(
        ops.logical_and(point <= low, gradient > 0), ops.logical_and(point >= high, gradient < 0)
    )
    free = ops.reshape(ops.where(outwards, 0.0, gradient), -1)
    square = _dot(free, free)
    q, alphas = free, []
    for number in reversed(range(len(moves))):
        alphas.append(inverse_curvatures[number] * _dot(moves[number], q))
        q = q - alphas[-1] * changes[number]
    one_level = ops.sqrt(ops.cast(ops.size(free), "float32") / square)
    r = q * ops.where(scale > 0, scale, one_level)
    for number, alpha in enumerate(reversed(alphas)):
        beta = inverse_curvatures[number] * _dot(changes[number], r)
        r = r + (alpha - beta) * moves[number]
    # A coordinate held at the end of its range has no gradient here, and stays.
    direction = ops.where(free == 0, 0.0, -r)
    return ops.reshape(direction, ops.shape(gradient)), ops.stack([square, _dot(direction, free)])


@compiled
def _projected(point: Any, direction: Any, length: Any, low: Any, high: Any) -> tuple[Any, Any]:
    trial = ops.clip(point + length * direction, low, high)
    return trial, trial - point


@compiled
def _step(move: Any, gradient: Any, before: Any) -> tuple[Any, Any]:
    """The change of the gradient; and ∇fᵀs, ``magnitude`` of the new gradient, sᵀy and yᵀy."""
    move, change = ops.reshape(move, -1), ops.reshape(gradient - before, -1)
    slope = _dot(ops.reshape(before, -1), move)
    return change, ops.stack([slope, magnitude(gradient), _dot(move, change), _dot(change, change)])


def _numbers_of(move: Any, change: Any) -> list[float]:
    """The sᵀy and yᵀy of a step."""
    return ops.convert_to_numpy(_curvature(move, change)).tolist()


@compiled
def _curvature(move: Any, change: Any) -> Any:
    return ops.stack([_dot(move, change), _dot(change, change)])


def _dot(first: Any, second: Any) -> Any:
    return ops.sum(first * second)
