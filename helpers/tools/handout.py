"""Handouts of lessons: for students, for instructors, and as assignments for nbgrader, from one notebook."""

import copy
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from helpers.errors import OutputExistsError
from helpers.files.bundled import ROOT, lessons_named
from helpers.files.writing import atomic_write
from helpers.tools import lesson_cells
from helpers.tools.assignment import assignment_of, configuration, points_in
from helpers.tools.lesson_cells import RUBRIC, Exercise
from helpers.tools.rendering import run_notebook

_TO_HANDOUT, _TO_ASSIGNMENT = "{0}.ipynb", "../{0}/{0}.ipynb"
_EXTRA = " *More to try* is extra; it can be homework."
"""What the first cell of some lessons says, and what is not so in an assignment with open exercises."""


def write_handouts(
    lessons: Sequence[str], folder: Path, run: bool = True, fast: bool = False, overwrite: bool = False
) -> Iterator[Path]:
    """Write the handouts of lessons into a folder, and yield the path of each file.

    ``lessons``: what their names begin with, such as ``"04"``, ``"4"`` or ``"A1"``. ``run``: whether the
    instructors' notebooks are run, so that they show the expected pictures; ``fast``: in the tests' short
    form. ``overwrite``: whether files that exist are replaced; ``nbgrader_config.py`` never is.

    In the folder, ``students/`` has no solutions, ``instructors/`` has them put in, and ``nbgrader/`` is the
    folder of a course for nbgrader. Raises ``OutputExistsError`` before anything is written,
    ``ArgumentError`` for a lesson that there is not, and the errors of ``run_lesson``.
    """
    import nbformat

    paths = lessons_named(lessons)
    places = {path: _places(folder, path.stem) for path in paths}
    existing = [place for each in places.values() for place in each if place.exists()]
    if existing and not overwrite:
        raise OutputExistsError(f"{existing[0]} exists already; --overwrite replaces it.")
    notebooks = {path: nbformat.read(path, as_version=4) for path in paths}
    for path, notebook in notebooks.items():
        for_students, _, for_nbgrader = places[path]
        yield _written(students_notebook(notebook), for_students, places)
        yield _written(assignment_notebook(notebook), for_nbgrader, places, _TO_ASSIGNMENT)
    yield from _write_configuration(folder / "nbgrader" / "nbgrader_config.py")
    for path, notebook in notebooks.items():
        solved = instructors_notebook(notebook)
        if run:
            # The functions that somebody wrote in the lessons here stay as they are.
            with tempfile.TemporaryDirectory() as functions:
                settings = {"COURSE_FUNCTIONS": functions, **({"COURSE_FAST": "1"} if fast else {})}
                run_notebook(solved, path, settings)
        yield _written(solved, places[path][1], places)


def students_notebook(lesson: Any) -> Any:
    """A lesson (``nbformat``) without its solutions and without what answers to open exercises contain."""
    handout = copy.deepcopy(lesson)
    handout.cells = [cell for cell in handout.cells if "solution" not in lesson_cells.tags_of(cell)]
    for cell in handout.cells:
        if cell.cell_type == "markdown":
            cell.source = RUBRIC.sub("", cell.source).rstrip()
    return _noted(handout, "This copy of the lesson has no solutions: the checks tell you what is right.")


def instructors_notebook(lesson: Any) -> Any:
    """A lesson (``nbformat``) whose exercises are solved, with a note for instructors after each.

    The note has what the student begins with, and what the check says about mistakes. Raises
    ``ArgumentError`` for an exercise that is not of the course's form.
    """
    handout = copy.deepcopy(lesson)
    for exercise in lesson_cells.exercises_of(handout):
        note = _note(exercise)  # It shows the stub, which the next line replaces.
        exercise.stub.source = lesson_cells.with_function(exercise.stub.source, exercise.code)
        exercise.solution.source = note
    return _noted(handout, "This copy of the lesson is for instructors: its exercises are solved.")


def assignment_notebook(lesson: Any) -> Any:
    """A lesson (``nbformat``) as the source of an assignment for nbgrader; see ``assignment_of``."""
    assignment = assignment_of(lesson)
    of_exercises, of_open = (points_in(assignment, kind) for kind in ("code", "markdown"))
    parts = ""
    if of_open:
        first = assignment.cells[0]
        first.source = first.source.replace(_EXTRA, "")
        parts = f": {of_exercises} for exercises, which the checks grade, and {of_open} for open ones"
    return _noted(
        assignment,
        f"This copy of the lesson is an assignment with {of_exercises + of_open} points{parts}. It has no "
        "solutions. A check that finds a mistake ends with an error, which says what is wrong.",
    )


def _places(folder: Path, stem: str) -> list[Path]:
    """Where the three notebooks of a lesson are written."""
    folders = ("students", "instructors", f"nbgrader/source/{stem}")
    return [folder / place / f"{stem}.ipynb" for place in folders]


def _note(exercise: Exercise) -> str:
    from helpers.lessons.exercises import EXERCISES

    known = EXERCISES.get(exercise.name)
    mistakes = "\n".join(f"- {mistake.message}" for mistake in known.mistakes) if known else ""
    parts = (
        "<details><summary>For instructors: what the student begins with, and what the check says</summary>",
        f"```python\n{exercise.stub.source}\n```",
        exercise.remarks,
        mistakes and f"The mistakes that the check knows, in its words:\n\n{mistakes}",
        "</details>",
    )
    return "\n\n".join(part for part in parts if part)


def _noted(handout: Any, note: str) -> Any:
    """A handout whose first cell says what it is, and has no badge that would open the lesson itself."""
    first = handout.cells[0]
    first.source = f"{lesson_cells.without_badge(first.source).rstrip()}\n\n*{note}*"
    return handout


def _written(handout: Any, path: Path, lessons: Iterable[Path], to_lesson: str = _TO_HANDOUT) -> Path:
    """Write a handout, and beside it the documents that it links to.

    ``lessons``: those that are being handed out. Links lead to their handouts, and to earlier ones there.
    """
    import nbformat

    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.parent.glob(to_lesson.format("*"))
    targets = {lesson.stem: to_lesson.format(lesson.stem) for lesson in (*lessons, *there)}
    for name in lesson_cells.linked_documents(handout):
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        _write(path.with_name(name), lesson_cells.linked(text, targets))
    for cell in handout.cells:
        if cell.cell_type == "markdown":
            cell.source = lesson_cells.linked(cell.source, targets)
    _write(path, nbformat.writes(handout) + "\n")
    return path


def _write_configuration(path: Path) -> Iterator[Path]:
    """Write nbgrader's settings, unless they are there: an instructor may have changed them."""
    if not path.exists():
        _write(path, configuration())
        yield path


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")
