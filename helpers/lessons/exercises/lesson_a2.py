"""The exercises of appendix A2: cases, right answers, and typical mistakes."""

from helpers.lessons.exercises.exercise import Exercise

EXERCISES: dict[str, Exercise] = {}
