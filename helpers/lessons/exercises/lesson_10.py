"""The exercises of lesson 10: cases, right answers, and typical mistakes."""

from collections.abc import Callable, Sequence

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp

_Preference = tuple[float, float, float, float, float]
"""Votes for the variant, decided votes, their ratio, and both ends of its interval."""


def _blind_sheet(
    baseline: np.ndarray, variant: np.ndarray, variant_is_a: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    flags = np.asarray(variant_is_a)[:, None, None, None]
    return np.where(flags, variant, baseline), np.where(flags, baseline, variant)


def _swapped(
    baseline: np.ndarray, variant: np.ndarray, variant_is_a: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return _blind_sheet(variant, baseline, variant_is_a)


def _by_channel(
    baseline: np.ndarray, variant: np.ndarray, variant_is_a: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return np.where(variant_is_a, variant, baseline), np.where(variant_is_a, baseline, variant)


def _sorted(
    baseline: np.ndarray, variant: np.ndarray, variant_is_a: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    flags = np.asarray(variant_is_a)
    a = np.concatenate([variant[flags], baseline[~flags]])
    return a, np.concatenate([baseline[flags], variant[~flags]])


def _counts(votes: Sequence[str], key: str) -> tuple[int, int]:
    """How many votes are for the variant, and how many are for one of the two."""
    pairs = [pair for sheet in votes for pair in zip(sheet, key, strict=True) if pair[0] != "="]
    return sum(vote == variant for vote, variant in pairs), len(pairs)


def _all_votes(votes: Sequence[str]) -> int:
    return sum(map(len, votes))


def _wilson(for_variant: float, n: float, z: float = 1.96) -> _Preference:
    p = for_variant / n
    center = p + z**2 / (2 * n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return for_variant, n, p, (center - half) / scale, (center + half) / scale


def _preference(votes: Sequence[str], key: str) -> _Preference:
    return _wilson(*_counts(votes, key))


def _interval(ends: Callable[[float, int, float], tuple[float, float]]) -> Callable[..., _Preference]:
    """An answer with the right counts and another interval, from p, n and z."""

    def answer(votes: Sequence[str], key: str) -> _Preference:
        for_variant, n = _counts(votes, key)
        return for_variant, n, for_variant / n, *ends(for_variant / n, n, 1.96)

    return answer


def _around(center: float, half: float, scale: float = 1.0) -> tuple[float, float]:
    return (center - half) / scale, (center + half) / scale


def _root(p: float, n: int, z: float) -> float:
    return np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))


def _in_percent(votes: Sequence[str], key: str) -> _Preference:
    for_variant, n, *fractions = _preference(votes, key)
    return for_variant, n, *(100 * value for value in fractions)


EXERCISES = {
    "blind_sheet": Exercise(
        cases=(
            (ramp(3, 2, 4, 3), ramp(3, 2, 4, 3, low=200, high=40), np.array([True, False, True])),
            (ramp(3, 1, 2, 3), ramp(3, 1, 2, 3, low=90, high=10), np.array([False, False, True])),
        ),
        answer=_blind_sheet,
        mistakes=(
            Mistake(
                _swapped,
                "A and B are exchanged: where variant_is_a is True, A shows the variant.",
            ),
            Mistake(
                _by_channel,
                "NumPy aligns the flags with the last axis, the color channels. Each flag belongs to a whole "
                "pair: give the flags three more axes.",
            ),
            Mistake(
                lambda baseline, variant, flags: (variant, baseline),
                "The variant is A in every pair. A rater who recognizes it once always recognizes it. "
                "Use the flags.",
            ),
            Mistake(
                lambda baseline, variant, flags: (baseline, variant),
                "The variant is B in every pair. A rater who recognizes it once always recognizes it. "
                "Use the flags.",
            ),
            Mistake(
                lambda baseline, variant, flags: (_blind_sheet(baseline, variant, flags)[0],) * 2,
                "A and B show the same image. Where one shows the variant, the other shows the baseline.",
            ),
            Mistake(
                lambda baseline, variant, flags: (
                    _blind_sheet(baseline, variant, flags)[0],
                    variant,
                ),
                "A is right. B shows the variant everywhere, also where A shows it.",
            ),
            Mistake(
                _sorted,
                "The order of the pairs changed. Pair k stays in position k; only its two images are "
                "exchanged.",
            ),
        ),
        praise="Whoever sees the sheet cannot tell the variant from its position. The key can.",
        title="blind sheet",
        parts=("array A", "array B"),
    ),
    "preference": Exercise(
        cases=(
            (["AB=", "AAB", "BB=", "ABA", "AB="], "ABA"),
            (["A", "A", "A", "A", "A"], "A"),
            (["B=", "BA", "==", "BB", "AB", "BA"], "BA"),
        ),
        answer=_preference,
        mistakes=(
            Mistake(
                lambda votes, key: _wilson("".join(votes).count("A"), _counts(votes, key)[1]),
                "You count the votes for A. Whether A is the variant changes from pair to pair: compare each "
                "vote with the letter of the key.",
            ),
            Mistake(
                lambda votes, key: _wilson(
                    _counts(votes, key)[1] - _counts(votes, key)[0], _counts(votes, key)[1]
                ),
                "You count the votes for the baseline. A vote is for the variant where it is the letter of "
                "the key.",
            ),
            Mistake(
                lambda votes, key: _wilson(_counts(votes, key)[0], _all_votes(votes)),
                "A vote = decides nothing. Leave it out of the n that you divide by.",
            ),
            Mistake(
                lambda votes, key: _wilson(
                    _counts(votes, key)[0] + (_all_votes(votes) - _counts(votes, key)[1]) / 2,
                    _all_votes(votes),
                ),
                "You split the votes = in halves. Leave them out; they are reported beside the counts.",
            ),
            Mistake(
                _interval(lambda p, n, z: _around(p, z * np.sqrt(p * (1 - p) / n))),
                "That is p ± z·√(p(1 − p)/n), which is too narrow for few votes: at 5 of 5 its width is 0. "
                "Wilson's interval has terms with z² as well.",
            ),
            Mistake(
                lambda votes, key: _wilson(*_counts(votes, key), z=1.0),
                "You take z = 1, which covers about 68 %. For 95 % z is 1.96.",
            ),
            Mistake(
                lambda votes, key: _wilson(*_counts(votes, key), z=1.645),
                "z = 1.645 covers 90 %. For 95 % on two sides z is 1.96.",
            ),
            Mistake(
                _interval(lambda p, n, z: _around(p + z**2 / (2 * n), z * _root(p, n, z))),
                "Both ends still have to be divided by 1 + z²/n.",
            ),
            Mistake(
                _interval(lambda p, n, z: _around(p + z**2 / (2 * n), z * _root(p, n, z) / (1 + z**2 / n))),
                "You divide the half width by 1 + z²/n, but not the center.",
            ),
            Mistake(
                _interval(lambda p, n, z: _around((p + z**2 / (2 * n)) / (1 + z**2 / n), z * _root(p, n, z))),
                "You divide the center by 1 + z²/n, but not the half width.",
            ),
            Mistake(
                _interval(
                    lambda p, n, z: _around(
                        p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n)), 1 + z**2 / n
                    )
                ),
                "Under the root the second term is z²/(4n²): n is squared there.",
            ),
            Mistake(
                _interval(lambda p, n, z: _around(p + z**2 / (2 * n), _root(p, n, z), 1 + z**2 / n)),
                "The root is multiplied by z.",
            ),
            Mistake(
                _interval(lambda p, n, z: _around(p + z**2 / (2 * n), z * _root(p, n, z) ** 2, 1 + z**2 / n)),
                "The square root is missing in the half width.",
            ),
            Mistake(
                _interval(lambda p, n, z: _around(p + z**2 / 2 * n, z * _root(p, n, z), 1 + z**2 / n)),
                "In Python z**2 / 2 * n multiplies by n. Write z**2 / (2 * n).",
            ),
            Mistake(
                _interval(lambda p, n, z: _around(p, z * _root(p, n, z), 1 + z**2 / n)),
                "The center is p + z²/(2n), not p: with few votes Wilson's interval moves toward ½.",
            ),
            Mistake(
                _in_percent,
                "You return percent. The fraction and both ends are numbers from 0 to 1.",
            ),
        ),
        praise="That is Wilson's interval. It stays between 0 and 1, and has a width even where all agree.",
        title="interval of the votes",
        parts=(
            "number of votes for the variant",
            "number of decided votes",
            "fraction",
            "lower end",
            "upper end",
        ),
    ),
}
