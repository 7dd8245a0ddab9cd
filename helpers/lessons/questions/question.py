"""The format of a multiple-choice question."""

from typing import NamedTuple


class Choice(NamedTuple):
    """A choice and the feedback on it, which says why it is right, or which idea misleads."""

    text: str
    feedback: str


class Question(NamedTuple):
    """A question, its choices, and the position of the right one, counted from 0."""

    text: str
    choices: tuple[Choice, ...]
    right: int
