"""The exercises of appendix A1: cases, right answers, and typical mistakes."""

from collections.abc import Callable

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp


def _rounded(x: np.ndarray, bits: int, to_integer: Callable[..., np.ndarray] = np.round) -> np.ndarray:
    fraction, exponent = np.frexp(x)
    return np.ldexp(to_integer(fraction * 2.0**bits) / 2.0**bits, exponent)


def _diffused(
    values: np.ndarray, round_to: Callable, passed: float = 1.0, of_value: bool = False
) -> np.ndarray:
    """Error diffusion. ``passed``: the part of an error that is passed on. ``of_value``: the error of the
    value alone is."""
    rounded = np.empty_like(values, dtype=float)
    error = np.zeros_like(values[0], dtype=float)
    for index, value in enumerate(values):
        rounded[index] = round_to(value + error)
        error = passed * ((value if of_value else value + error) - rounded[index])
    return rounded


def _to_eighths(x: np.ndarray) -> np.ndarray:
    return np.round(np.asarray(x) * 8) / 8


def _products(d: np.ndarray, g: np.ndarray) -> np.ndarray:
    return np.array(
        [
            (d[0] - d[2]) * g[0],
            (d[1] + d[2]) * (g[0] + g[1] + g[2]) / 2,
            (d[2] - d[1]) * (g[0] - g[1] + g[2]) / 2,
            (d[1] - d[3]) * g[2],
        ]
    )


def _winograd(
    products: Callable[..., np.ndarray] = _products,
    results: Callable[..., list[float]] = lambda m: [m[0] + m[1] + m[2], m[1] - m[2] - m[3]],
) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    def answer(d: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        m = products(d, g)
        return m, np.array(results(m))

    return answer


EXERCISES: dict[str, Exercise] = {
    "round_to_bits": Exercise(
        title="rounding",
        cases=(
            (np.array([257.0, 0.3, -5.7, 0.0]), 8),
            (ramp(2, 5, low=-3, high=1000).astype(float), 3),
            (np.array([1 / 3, 2.6, -2.4, 100.0, 1.3e-3]), 3),
        ),
        answer=_rounded,
        mistakes=(
            Mistake(
                lambda x, bits: np.round(x, bits),
                "np.round(x, bits) keeps decimals after the point. A significand is scaled by a power of 2.",
            ),
            Mistake(
                lambda x, bits: np.round(x * 2.0**bits) / 2.0**bits,
                "You round all numbers to the same spacing. Take fraction and exponent apart first.",
            ),
            Mistake(
                lambda x, bits: np.frexp(x)[0],
                "That is the fraction before rounding.",
            ),
            Mistake(
                lambda x, bits: np.round(np.frexp(x)[0] * 2.0**bits) / 2.0**bits,
                "The fraction is rounded. Now the exponent is missing: np.ldexp(fraction, exponent).",
            ),
            Mistake(
                lambda x, bits: np.ldexp(np.round(np.frexp(x)[0] * 2.0**bits), np.frexp(x)[1]),
                "After rounding, divide by 2**bits again.",
            ),
            Mistake(
                lambda x, bits: _rounded(x, bits, np.trunc),
                "You cut the other bits off. Round to the nearest number.",
            ),
            Mistake(
                lambda x, bits: _rounded(x, bits, np.floor),
                "You round down. Round to the nearest number.",
            ),
            Mistake(
                lambda x, bits: _rounded(x, bits, np.ceil),
                "You round up. Round to the nearest number.",
            ),
            Mistake(
                lambda x, bits: _rounded(x, bits + 1),
                "You keep one bit too many: the fraction is between ½ and 1, so its first bit is counted.",
            ),
            Mistake(
                lambda x, bits: _rounded(x, bits - 1),
                "You keep one bit too few: the fraction is multiplied by 2**bits.",
            ),
            Mistake(
                lambda x, bits: np.ldexp(np.round(np.frexp(x)[0] * bits) / bits, np.frexp(x)[1]),
                "Multiply by 2**bits, not by bits.",
            ),
        ),
        praise="With 8 bits this is the rounding of bfloat16, with 11 that of float16.",
    ),
    "diffuse": Exercise(
        title="error diffusion",
        cases=(
            (np.array([0.4, 0.4, 0.4, 0.4, 0.4]), np.round),
            (ramp(6, 2, low=-1, high=2).astype(float), _to_eighths),
            (np.array([2.7, -1.4, 0.3, 0.3, 5.8]), np.round),
        ),
        answer=_diffused,
        mistakes=(
            Mistake(
                lambda values, round_to: round_to(values),
                "Each value is rounded by itself. Add the error of the one before to it first.",
            ),
            Mistake(
                lambda values, round_to: _diffused(values, round_to, passed=-1.0),
                "The sign of the error is wrong: what rounding takes away is added to the next value.",
            ),
            Mistake(
                lambda values, round_to: _diffused(values, round_to, of_value=True),
                "The error is the corrected value minus the rounded one. You take the value without what was "
                "added to it.",
            ),
            Mistake(
                lambda values, round_to: _diffused(values, round_to, passed=0.5),
                "Pass the whole error on, not half of it.",
            ),
            Mistake(
                lambda values, round_to: _diffused(values[::-1], round_to)[::-1],
                "You begin at the last value. Begin at the first.",
            ),
            Mistake(
                lambda values, round_to: values - _diffused(values, round_to),
                "Those are the differences from the values. Return the rounded values.",
            ),
            Mistake(
                lambda values, round_to: round_to(np.cumsum(values, axis=0)),
                "You round the running sums. Each entry is one rounded value: the sum up to it minus the "
                "rounded sum before it.",
            ),
            Mistake(
                lambda values, round_to: np.sum(_diffused(values, round_to), axis=0),
                "You add the rounded values up. Return all of them, in an array of the same shape.",
            ),
        ),
        praise="The sum of the rounded values is now as close to the true sum as one rounding error.",
    ),
    "winograd_row": Exercise(
        title="Winograd convolution",
        parts=("m", "y"),
        cases=(
            (np.array([3.0, 1.0, 4.0, 1.0]), np.array([2.0, 7.0, 1.0])),
            (np.array([0.5, -2.0, 1.5, 6.0]), np.array([-1.0, 0.25, 3.0])),
        ),
        answer=_winograd(),
        mistakes=(
            Mistake(
                _winograd(
                    lambda d, g: _products(d, g) * [1, 2, 2, 1],
                    lambda m: [m[0] + (m[1] + m[2]) / 2, (m[1] - m[2]) / 2 - m[3]],
                ),
                "The results are right. In the formula the ½ belongs to m1 and m2: put it there.",
            ),
            Mistake(
                _winograd(lambda d, g: _products(d, g) * [1, 2, 2, 1]),
                "The ½ of m1 and m2 is missing.",
            ),
            Mistake(
                _winograd(results=lambda m: [m[0] + m[1] + m[2], m[1] - m[2] + m[3]]),
                "The last sign of y1 is wrong: m3 is subtracted.",
            ),
            Mistake(
                _winograd(results=lambda m: [m[0] + m[1] + m[2], m[1] + m[2] - m[3]]),
                "In y1 the product m2 is subtracted.",
            ),
            Mistake(
                _winograd(results=lambda m: [m[0] + m[1] - m[2], m[1] - m[2] - m[3]]),
                "In y0 all three products are added.",
            ),
            Mistake(
                _winograd(results=lambda m: [m[1] - m[2] - m[3], m[0] + m[1] + m[2]]),
                "The two results are exchanged.",
            ),
            Mistake(
                _winograd(lambda d, g: _products(d, g) * [1, 1, -1, 1]),
                "m2 takes d2 − d1. Yours takes d1 − d2.",
            ),
            Mistake(
                _winograd(lambda d, g: _products(d, g) * [1, 1, 1, -1]),
                "m3 takes d1 − d3. Yours takes d3 − d1.",
            ),
            Mistake(
                _winograd(lambda d, g: _products(d, g[::-1])),
                "The kernel is reversed: g[0] is its first entry.",
            ),
            Mistake(
                _winograd(
                    lambda d, g: np.array(
                        [*_products(d, g)[:2], (d[2] - d[1]) * (g[0] + g[1] + g[2]) / 2, _products(d, g)[3]]
                    )
                ),
                "m2 takes g0 − g1 + g2: the sign of g1 differs from that in m1.",
            ),
        ),
        praise="Four multiplications in place of six, and the same results.",
    ),
}
