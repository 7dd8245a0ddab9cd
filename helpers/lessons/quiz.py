"""The multiple-choice questions of a lesson: buttons in a notebook, foldable text on slides and in print."""

import html
import importlib
from typing import Any

from helpers.errors import ArgumentError
from helpers.lessons.feedback import RIGHT, WRONG, feedback_html
from helpers.lessons.questions.question import Question

_WIDGET = "application/vnd.jupyter.widget-view+json"


def quiz(lesson: int | str) -> None:
    """Show the questions of a lesson: a click on a letter says whether that choice is right, and why.

    Where there are no widgets, as on slides, the feedback unfolds below each choice.
    ``lesson``: its number, or the name of an appendix, such as ``"A1"``.
    Raises ``ArgumentError`` for a lesson without questions.
    """
    import ipywidgets
    from IPython.display import display

    questions = questions_of(lesson)
    box = ipywidgets.VBox([_widget(number, question) for number, question in enumerate(questions, start=1)])
    view = {"model_id": box.model_id, "version_major": 2, "version_minor": 0}
    display({_WIDGET: view, "text/html": quiz_html(questions), "text/plain": "Questions"}, raw=True)


def questions_of(lesson: int | str) -> tuple[Question, ...]:
    """The questions of a lesson. Raises ``ArgumentError`` for a lesson that has none."""
    name = f"lesson_{lesson:02}" if isinstance(lesson, int) else f"lesson_{lesson.lower()}"
    try:
        return importlib.import_module(f"helpers.lessons.questions.{name}").QUESTIONS
    except ModuleNotFoundError:
        raise ArgumentError(f"Lesson {lesson} has no questions.") from None


def quiz_html(questions: tuple[Question, ...]) -> str:
    """The questions as HTML: below each choice, folded, what is to be said about it."""
    return "".join(
        f'<div class="question" style="margin:14px 0"><p><strong>{number}.</strong> '
        f"{html.escape(question.text)}</p>"
        + "".join(
            f'<details style="margin:4px 0 4px 18px"><summary>{letter}. {html.escape(choice.text)}</summary>'
            f'<p style="margin:2px 0 6px 22px">{html.escape(choice.feedback)}</p></details>'
            for letter, choice in zip("ABCDE", question.choices, strict=False)
        )
        + "</div>"
        for number, question in enumerate(questions, start=1)
    )


def _widget(number: int, question: Question) -> Any:
    import ipywidgets

    feedback = ipywidgets.HTML()
    rows = []
    for index, (letter, choice) in enumerate(zip("ABCDE", question.choices, strict=False)):
        button = ipywidgets.Button(
            description=letter, tooltip=choice.text, layout={"width": "42px", "flex": "0 0 auto"}
        )

        def answer(_: Any, letter: str = letter, choice: Any = choice, right: bool = index == question.right):
            said = f"<strong>{letter}.</strong> {html.escape(choice.feedback)}"
            feedback.value = feedback_html(RIGHT if right else WRONG, said)

        button.on_click(answer)
        text = ipywidgets.HTML(f'<div style="line-height:1.5;padding:4px">{html.escape(choice.text)}</div>')
        rows.append(ipywidgets.HBox([button, text], layout={"align_items": "center"}))
    asked = f'<div style="line-height:1.5"><strong>{number}.</strong> {html.escape(question.text)}</div>'
    return ipywidgets.VBox([ipywidgets.HTML(asked), *rows, feedback], layout={"margin": "0 0 18px 0"})
