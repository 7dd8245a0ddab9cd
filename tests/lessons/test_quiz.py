"""The multiple-choice questions: each whole, as buttons with feedback and as text that can be printed."""

import ipywidgets
import pytest

from helpers import quiz
from helpers.files.bundled import lesson_files
from helpers.lessons.feedback import RIGHT
from helpers.lessons.quiz import _widget, questions_of, quiz_html

LESSONS = [path.name.split("_")[0] for path in lesson_files()]


def named(lesson):
    return int(lesson) if lesson.isdigit() else lesson


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_question_has_one_right_choice_and_feedback_on_every_choice(lesson):
    questions = questions_of(named(lesson))
    assert len(questions) == 3
    for question in questions:
        assert 3 <= len(question.choices) <= 5
        assert len({choice.text for choice in question.choices}) == len(question.choices)
        for index, choice in enumerate(question.choices):
            assert choice.feedback.startswith("Yes") == (index == question.right), choice
            assert len(choice.feedback) > 25
    assert len({question.right for question in questions}) > 1


def test_a_click_says_whether_a_choice_is_right_and_why():
    question = questions_of(5)[1]
    box = _widget(2, question)
    feedback = box.children[-1]
    for index, row in enumerate(box.children[1:-1]):
        button = row.children[0]
        assert isinstance(button, ipywidgets.Button)
        button.click()
        assert question.choices[index].feedback in feedback.value
        assert (RIGHT in feedback.value) == (index == question.right)


def test_the_printed_questions_fold_the_feedback():
    markup = quiz_html(questions_of(5))
    assert markup.count('<div class="question"') == 3
    assert markup.count("<details") == markup.count("</details>") == 9
    assert "α and β" in markup


def test_a_notebook_gets_widgets_and_text(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append((data, raw)))
    quiz(5)
    ((data, raw),) = shown
    assert raw
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}


def test_a_lesson_without_questions_is_told():
    with pytest.raises(ValueError, match="Lesson 77 has no questions"):
        quiz(77)
