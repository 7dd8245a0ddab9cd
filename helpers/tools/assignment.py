"""Lessons as assignments for nbgrader: which cells are graded, their points, and nbgrader's settings."""

import ast
import copy
from typing import Any

from helpers.errors import ArgumentError
from helpers.files.bundled import ROOT
from helpers.tools import lesson_cells
from helpers.tools.lesson_cells import RUBRIC, Exercise

LONG, POINTS, POINTS_OF_LONG, POINTS_OF_OPEN = 10, 1, 3, 3
"""A solution of ``LONG`` lines or more gives ``POINTS_OF_LONG`` points, a shorter one ``POINTS``."""

_BEGIN, _END = "### BEGIN SOLUTION", "### END SOLUTION"

_CONFIG = '''\
"""Settings of nbgrader for the lessons. Start nbgrader, or JupyterLab with it, in this folder."""

import os
import sys
from pathlib import Path

COURSE = {course!r}  # the folder of the course, where a submission finds `helpers`

c = get_config()
c.CourseDirectory.course_id = "neural_style_transfer"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)

# nbgrader starts a program that was installed with it.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

# The line with raise stands below this one in every exercise.
c.ClearSolutions.code_stub = {{"python": "# YOUR CODE HERE"}}
# Students may change every cell and see what happens. Grading puts the lesson's own code back.
c.LockCells.lock_readonly_cells = False
c.OverwriteCells.add_missing_cells = True

c.Execute.timeout = 600  # seconds for each cell
# What the kernel of a submission does first: it finds `helpers`, runs the lesson in the short form of the
# tests, keeps no student's function for the next one, and is silent about warnings, since nbgrader gives
# no points for a test cell that writes one.
FIRST = (
    "import logging, os, sys, warnings; "
    f"sys.path.insert(0, {{COURSE!r}}); "
    "os.environ.update(COURSE_FAST='1', COURSE_FUNCTIONS=os.devnull); "
    "warnings.simplefilter('ignore'); logging.disable(logging.WARNING); "
    "del logging, os, sys, warnings"
)
c.Execute.extra_arguments = [f"--IPKernelApp.exec_lines={{FIRST}}"]
'''


def configuration() -> str:
    """The text of ``nbgrader_config.py``, whose kernels find ``helpers`` in the folder of this course."""
    return _CONFIG.format(course=str(ROOT))


def points_of(exercise: Exercise) -> int:
    """The points of an exercise, from the number of lines of its solution."""
    return POINTS_OF_LONG if len(exercise.code.splitlines()) >= LONG else POINTS


def assignment_of(lesson: Any) -> Any:
    """A lesson (``nbformat``) as the source of an assignment, with nbgrader's metadata of version 3.

    The function of an exercise is an answer that the check after it grades. An open exercise is followed by
    a text to answer in, which a person grades. All other code is read-only: grading runs the lesson's own.
    Text has no metadata. Raises ``ArgumentError`` for an exercise that is not of the course's form.
    """
    assignment = copy.deepcopy(lesson)
    exercises = lesson_cells.exercises_of(assignment)
    of_stub = {exercise.stub.id: exercise for exercise in exercises}
    of_check = {exercise.check.id: exercise for exercise in exercises}
    cells = []
    for cell in assignment.cells:
        if "solution" in lesson_cells.tags_of(cell):
            continue
        if cell.cell_type == "markdown":
            cells += _with_answers(cell)
            continue
        cells.append(cell)
        if cell.id in of_stub:
            cell.source = _with_region(cell.source, of_stub[cell.id].code)
            _grade(cell, solution=True)
        elif cell.id in of_check:
            cell.source = f"{cell.source.rstrip()}.assert_passed()"
            # A check that fails does not stop "Run All Cells".
            cell.metadata["tags"] = [*lesson_cells.tags_of(cell), "raises-exception"]
            _grade(cell, points=points_of(of_check[cell.id]), locked=True)
        else:
            _grade(cell, locked=True)
    assignment.cells = cells
    return assignment


def points_in(assignment: Any, cell_type: str) -> int:
    """The points of the graded cells of one type: ``"code"`` for exercises, ``"markdown"`` for open ones."""
    cells = (cell for cell in assignment.cells if cell.cell_type == cell_type)
    return sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in cells)


def _grade(cell: Any, points: int | None = None, solution: bool = False, locked: bool = False) -> None:
    """Write nbgrader's metadata into a cell; ``points`` make it a graded one."""
    about = {"grade_id": cell.id, "schema_version": 3, "solution": solution, "locked": locked, "task": False}
    graded = {"grade": False} if points is None else {"grade": True, "points": points}
    cell.metadata["nbgrader"] = {**about, **graded}


def _with_region(stub: str, solution: str) -> str:
    """An exercise's cell with the body of the solution, in marks, before the body of the stub.

    Without what the marks enclose it is the stub, whose hint the check repeats.
    """
    if len(ast.parse(solution).body) > 1:
        raise ArgumentError(f"A solution is one function and nothing else: {solution[:60]!r}.")
    function = lesson_cells.function_in(stub)
    lines = stub.splitlines()[function.lineno - 1 : function.end_lineno]
    header, rest = lesson_cells.header_and_body("\n".join(lines))
    _, body = lesson_cells.header_and_body(solution)
    if not isinstance(lesson_cells.function_in(solution).body[-1], (ast.Return, ast.Raise)):
        body = [*body, "    return None"]  # The stub's error comes after it.
    marked = [*header, f"    {_BEGIN}", *body, f"    {_END}", *rest]
    return lesson_cells.with_function(stub, "\n".join(marked))


def _with_answers(cell: Any) -> list[Any]:
    """A cell of text, cut after each open exercise in it, which is followed by a cell for the answer."""
    import nbformat

    cells, rest, found = [cell], cell.source, RUBRIC.search(cell.source)
    while found:
        number = len(cells) // 2
        name = cell.id if number == 0 else f"{cell.id}-{number}"
        answer = nbformat.v4.new_markdown_cell(
            f"**Your answer** ({POINTS_OF_OPEN} points). Write it in place of the last line of this cell, at "
            "least one sentence: a cell that is left as it is gets 0 points. Code and pictures go into new "
            "cells above it.\n\n"
            f"{_BEGIN}\n**What a good answer contains**\n\n{found[1]}\n{_END}",
            id=f"{name[:48]}-your-answer",
        )
        answer.metadata["slideshow"] = {"slide_type": "skip"}
        _grade(answer, points=POINTS_OF_OPEN, solution=True)
        cells[-1].source = rest[: found.start()].rstrip()
        rest = rest[found.end() :]
        after = nbformat.v4.new_markdown_cell(rest, id=f"{name[:48]}-after", metadata=cell.metadata)
        cells += [answer, copy.deepcopy(after)]
        found = RUBRIC.search(rest)
    return cells if len(cells) == 1 or cells[-1].source.strip() else cells[:-1]
