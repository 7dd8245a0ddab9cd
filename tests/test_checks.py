"""The exercises' checks: right answers pass, and each typical mistake gets the sentence that helps."""

import numpy as np
import pytest

from helpers import check
from helpers.checks import EXERCISES


@pytest.mark.parametrize("name", EXERCISES)
def test_the_right_answer_passes(name):
    outcome = check(name, EXERCISES[name].answer)
    assert outcome.passed is True
    assert "Right." in repr(outcome)


@pytest.mark.parametrize(
    ("name", "index"), [(name, i) for name, task in EXERCISES.items() for i in range(len(task.mistakes))]
)
def test_no_mistake_is_taken_for_the_right_answer_or_for_another_mistake(name, index):
    mistake = EXERCISES[name].mistakes[index]
    assert check(name, mistake.answer) == (False, mistake.message)


def test_an_unfilled_exercise_shows_its_hint():
    def unfilled(*arguments):
        raise NotImplementedError("Multiply the two.")

    assert check("total_loss", unfilled) == (None, "Multiply the two.")


# What students write, beside the mistakes of the table, and words of the answer they must get.
ANSWERS = [
    ("total_loss", lambda c, s, a, b: b * c + a * s, "exchanged"),
    ("total_loss", lambda c, s, a, b: None, "returns nothing"),
    ("total_loss", lambda c, s: c + s, "TypeError"),
    ("total_loss", lambda c, s, a, b: str(a * c + b * s), "number"),
    ("total_loss", lambda c, s, a, b: a * c + b * s + 1, "the answer is 302, and yours is 303"),
    ("gradient_step", lambda p, g, r: p + r * g, "minus"),
    ("gradient_step", lambda p, g, r: (p - r * g).sum(), "shape"),
    ("gradient_step", lambda p, g, r: p - 2 * r * g, "The shape is right"),
    ("style_loss", lambda e, w: sum(e.values()), "weight w_l"),
    ("style_loss", lambda e, w: max(e.values()), "and yours is"),
    ("style_loss", lambda e, w: e["conv9_1"], "KeyError"),
    ("shorter_side", lambda image: min(image.shape), "colours"),
    ("shorter_side", lambda image: min(image.shape[0], image.shape[1]), "first two axes"),
    ("crossfade", lambda photo, painted, t: photo, "The shape is right"),
    ("estimated_seconds", lambda seconds, size, new: seconds * new / size, "four times the pixels"),
]


@pytest.mark.parametrize(("name", "answer", "words"), ANSWERS)
def test_what_students_write_is_answered_in_words(name, answer, words):
    assert words in check(name, answer).message


def test_a_function_that_changes_its_arguments_does_not_spoil_the_check():
    def in_place(pixels, gradient, rate):
        pixels -= rate * gradient
        return pixels

    assert check("gradient_step", in_place).passed


def test_an_outcome_shows_as_a_box_with_its_text_escaped():
    def wrong(*arguments):
        raise ValueError("<b>no</b>")

    markup = check("total_loss", wrong)._repr_html_()
    assert "Not yet." in markup
    assert "&lt;b&gt;no" in markup


def test_an_answer_may_be_a_tensor_of_the_backend():
    import keras

    outcome = check("gradient_step", lambda p, g, r: keras.ops.convert_to_tensor(p - r * g))
    assert outcome.passed
    assert check("gradient_step", lambda p, g, r: np.asarray(p - r * g).tolist()).passed


def test_an_unknown_exercise_is_named():
    with pytest.raises(ValueError, match="total_loss"):
        check("totalloss", lambda: 0)
