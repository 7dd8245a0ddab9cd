"""An assignment in the real nbgrader: released, submitted three times, graded."""

import json
import os
import subprocess
import sys

import nbformat
import pytest

from helpers.files.bundled import lessons_named
from helpers.lessons.exercises import EXERCISES
from helpers.tools.handout import write_handouts
from helpers.tools.lesson_cells import exercises_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="nbgrader is for Linux and macOS"),
]

LESSON = "01_convolution"
SCORES = f"""\
import json
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as gradebook:
    print(json.dumps({{
        submission.student.id: {{
            grade.name: [grade.auto_score, grade.max_score, grade.needs_manual_grade]
            for grade in submission.notebooks[0].grades
        }}
        for submission in gradebook.assignment_submissions("{LESSON}")
    }}))
"""


@pytest.fixture(scope="module")
def nbgrader(tmp_path_factory):
    """The folder of a course in nbgrader, and a function that runs Python there with nbgrader's packages."""
    from grading.environment import made

    try:
        python = made()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"nbgrader cannot be installed here: {(error.stderr or '').strip()[-200:]}")
    folder = tmp_path_factory.mktemp("handouts")
    list(write_handouts([LESSON[:2]], folder, run=False))
    # What a kernel finds, it finds by nbgrader's settings.
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH",)}

    def run(*arguments):
        done = subprocess.run(
            [python, *arguments], cwd=folder / "nbgrader", env=variables, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return folder / "nbgrader", run


def submitted(release, folder, student, answers, text=""):
    """Write a student's submission: the released notebook with answers by the name of the exercise."""
    notebook = nbformat.read(release, as_version=4)
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    for exercise in exercises_of(nbformat.read(lessons_named([LESSON[:2]])[0], as_version=4)):
        if exercise.name in answers:
            cells[exercise.stub.id].source = answers[exercise.name]
    for cell in notebook.cells:
        if text and cell.metadata.get("nbgrader", {}).get("grade_id", "").endswith("-your-answer"):
            cell.source = text
    path = folder / "submitted" / student / LESSON / f"{LESSON}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def test_nbgrader_gives_the_points_of_right_exercises_and_no_others(nbgrader):
    folder, run = nbgrader
    run("-m", "nbgrader", "generate_assignment", LESSON)
    release = folder / "release" / LESSON / f"{LESSON}.ipynb"
    assert (release.parent / "glossary.md").exists()
    exercises = exercises_of(nbformat.read(lessons_named([LESSON[:2]])[0], as_version=4))
    right = {exercise.name: exercise.code for exercise in exercises}
    without_padding = "    return (size - kernel_size) // stride + 1"
    wrong = f"def my_output_size(size, kernel_size, stride, padding):\n{without_padding}"
    half = {name: right[name] for name in ("one_activation", "convolve")} | {"output_size": wrong}
    submitted(release, folder, "right", right, text="The third map changes by 0.2.")
    submitted(release, folder, "half", half)
    submitted(release, folder, "empty", {})
    run("-m", "nbgrader", "autograde", LESSON)

    scores = json.loads(run("-c", SCORES))
    checks = {exercise.check.id: exercise.name for exercise in exercises}
    points = {
        student: {checks[cell]: score for cell, (score, _, _) in grades.items() if cell in checks}
        for student, grades in scores.items()
    }
    most = {checks[cell]: most for cell, (_, most, _) in scores["right"].items() if cell in checks}
    assert most == {exercise.name: 3 if exercise.name == "convolve" else 1 for exercise in exercises}
    assert points["right"] == most
    assert points["half"] == {**dict.fromkeys(most, 0), "one_activation": 1, "convolve": 3}
    assert points["empty"] == dict.fromkeys(most, 0)
    open_cells = {
        student: [grade for cell, grade in grades.items() if cell not in checks]
        for student, grades in scores.items()
    }
    # A person grades what is written; what is not written has 0 points.
    assert [by_hand for _, _, by_hand in open_cells["right"]] == [True] * 3
    assert open_cells["empty"] == [[0, 3, False]] * 3

    graded = nbformat.read(folder / "autograded" / "half" / LESSON / f"{LESSON}.ipynb", as_version=4)
    said = {
        checks[cell.id]: output.evalue
        for cell in graded.cells
        for output in cell.get("outputs", ())
        if cell.id in checks and output.output_type == "error"
    }
    assert set(said) == set(most) - {"one_activation", "convolve"}
    assert said["output_size"] in [mistake.message for mistake in EXERCISES["output_size"].mistakes]
    (stub,) = (exercise.stub.source for exercise in exercises if exercise.name == "receptive_field")
    assert said["receptive_field"] == f"{stub.split(chr(34))[1]} (Then delete the line with raise.)"
