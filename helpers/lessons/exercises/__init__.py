"""The exercises of the lessons: sample inputs, correct functions, and the mistakes that students make.

Each typical mistake is stored as the function that a student would write, with the sentence that explains
the mistake. ``check`` compares their results with those of the student's function.
"""

from helpers.lessons.exercises import (
    lesson_00,
    lesson_01,
    lesson_02,
    lesson_03,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
    lesson_08,
    lesson_09,
    lesson_10,
    lesson_a1,
    lesson_a2,
)

EXERCISES = {
    **lesson_00.EXERCISES,
    **lesson_01.EXERCISES,
    **lesson_02.EXERCISES,
    **lesson_03.EXERCISES,
    **lesson_04.EXERCISES,
    **lesson_05.EXERCISES,
    **lesson_06.EXERCISES,
    **lesson_07.EXERCISES,
    **lesson_08.EXERCISES,
    **lesson_09.EXERCISES,
    **lesson_10.EXERCISES,
    **lesson_a1.EXERCISES,
    **lesson_a2.EXERCISES,
}
