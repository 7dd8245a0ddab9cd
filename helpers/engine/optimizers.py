"""Optimisers over an image, as generators: every ``next`` is one step, on the device that evaluates.

Only a few numbers a step travel to the host; images, gradients and the memory of L-BFGS stay where the
network is. A loss or gradient that is not a finite number is never stepped upon: an optimiser takes a
shorter step, and raises ``RunError`` where there is none.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.compute.framework import compiled, device, keras
from helpers.engine.objective import Evaluate
from helpers.engine.parametrization import DARKEST, LIGHTEST, Coordinates, Space, fourier_space, pixel_space
from helpers.errors import RunError

ops = keras.ops

Steps = Iterator[tuple[Any, dict[str, float]]]
"""After each step: the pixels ``(1, H, W, 3)``, a tensor, and the losses there."""

LBFGS_MEMORY = 20
"""How many past steps L-BFGS keeps of a small picture: each costs two images of memory.

Measured on three transfers at 128 pixels, after 180 evaluations: with 20 of them the loss is within 0.5 % of
that with 30, once above and twice below, and with 10 it is 0.4 to 1.2 % above.
"""

_FEWEST_REMEMBERED = 10
_MEMORY_BYTES = 100e6
_FEWEST_AT_ONCE = 4

ADAM_LEARNING_RATE = 5.0
"""In grey levels a step: the TensorFlow tutorial's 0.02 on a scale of 0…1."""
_SUFFICIENT_DECREASE = 1e-4
_TRIALS = 10


def adam(
    evaluate: Evaluate,
    start: Any,
    rule: keras.optimizers.Optimizer | None = None,
    remembered: Mapping[str, np.ndarray] | None = None,
) -> Steps:
    """Adam over the pixels, which are clipped to the range of colours after every step.

    ``rule``: Adam's, by default with ``ADAM_LEARNING_RATE``; its rate is in grey levels a step.
    ``remembered``: what ``moments`` said of the rule of a run that this one goes on from.
    Source: Kingma and Ba (2015).
    """
    # Not trainable, or PyTorch would track what is done to it, and its pixels could not become an array;
    # a copy, or it would change the start itself.
    variable = keras.Variable(ops.copy(ops.convert_to_tensor(start, "float32")), trainable=False)
    rule = keras.optimizers.Adam(ADAM_LEARNING_RATE) if rule is None else rule
    rule.build([variable])
    if remembered:
        for own, value in zip(rule.variables, remembered.values(), strict=True):
            own.assign(value)
    losses, gradient = evaluate(variable.value)
    while True:
        if unsound := _unsound(losses, _size(gradient)):
            raise RunError(unsound)
        rule.apply([ops.convert_to_tensor(gradient, "float32")], [variable])
        variable.assign(ops.clip(variable, DARKEST, LIGHTEST))
        pixels = ops.copy(variable)
        losses, gradient = evaluate(pixels)
        if math.isfinite(losses["total"]):
            yield pixels, losses


def moments(rule: keras.optimizers.Optimizer) -> dict[str, np.ndarray]:
    """What an optimiser of Keras remembers: its step, its rate and its moving averages, in its own order."""
    return {f"moment_{n:02d}": ops.convert_to_numpy(value) for n, value in enumerate(rule.variables)}


def _size(gradient: Any) -> Any:
    """Σ |gradient|, which is finite where every one of its numbers is."""
    return ops.sum(ops.abs(gradient))


def _unsound(losses: Mapping[str, float], size_of_gradient: Any) -> str | None:
    """What is not a finite number about an evaluation, in a sentence; ``None`` where all is."""
    broken = [name for name, loss in losses.items() if not math.isfinite(loss)]
    if broken:
        # The total is broken wherever a term is; where it alone is, the terms' weights are too large.
        return f"The loss is not a finite number: {broken[-1]} is {losses[broken[-1]]:g}."
    if not math.isfinite(float(size_of_gradient)):
        return "The gradient of the loss is not finite everywhere."
    return None


def remembered_steps(height: int, width: int) -> int:
    """How many past steps L-BFGS keeps of a picture: ``LBFGS_MEMORY``, of a large one as few as 10."""
    fitting = int(_MEMORY_BYTES / (2 * height * width * 3 * 4))
    return max(_FEWEST_REMEMBERED, min(LBFGS_MEMORY, fitting))


def lbfgs(
    evaluate: Evaluate, start: Any, coordinates: Coordinates = "pixels", memory: "Memory | None" = None
) -> Steps:
    """L-BFGS over the pixels within the range of colours, or over their scaled cosine coefficients.

    A pixel at the end of its range whose gradient points outwards stands still for the step; what a step
    would carry out of the range is projected back. It ends where no step lowers the loss.
    ``memory``: past steps to go on from, which learns those of this run; by default an empty one.
    Source: Nocedal (1980), the step halved until the loss falls as Armijo (1966) asks; projection:
    Bertsekas (1982), "Projected Newton methods".
    """
    space = (pixel_space if coordinates == "pixels" else fourier_space)(tuple(start.shape))
    memory = Memory(tuple(start.shape)) if memory is None else memory
    point = memory.point
    if point is None:
        point = space.from_pixels(ops.convert_to_tensor(start, "float32"))

    def evaluate_at(point: Any) -> tuple[dict[str, float], Any, Any]:
        pixels = space.to_pixels(point)
        losses, gradient = evaluate(pixels)
        return losses, space.pull_back(pixels, ops.convert_to_tensor(gradient, "float32")), pixels

    losses, gradient, _ = evaluate_at(point)
    if unsound := _unsound(losses, _size(gradient)):
        raise RunError(unsound)
    while True:
        direction = memory.direction(point, gradient, space)
        if direction is None:
            return
        length = 1.0
        for _ in range(_TRIALS):
            trial, move = _projected(point, direction, length, space.low, space.high)
            trial_losses, trial_gradient, pixels = evaluate_at(trial)
            step, numbers = _step(move, trial_gradient, gradient)
            slope, size = ops.convert_to_numpy(numbers).tolist()
            change = trial_losses["total"] - losses["total"]
            unsound = _unsound(trial_losses, size)
            if not unsound and change <= _SUFFICIENT_DECREASE * slope and change < 0:
                break
            # Where the parabola through both losses and the slope is lowest, but not too near to either.
            lowest = -slope / (2 * (change - slope)) if change > slope else 0.5
            length *= float(np.clip(lowest, 0.1, 0.5))
        else:
            if memory.forget():
                continue
            if unsound:
                raise RunError(unsound)
            return
        memory.learn(step)
        memory.point = point = trial
        losses, gradient = trial_losses, trial_gradient
        yield pixels, losses


def lbfgs_without_search(evaluate: Evaluate, start: Any) -> Steps:
    """L-BFGS as PyTorch's tutorial on style transfer has it, to measure others by.

    It takes every step in full, whatever the loss becomes, remembers 100 of them, and clamps the colours.
    """
    space = pixel_space(tuple(start.shape))
    point = space.from_pixels(ops.convert_to_tensor(start, "float32"))
    _, gradient = evaluate(point)
    memory = Memory(point.shape, size=100)
    while (direction := memory.direction(point, gradient, space)) is not None:
        trial, move = _projected(point, direction, 1.0, space.low, space.high)
        losses, trial_gradient = evaluate(trial)
        memory.learn(_step(move, trial_gradient, gradient)[0])
        point, gradient = trial, trial_gradient
        yield point, losses


@compiled
def _projected(point: Any, direction: Any, length: Any, low: Any, high: Any) -> tuple[Any, Any]:
    trial = ops.clip(point + length * direction, low, high)
    return trial, trial - point


@compiled
def _step(move: Any, gradient: Any, before: Any) -> tuple[Any, Any]:
    """A step as L-BFGS keeps it: the move s and the change y of the gradient, as two rows.

    Beside it two numbers: the slope along the move that was to be expected, and ``_size`` of the gradient.
    """
    rows = ops.reshape(ops.stack([move, gradient - before]), (2, -1))
    return rows, ops.stack([ops.sum(before * move), _size(gradient)])


@compiled
def _products(
    point: Any, gradient: Any, low: Any, high: Any, blocks: Sequence[Any], newest: Any
) -> tuple[Any, Any]:
    """The gradient without what would push a coordinate out of its range, and the inner products with it.

    Returns the gradient, and the products of every row of ``blocks`` and ``newest``, and last of the
    gradient, with the two rows of ``newest`` and with the gradient.
    """
    outwards = ops.logical_or(
        ops.logical_and(point <= low, gradient > 0), ops.logical_and(point >= high, gradient < 0)
    )
    free = ops.where(outwards, ops.zeros_like(gradient), gradient)
    latest = ops.concatenate([newest, ops.reshape(free, (1, -1))])
    columns = ops.transpose(latest)
    return free, ops.concatenate([ops.matmul(rows, columns) for rows in (*blocks, latest)])


def _combined(blocks: Sequence[Any], coefficients: np.ndarray, gradient: Any, of_gradient: float) -> Any:
    """The weighted sum of the rows of ``blocks`` and of the gradient, where the gradient is not 0."""
    # Not all at once in a large picture: each block makes an image of its own before it is added.
    at_once = max(_FEWEST_AT_ONCE, int(_MEMORY_BYTES / (2 * 4 * math.prod(gradient.shape))))
    of_blocks = coefficients.astype(np.float32).reshape(len(blocks), 1, -1)
    combined = gradient
    for first in range(0, len(blocks), at_once):
        some = slice(first, first + at_once)
        combined = _with_blocks(combined, of_gradient, blocks[some], of_blocks[some], gradient)
        of_gradient = 1.0
    return combined


@compiled
def _with_blocks(combined: Any, factor: Any, blocks: Sequence[Any], coefficients: Any, gradient: Any) -> Any:
    combined = ops.reshape(factor * combined, (1, -1))
    for number, rows in enumerate(blocks):
        combined = combined + ops.matmul(coefficients[number], rows)
    # A coordinate held at the end of its range has no gradient here, and stands still.
    return ops.where(gradient == 0, ops.zeros_like(gradient), ops.reshape(combined, ops.shape(gradient)))


@compiled
def _moved_up(block: Any, newest: Any) -> Any:
    return ops.concatenate([block[2:], newest])


class Memory:
    """The past steps of L-BFGS: pairs of rows, the move s and the change y of the gradient in one step.

    The two-loop recursion needs nothing of them but their inner products with each other and with the
    gradient, and ends in a weighted sum of them: two passes over the rows on the device, and a small table
    of products on the host (Chen, Wang and Zhou 2014, "Large-scale L-BFGS using MapReduce").
    """

    def __init__(self, shape: tuple[int, ...], size: int | None = None) -> None:
        """Begin without steps, for images of one shape ``(1, H, W, 3)``.

        ``size``: how many are kept, by default ``remembered_steps``.
        """
        size = remembered_steps(*shape[1:3]) if size is None else size
        self.shape = tuple(shape)
        self._count = int(np.prod(shape))
        # The steps are rows of blocks, oldest first. On a processor each is a block of its own, so that
        # keeping a new one copies none of the others; a GPU copies sooner than it starts twenty products.
        # NumPy would write in place and multiply sooner, but its threads then keep the cores busy waiting, so
        # that the evaluation which follows takes a quarter longer.
        in_block = size if device() == "gpu" else 1
        self._blocks = [ops.zeros((2 * in_block, self._count))] * (size // in_block)
        self._table = np.zeros((2 * size, 2 * size))
        self._known = 0
        self._newest: Any = None
        self.point: Any = None
        """Where the last of the steps led, in the coordinates that they are in; ``None`` before the first."""

    def arrays(self) -> dict[str, np.ndarray]:
        """All that it knows, to be kept in a file; ``Memory.of_arrays`` makes it again."""
        kept = {"point": self.point, "newest": self._newest}
        known = {name: ops.convert_to_numpy(value) for name, value in kept.items() if value is not None}
        if self._known:
            rows = np.concatenate([ops.convert_to_numpy(block) for block in self._blocks])
            known |= {"steps": rows[-2 * self._known :], "products": self._table}
        return known

    @classmethod
    def of_arrays(cls, shape: tuple[int, ...], arrays: Mapping[str, np.ndarray]) -> "Memory":
        """The memory that ``arrays`` came from, for images of the same shape."""
        memory = cls(shape)
        if "steps" in arrays:
            for pair in np.split(arrays["steps"], len(arrays["steps"]) // 2):
                memory._append(ops.convert_to_tensor(pair), arrays["products"])
        memory.point = ops.convert_to_tensor(arrays["point"]) if "point" in arrays else None
        memory._newest = ops.convert_to_tensor(arrays["newest"]) if "newest" in arrays else None
        return memory

    def pairs(self) -> list[Any]:
        """The past steps, oldest first: moves and changes of the gradient, ``(2, H, W, 3)`` each."""
        rows = [pair for block in self._blocks for pair in ops.split(block, block.shape[0] // 2)]
        known = rows[len(rows) - self._known :]
        known += [] if self._newest is None else [self._newest]
        return [ops.reshape(pair, (2, *self.shape[1:])) for pair in known]

    def enlarged(self, height: int, width: int) -> "Memory":
        """The same steps for an image of another size, so that what was learned of the loss is not lost.

        A move is enlarged like an image. A gradient per pixel becomes the smaller the more pixels there are,
        and so does its change.
        """
        larger = Memory((1, height, width, 3))
        share = self.shape[1] * self.shape[2] / (height * width)
        scaling = ops.convert_to_tensor(np.array([[1], [share]], np.float32))
        for pair in self.pairs()[-len(larger._table) // 2 :]:
            rows = ops.image.resize(pair, (height, width), "bicubic", data_format="channels_last")
            larger._keep(ops.reshape(rows, (2, -1)) * scaling)
        return larger

    def forget(self) -> bool:
        """Drop all past steps; ``False`` where there were none."""
        had, self._known = self._known > 0, 0
        return had

    def learn(self, step: Any) -> None:
        """Keep a step, two rows: the move, and what it changed the gradient by."""
        self._newest = step

    def direction(self, point: Any, gradient: Any, space: Space) -> Any:
        """The move to try; ``None`` where the gradient is zero or not finite."""
        newest, self._newest = self._newest, None
        free, products = _products(
            point,
            gradient,
            space.low,
            space.high,
            self._blocks,
            ops.zeros((2, self._count)) if newest is None else newest,
        )
        products = ops.convert_to_numpy(products).astype(np.float64)
        along, square = products[:-1, 2], products[-1, 2]
        is_kept = newest is not None and self._keep(newest, products[:-1, :2])
        along = along[2:] if is_kept else along[:-2]
        if not 0 < square < np.inf:
            return None
        coefficients, of_gradient = self._two_loops(along, square)
        if not coefficients @ along + of_gradient * square < 0:
            self.forget()
            coefficients, of_gradient = self._two_loops(along, square)
        return _combined(self._blocks, coefficients, free, float(of_gradient))

    def _keep(self, pair: Any, products: np.ndarray | None = None) -> bool:
        """Take a step in as the newest; ``False`` where it is of no use.

        ``products``: of the rows of all steps, and last of its own, with its two.
        """
        if products is None:
            columns = ops.transpose(pair)
            of_rows = [ops.matmul(rows, columns) for rows in (*self._blocks, pair)]
            products = ops.convert_to_numpy(ops.concatenate(of_rows)).astype(np.float64)
        # Without curvature along the move the pair says nothing about a minimum.
        if not products[-1, 0] > 1e-8 * products[-1, 1]:
            return False
        table = np.pad(self._table, (0, 2))
        table[:, -2:] = products
        table[-2:] = products.T
        self._append(pair, table[2:, 2:])
        return True

    def _append(self, pair: Any, table: np.ndarray) -> None:
        if len(self._blocks) == 1:
            self._blocks = [_moved_up(self._blocks[0], pair)]
        else:
            self._blocks = [*self._blocks[1:], pair]
        self._table = table
        self._known = min(self._known + 1, len(table) // 2)

    def _two_loops(self, along: np.ndarray, square: float) -> tuple[np.ndarray, float]:
        """The direction as coefficients of the rows and of the gradient."""
        rows, of_gradient, alphas = np.zeros(len(along)), 1.0, {}
        if not self._known:
            # The first move: the length of one grey level in every coordinate.
            return rows, -np.sqrt(self._count / square)
        table = self._table
        moves = range(len(table) - 2 * self._known, len(table), 2)
        for move in reversed(moves):
            change = move + 1
            alphas[move] = (table[move] @ rows + of_gradient * along[move]) / table[move, change]
            rows[change] -= alphas[move]
        move, change = moves[-1], moves[-1] + 1
        scale = table[move, change] / table[change, change]
        rows, of_gradient = rows * scale, of_gradient * scale
        for move in moves:
            change = move + 1
            beta = (table[change] @ rows + of_gradient * along[change]) / table[move, change]
            rows[move] += alphas[move] - beta
        return -rows, -of_gradient
