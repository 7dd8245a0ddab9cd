"""L-BFGS: quasi-Newton steps over the pixels, or over cosine coefficients, within the range of colors.

Images, gradients and past steps stay on the device that evaluates the objective; each evaluation copies only
a few scalars to the host.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from helpers.compute.framework import compiled, keras
from helpers.engine.objective import Evaluate
from helpers.engine.optimizers import Steps, failure_at_start, magnitude, non_finite_message
from helpers.engine.parametrization import Space, cosine_space, pixel_space
from helpers.errors import RunError
from helpers.options import Parametrization

ops = keras.ops

LONGEST_HISTORY = 20
"""How many past steps L-BFGS keeps for a small image. Measured: 30 save no evaluations, 10 cost some."""

_SUFFICIENT_DECREASE = 1e-4
_TRIALS = 10


def history_length(height: int, width: int) -> int:
    """How many past steps L-BFGS keeps, each as two images: as many as fit into 100 MB, but at least 10."""
    fitting = int(100e6 / (2 * height * width * 3 * 4))
    return max(10, min(LONGEST_HISTORY, fitting))


class History:
    """The last steps of L-BFGS: s_i = x_i+1 − x_i, and the changes of the gradient y_i = ∇f_i+1 − ∇f_i."""

    def __init__(
        self,
        shape: tuple[int, ...],
        pairs: Iterable[tuple[Any, Any]] = (),
        point: Any = None,
        length: int | None = None,
    ) -> None:
        """The history of some steps over images of the shape ``(1, H, W, 3)``.

        ``pairs``: s and y of each, oldest first. ``point``: the optimization variable after the last.
        ``length``: the maximum number of steps, by default ``history_length``.
        """
        self.shape = tuple(shape)
        self.length = length or history_length(*shape[1:3])
        self.point = point
        self.clear()
        for displacement, change in pairs:
            self.keep(displacement, change, float(_dot(displacement, change)), float(_dot(change, change)))

    def clear(self) -> None:
        """Drop all past steps."""
        # Missing steps are zeros: the same compiled graph then serves a history of any length.
        self.displacements = [ops.zeros(int(np.prod(self.shape)), "float32")] * self.length
        self.changes = list(self.displacements)
        self.inverse_curvatures = np.zeros(self.length, np.float32)
        self.scale = 0.0

    def __len__(self) -> int:
        """The number of steps in the history."""
        return int(np.count_nonzero(self.inverse_curvatures))

    def keep(self, displacement: Any, change: Any, curvature: float, change_square: float) -> None:
        """Add a step, given s, y, sᵀy and yᵀy.

        A step with sᵀy ≤ 0 (or nearly 0) is ignored: H, the inverse Hessian approximation, would not remain
        positive definite.
        """
        if not curvature > 1e-8 * change_square:
            return
        self.displacements = [*self.displacements[1:], ops.reshape(displacement, -1)]
        self.changes = [*self.changes[1:], ops.reshape(change, -1)]
        self.inverse_curvatures = np.append(self.inverse_curvatures[1:], np.float32(1 / curvature))
        self.scale = curvature / change_square

    def direction(self, point: Any, gradient: Any, space: Space) -> Any:
        """The search direction; ``None`` if the gradient is zero or not finite.

        A direction that is not one of descent is replaced by the negative gradient, and the history dropped.
        """
        while True:
            steps = self.displacements, self.changes, self.inverse_curvatures, np.float32(self.scale)
            direction, numbers = _direction(point, gradient, space.low, space.high, steps)
            gradient_square, slope = ops.convert_to_numpy(numbers).tolist()
            if not 0 < gradient_square < np.inf:
                return None
            if slope < 0 or not len(self):
                return direction
            self.clear()

    def pairs(self) -> list[tuple[Any, Any]]:
        """The s and y of each step, flat, oldest first."""
        return list(zip(self.displacements, self.changes, strict=True))[self.length - len(self) :]

    def enlarged(self, height: int, width: int) -> "History":
        """The steps resized to another image size, so that the curvature approximation is reused there.

        A step s_i is resized like an image. A gradient with respect to one pixel is inversely proportional to
        the number of pixels, and so is its change.
        """
        fraction = self.shape[1] * self.shape[2] / (height * width)

        def resized(pair: tuple[Any, Any]) -> tuple[Any, Any]:
            images = ops.reshape(ops.stack(pair), (2, *self.shape[1:]))
            displacement, change = ops.image.resize(
                images, (height, width), "bicubic", data_format="channels_last"
            )
            return displacement, change * fraction

        return History((1, height, width, 3), map(resized, self.pairs()))

    def arrays(self) -> dict[str, np.ndarray]:
        """The arguments ``pairs`` and ``point`` of this history as arrays for a checkpoint."""
        pairs = [[ops.convert_to_numpy(step) for step in pair] for pair in self.pairs()]
        point = {} if self.point is None else {"point": ops.convert_to_numpy(self.point)}
        return {"pairs": np.array(pairs, np.float32), **point}


def lbfgs(
    evaluate: Evaluate,
    start: Any,
    parametrization: Parametrization = "pixels",
    history: History | None = None,
    line_search: bool = True,
) -> Steps:
    """L-BFGS over the pixels within the range of colors, or over their scaled cosine coefficients.

    A pixel at a bound is fixed for a step if the negative gradient points out of the range; values that a
    step would take out of the range are clipped to it. The iteration ends when no step lowers the loss.
    ``history``: past steps to continue from, by default none; the new steps are added to it.
    ``line_search``: without it every step has step size 1, even if the loss grows, as in PyTorch's tutorial.
    Raises ``RunError`` if the loss or gradient is not finite, at the start or for every step size tried.
    Source: Nocedal (1980), with a backtracking line search until the sufficient decrease condition of
    Armijo (1966) holds; projection: Bertsekas (1982), "Projected Newton methods".
    """
    space = (pixel_space if parametrization == "pixels" else cosine_space)(tuple(start.shape))
    history = History(start.shape) if history is None else history
    point = history.point
    if point is None:
        point = space.from_pixels(ops.convert_to_tensor(start, "float32"))

    def evaluate_at(point: Any) -> tuple[dict[str, float], Any, Any]:
        pixels = space.to_pixels(point)
        losses, gradient = evaluate(pixels)
        gradient = ops.convert_to_tensor(gradient, "float32")
        return losses, space.vector_jacobian_product(pixels, gradient), pixels

    losses, gradient, _ = evaluate_at(point)
    if failure := failure_at_start(losses, gradient):
        raise RunError(failure)
    while (direction := history.direction(point, gradient, space)) is not None:
        step_size = 1.0
        for _ in range(_TRIALS):
            trial, displacement = _projected(point, direction, step_size, space.low, space.high)
            trial_losses, trial_gradient, pixels = evaluate_at(trial)
            change, numbers = _step(displacement, trial_gradient, gradient)
            slope, gradient_size, curvature, change_square = ops.convert_to_numpy(numbers).tolist()
            difference = trial_losses["total"] - losses["total"]
            failure = non_finite_message(trial_losses, gradient_size)
            sufficient = not failure and difference <= _SUFFICIENT_DECREASE * slope and difference < 0
            if sufficient or not line_search:
                break
            # Quadratic interpolation: the minimum of the parabola with both losses and the slope at the
            # current point, limited to between 0.1 and 0.5 of the step size.
            minimum = -slope / (2 * (difference - slope)) if difference > slope else 0.5
            step_size *= float(np.clip(minimum, 0.1, 0.5))
        else:
            if len(history):
                history.clear()
                continue
            if failure:
                raise RunError(failure)
            return
        history.keep(displacement, change, curvature, change_square)
        history.point = point = trial
        losses, gradient = trial_losses, trial_gradient
        yield pixels, losses


@compiled
def _direction(point: Any, gradient: Any, low: Any, high: Any, steps: Any) -> tuple[Any, Any]:
    """The search direction d = −H∇f by the two-loop recursion, and the tensor [∇fᵀ∇f, dᵀ∇f].

    H approximates the inverse Hessian; ∇f is the gradient without the coordinates that are fixed at a bound.
    ``steps``: the lists of s_i and y_i, oldest first; ρ_i = 1 / s_iᵀy_i; and γ = sᵀy / yᵀy of the last step.
    γ is 0 if there is none: d is then −∇f with a root mean square of 1, one gray level.
    Source: Nocedal and Wright (2006), "Numerical optimization", algorithm 7.4.
    """
    displacements, changes, inverse_curvatures, scale = steps
    fixed = ops.logical_or(
        ops.logical_and(point <= low, gradient > 0), ops.logical_and(point >= high, gradient < 0)
    )
    free = ops.reshape(ops.where(fixed, 0.0, gradient), -1)
    gradient_square = _dot(free, free)
    q, alphas = free, []
    for index in reversed(range(len(displacements))):
        alphas.append(inverse_curvatures[index] * _dot(displacements[index], q))
        q = q - alphas[-1] * changes[index]
    one_level = ops.sqrt(ops.cast(ops.size(free), "float32") / gradient_square)
    r = q * ops.where(scale > 0, scale, one_level)
    for index, alpha in enumerate(reversed(alphas)):
        beta = inverse_curvatures[index] * _dot(changes[index], r)
        r = r + (alpha - beta) * displacements[index]
    # Fixed coordinates have gradient 0 here; H would change them.
    direction = ops.where(free == 0, 0.0, -r)
    return ops.reshape(direction, ops.shape(gradient)), ops.stack([gradient_square, _dot(direction, free)])


@compiled
def _projected(point: Any, direction: Any, step_size: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """The point after a step, clipped to its bounds, and the change s of the point."""
    trial = ops.clip(point + step_size * direction, low, high)
    return trial, trial - point


@compiled
def _step(displacement: Any, gradient: Any, previous_gradient: Any) -> tuple[Any, Any]:
    """The gradient change y, and a tensor of ∇fᵀs, ``magnitude`` of the new gradient, sᵀy and yᵀy."""
    change = gradient - previous_gradient
    slope = _dot(previous_gradient, displacement)
    return change, ops.stack([slope, magnitude(gradient), _dot(displacement, change), _dot(change, change)])


def _dot(first: Any, second: Any) -> Any:
    return ops.sum(first * second)
