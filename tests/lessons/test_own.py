"""A student's function is used where it passed its check, in its lesson and in those that follow."""

import textwrap

import numpy as np
import pytest

from helpers import check, made_with, paper, yours
from helpers.compute.framework import BACKEND
from helpers.lessons import own

if BACKEND != "tensorflow":
    pytest.skip("the lessons are written in TensorFlow", allow_module_level=True)

import tensorflow as tf


def right(features, target):
    return tf.reduce_sum((features - target) ** 2) / 2


def without_half(features, target):
    return tf.reduce_sum((features - target) ** 2)


def in_numpy(features, target):
    return np.sum((features - target) ** 2) / 2


def as_method(features, target):
    return ((features - target) ** 2).sum() / 2


def to_do(features, target):
    raise NotImplementedError("Think.")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of a student's functions, and a session in which nothing was checked yet."""
    monkeypatch.setenv("COURSE_FUNCTIONS", str(tmp_path / "functions"))
    monkeypatch.setattr(own, "_checked", {})
    monkeypatch.setattr(own, "_used", {})
    own._scope.cache_clear()
    return tmp_path / "functions"


def a_new_session():
    own._checked.clear()
    own._used.clear()
    own._scope.cache_clear()


def chosen():
    return yours("content_loss", otherwise=paper.content_loss)


def test_a_function_that_passed_is_used_and_one_that_did_not_is_not():
    assert chosen() is paper.content_loss
    assert (
        made_with("content_loss")
        == "Made with the course's functions, and with yours once they pass their checks."
    )
    for function in (without_half, in_numpy, as_method, to_do):
        assert not check("content_loss", function).passed
        assert chosen() is paper.content_loss
    assert check("content_loss", right).passed
    assert chosen() is right
    assert made_with("content_loss") == "Made with your content loss."


def test_the_last_check_counts():
    check("content_loss", right)
    check("content_loss", without_half)
    assert chosen() is paper.content_loss


def test_a_function_of_an_earlier_lesson_is_used_in_a_later_one():
    check("content_loss", right)
    a_new_session()
    function = chosen()
    assert function is not right
    assert function.__name__ == "right"
    assert float(function(tf.constant([1.0, 3.0]), tf.constant([1.0, 1.0]))) == 2.0
    assert made_with("content_loss") == "Made with your content loss."


def test_a_wrong_attempt_does_not_lose_the_function_that_passed_before():
    check("content_loss", right)
    a_new_session()
    check("content_loss", without_half)
    a_new_session()
    assert chosen().__name__ == "right"


def test_functions_of_earlier_lessons_use_each_other(folder, capsys):
    folder.mkdir()
    for name, source in {
        "gram_matrix": """
            def my_gram_matrix(features):
                matrix = tf.reshape(features, (-1, features.shape[-1]))
                return tf.transpose(matrix) @ matrix
            """,
        "style_loss": """
            def my_style_loss(features, targets):
                total = 0.0
                for layer in targets:
                    own, other = features[layer], targets[layer]
                    G = gram_matrix(own) / (own.shape[1] * own.shape[2])
                    A = gram_matrix(other) / (other.shape[1] * other.shape[2])
                    total += tf.reduce_sum((G - A) ** 2) / (4 * own.shape[-1] ** 2)
                return total / len(targets)
            """,
    }.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(source))
    gram = yours("gram_matrix", otherwise=paper.gram_matrix)
    style = yours("style_loss", otherwise=paper.style_loss)
    assert style.__globals__["gram_matrix"] is gram
    yours("content_loss", otherwise=paper.content_loss)
    assert made_with("content_loss", "gram_matrix", "style_loss") == (
        "Made with your Gram matrix and style loss, and with the course's content loss."
    )
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def my_content_loss(features, target):\n    return squares(features - target)", "NameError"),
        ("def my_content_loss(features, target)", "SyntaxError"),
        ("", "IndexError"),
        ("def my_content_loss(features, target):\n    return tf.reduce_sum((features - target) ** 2)", "½"),
    ],
)
def test_a_kept_function_that_does_not_pass_any_more_is_told_and_not_used(folder, capsys, source, words):
    folder.mkdir()
    (folder / "content_loss.py").write_text(source)
    assert chosen() is paper.content_loss
    said = capsys.readouterr().out
    assert "Your content loss of an earlier lesson is not used here." in said
    assert words in said


def test_a_function_without_source_and_a_folder_that_cannot_be_written_do_not_stop_a_lesson(
    folder, monkeypatch
):
    scope = {"tf": tf}
    exec("def nowhere(features, target):\n    return tf.reduce_sum((features - target) ** 2) / 2", scope)
    assert check("content_loss", scope["nowhere"]).passed
    assert chosen() is scope["nowhere"]
    folder.write_text("a file where the folder would be")
    assert check("content_loss", right).passed
    assert chosen() is right


def test_an_exercise_without_otherwise_has_the_right_answer():
    assert yours("psnr")(np.zeros((2, 2, 3)), np.full((2, 2, 3), 25.5)) == pytest.approx(20.0)


def test_unknown_names_are_told():
    with pytest.raises(ValueError, match="There is no exercise 'psrn'"):
        yours("psrn")
    with pytest.raises(ValueError, match="comes before made_with"):
        made_with("gram_matrix")


def test_words_for_functions_in_numpy():
    assert "no gradient passes through NumPy" in check("content_loss", in_numpy).message
    assert "tf.reduce_sum(x) instead of np.sum(x)" in check("content_loss", as_method).message


def test_a_function_with_two_results_has_to_return_both():
    assert (
        "2 values in this order: image, history"
        in check("minimize", lambda *a: paper.minimize(*a)[0]).message
    )
    cut = check("minimize", lambda *a: (paper.minimize(*a)[0], [1.0])).message
    assert "The history is an array of shape (3,), and yours an array of shape (1,)." in cut
