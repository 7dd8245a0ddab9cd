"""Handouts of every lesson: what students and graders get, without a kernel."""

import ast
import copy
import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers import CourseError
from helpers.files.bundled import lesson_files
from helpers.lessons.checks import Outcome
from helpers.tools import assignment, handout, lesson_cells
from helpers.tools.command_line import main

LESSONS = lesson_files()
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return read(request.param)


def released(notebook):
    """An assignment as nbgrader releases it: each region of a solution is one line of a stub."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        stub = "# YOUR CODE HERE" if cell.cell_type == "code" else "YOUR ANSWER HERE"
        cell.source = re.sub(rf"{BEGIN}\n.*?{END}", stub, cell.source, flags=re.S)
    return notebook


def statements(source):
    """The code of a function's body, without its layout and comments."""
    return "\n".join(ast.unparse(node) for node in lesson_cells.function_in(source).body)


def assert_without_solutions(notebook, lesson):
    text = "\n".join(cell.source for cell in notebook.cells)
    for mark in ("<summary>Solution</summary>", "What a good answer contains", BEGIN, END):
        assert mark not in text
    codes = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    codes += re.findall(r"```python\n(.*?)```", text, re.S)
    shown = {
        "\n".join(ast.unparse(node) for node in function.body)
        for code in codes
        for function in ast.walk(ast.parse(code))
        if isinstance(function, ast.FunctionDef)
    }
    for exercise in lesson_cells.exercises_of(lesson):
        assert statements(exercise.code) not in shown, exercise.name
    for found in lesson_cells.RUBRIC.finditer("\n".join(cell.source for cell in lesson.cells)):
        assert found[1] not in text


def test_students_get_all_but_the_solutions(lesson):
    found = handout.students_notebook(lesson)
    assert_without_solutions(found, lesson)
    nbformat.validate(found)
    text = "\n".join(cell.source for cell in found.cells)
    for folded in ("Hint", "What you saw", "Answer"):
        summary = f"<summary>{folded}</summary>"
        assert text.count(summary) == "\n".join(cell.source for cell in lesson.cells).count(summary)
    kept = [cell for cell in lesson.cells if "solution" not in lesson_cells.tags_of(cell)]
    assert [cell.id for cell in found.cells] == [cell.id for cell in kept]
    assert [c.source for c in found.cells if c.cell_type == "code"] == [
        c.source for c in kept if c.cell_type == "code"
    ]


def test_instructors_get_solved_exercises_and_the_sentences_of_the_check(lesson):
    found = handout.instructors_notebook(lesson)
    nbformat.validate(found)
    cells = {cell.id: cell for cell in found.cells}
    for exercise in lesson_cells.exercises_of(lesson):
        assert statements(cells[exercise.stub.id].source) == statements(exercise.code)
        note = cells[exercise.solution.id].source
        assert exercise.stub.source in note
        assert "The mistakes that the check knows" in note
        assert note.count("<details>") == note.count("</details>") == 1


def test_an_assignment_has_the_metadata_of_nbgraders_third_version(lesson):
    found = assignment.assignment_of(lesson)
    nbformat.validate(found)
    marked = {
        cell.id: (cell, cell.metadata["nbgrader"]) for cell in found.cells if "nbgrader" in cell.metadata
    }
    names = [about["grade_id"] for _, about in marked.values()]
    assert len(names) == len(set(names)) == len(marked)
    for cell, about in marked.values():
        assert about["schema_version"] == 3
        assert re.fullmatch(r"[A-Za-z0-9_-]+", about["grade_id"])
        assert {"grade", "solution", "locked", "task"} <= about.keys()
        assert ("points" in about) == about["grade"]
        # Nothing that a student can change is put back, and everything else is.
        assert about["locked"] == (not about["solution"])
        assert cell.cell_type == "code" or (about["grade"] and about["solution"])
    assert all(cell.id in marked for cell in found.cells if cell.cell_type == "code")

    exercises = lesson_cells.exercises_of(lesson)
    for exercise in exercises:
        answer, of_answer = marked[exercise.stub.id]
        assert of_answer["solution"]
        assert not of_answer["grade"]
        assert answer.source.count(BEGIN) == answer.source.count(END) == 1
        test, of_test = marked[exercise.check.id]
        assert not of_test["solution"]
        assert of_test["points"] == (3 if len(exercise.code.splitlines()) >= 10 else 1)
        assert test.source == f"{exercise.check.source.rstrip()}.assert_passed()"
        assert "raises-exception" in test.metadata["tags"]
        assert exercise.solution.id not in {cell.id for cell in found.cells}
    by_hand = [about for cell, about in marked.values() if cell.cell_type == "markdown"]
    assert [about["points"] for about in by_hand] == [3] * len(by_hand)
    text = "\n".join(cell.source for cell in lesson.cells)
    assert len(by_hand) == text.count("<summary>What a good answer contains</summary>")


def test_a_release_is_the_students_stub_and_has_no_solutions(lesson):
    found = released(assignment.assignment_of(lesson))
    assert_without_solutions(found, lesson)
    cells = {cell.id: cell.source for cell in found.cells}
    for exercise in lesson_cells.exercises_of(lesson):
        stub = cells[exercise.stub.id].replace("    # YOUR CODE HERE\n", "")
        assert stub == exercise.stub.source
        assert "raise NotImplementedError(" in stub


def test_the_source_of_an_assignment_computes_what_the_solution_does(lesson):
    cells = {cell.id: cell.source for cell in assignment.assignment_of(lesson).cells}
    for exercise in lesson_cells.exercises_of(lesson):
        of_source = lesson_cells.function_in(cells[exercise.stub.id])
        of_solution = lesson_cells.function_in(exercise.code)
        assert ast.dump(of_source.args) == ast.dump(of_solution.args)
        *body, error = of_source.body
        assert isinstance(error, ast.Raise)
        returned = [ast.unparse(node) for node in body]
        if returned[-1] == "return None":
            del returned[-1]
        else:
            assert isinstance(body[-1], (ast.Return, ast.Raise))
        assert returned == [ast.unparse(node) for node in of_solution.body]


def markdown(source, name):
    return new_markdown_cell(source, id=name, metadata={"slideshow": {"slide_type": "slide"}})


def rubric(text):
    return f"<details><summary>What a good answer contains</summary>\n\n{text}\n\n</details>"


def test_text_after_an_open_exercise_follows_its_answer():
    source = f"First.\n\n{rubric('one')}\n\nSecond.\n\n{rubric('two')}\n\n- More."
    found = assignment.assignment_of(new_notebook(cells=[markdown("# 1", "title"), markdown(source, "open")]))
    texts = [cell.source for cell in found.cells[1:]]
    assert [text for text in texts if BEGIN not in text] == ["First.", "Second.", "- More."]
    assert [BEGIN in text for text in texts] == [False, True, False, True, False]
    assert ["one" in texts[1], "two" in texts[3]] == [True, True]
    assert [assignment.points_in(found, kind) for kind in ("code", "markdown")] == [0, 6]
    assert len({cell.id for cell in found.cells}) == 6


def test_a_comment_before_the_first_statement_belongs_to_the_solution():
    header, body = lesson_cells.header_and_body(
        "def my_sum(\n    a,\n    b,\n):\n    # Add them.\n    return a + b"
    )
    assert header[-1] == "):"
    assert body == ["    # Add them.", "    return a + b"]
    with pytest.raises(CourseError, match="on a line of its own"):
        lesson_cells.header_and_body("def my_sum(a, b): return a + b")


@pytest.mark.parametrize("tags", [("exercise", "check"), ("exercise", "solution", "check"), ("check",)])
def test_an_exercise_without_its_cells_is_named(tags, one_sentence):
    cells = [new_code_cell("check('a', my_a)", id=f"cell-{n}") for n in range(len(tags))]
    for cell, tag in zip(cells, tags, strict=True):
        cell.metadata["tags"] = [tag]
    with pytest.raises(CourseError) as caught:
        lesson_cells.exercises_of(new_notebook(cells=cells))
    one_sentence(caught.value, "cell-0")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of the handouts of all lessons, not run."""
    folder = tmp_path_factory.mktemp("handouts")
    list(handout.write_handouts([path.name[:2] for path in LESSONS], folder, run=False))
    return folder


def test_every_link_of_a_handout_leads_to_a_file(written):
    notebooks = list(written.rglob("*.ipynb"))
    assert len(notebooks) == 3 * len(LESSONS)
    for path in [*notebooks, *written.rglob("*.md")]:
        texts = (
            [path.read_text("utf-8")]
            if path.suffix == ".md"
            else [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
        )
        targets = [target for text in texts for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)]
        assert targets
        missing = [target for target in targets if not (path.parent / target).exists()]
        assert not missing, path


def test_no_handout_opens_the_lesson_itself():
    lesson = read(LESSONS[1])
    badge = "[![Open in Colab](https://c/badge.svg)](https://c/github/a/b/blob/main/notebooks/x.ipynb)\n\n"
    lesson.cells[0].source = badge + lesson.cells[0].source
    for found in (handout.students_notebook(lesson), handout.assignment_notebook(lesson)):
        assert found.cells[0].source.startswith("# 1 ")
        assert found.cells[0].source.endswith("*")
    title = handout.assignment_notebook(lesson).cells[0].source
    assert "an assignment with 17 points: 8 for exercises" in title
    assert "is extra" in lesson.cells[0].source
    assert "is extra" not in title


def test_a_link_to_a_lesson_that_was_not_handed_out_becomes_its_text(tmp_path):
    def links():
        return {
            path.parent.relative_to(tmp_path).as_posix(): set(
                re.findall(r"\]\(([^)]*\.ipynb)", read(path).cells[-1].source)
            )
            for path in tmp_path.rglob("02_vgg19.ipynb")
        }

    list(handout.write_handouts(["2"], tmp_path, run=False))
    assert links() == {"students": set(), "instructors": set(), "nbgrader/source/02_vgg19": set()}
    list(handout.write_handouts(["3"], tmp_path, run=False))
    list(handout.write_handouts(["2"], tmp_path, run=False, overwrite=True))
    beside = {"03_content_reconstruction.ipynb"}
    elsewhere = {"../03_content_reconstruction/03_content_reconstruction.ipynb"}
    assert links() == {"students": beside, "instructors": beside, "nbgrader/source/02_vgg19": elsewhere}


def test_nbgraders_settings_are_python_and_an_instructors_own_are_kept(written, capsys):
    path = written / "nbgrader" / "nbgrader_config.py"
    ast.parse(path.read_text("utf-8"))
    path.write_text("# mine\n")
    assert main(["handout", "0", "--no-run", "--output", str(written)]) == 1
    assert "00_start_here.ipynb exists already; --overwrite replaces it." in capsys.readouterr().err
    assert main(["handout", "0", "--no-run", "--overwrite", "--output", str(written)]) == 0
    assert [Path(line).parent.name for line in capsys.readouterr().out.splitlines()] == [
        "students",
        "00_start_here",
        "instructors",
    ]
    assert path.read_text() == "# mine\n"


def test_a_lesson_that_there_is_not_is_named(tmp_path, capsys):
    assert main(["handout", "77", "--output", str(tmp_path)]) == 1
    assert "There is no lesson 77" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_instructors_notebook_is_run_with_its_solutions_and_leaves_no_functions(
    tmp_path, monkeypatch, capsys
):
    stub = new_code_cell('def my_shorter_side(image):\n    raise NotImplementedError("?")', id="stub")
    check = new_code_cell('from helpers import check\ncheck("shorter_side", my_shorter_side)', id="check")
    solution = markdown(
        "<details><summary>Solution</summary>\n\n```python\ndef my_shorter_side(image):\n"
        "    return min(image.shape[:2])\n```\n\nShape first.\n\n</details>",
        "solution",
    )
    last = new_code_cell("import os\nprint(os.environ['COURSE_FAST'])", id="last")
    for cell, tag in ((stub, "exercise"), (check, "check"), (solution, "solution")):
        cell.metadata["tags"] = [tag]
    lesson = new_notebook(cells=[markdown("# 0 · A lesson", "title"), stub, check, solution, last])
    path = tmp_path / "00_a_lesson.ipynb"
    nbformat.write(lesson, path)
    monkeypatch.setattr(handout, "lessons_named", lambda names: [path])
    monkeypatch.setenv("COURSE_FUNCTIONS", str(tmp_path / "functions"))
    list(handout.write_handouts(["0"], tmp_path / "out", fast=True))
    ran = json.loads((tmp_path / "out" / "instructors" / path.name).read_text("utf-8"))
    outputs = {cell["id"]: cell.get("outputs") for cell in ran["cells"]}
    assert "Right." in "".join(outputs["check"][0]["data"]["text/plain"])
    assert outputs["last"][0]["text"] == ["1\n"]
    assert "Shape first." in "".join(ran["cells"][3]["source"])
    assert not (tmp_path / "functions").exists()


def test_a_graded_check_shows_its_sentence_and_raises_it(capsys):
    Outcome(True, "That is right.").assert_passed()
    assert "That is right." in capsys.readouterr().out
    for passed in (False, None):
        with pytest.raises(AssertionError, match=r"^A sum is missing\.$"):
            Outcome(passed, "A sum is missing.").assert_passed()


def test_a_solution_with_more_than_its_function_is_no_assignment(one_sentence):
    lesson = read(LESSONS[1])
    exercise = lesson_cells.exercises_of(lesson)[0]
    exercise.solution.source = exercise.solution.source.replace("```python\n", "```python\nimport math\n")
    with pytest.raises(CourseError) as caught:
        assignment.assignment_of(lesson)
    one_sentence(caught.value, "import math")
