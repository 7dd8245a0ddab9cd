"""Every lesson runs from top to bottom, with each exercise first as given and then solved."""

import ast
import html
import json
import re
import subprocess
import textwrap

import nbformat
import pytest
from jupyter_client import KernelManager
from run_lessons import LESSONS, run, solution_of, tagged, verdicts, with_solutions

from helpers.lessons import quiz


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return nbformat.read(request.param, as_version=4)


@pytest.fixture(scope="module")
def shared_kernel():
    """A kernel for all lessons, one after the other: TensorFlow is imported once, and VGG19 built once."""
    manager = KernelManager(kernel_name="python3")
    yield manager
    if manager.has_kernel:
        manager.shutdown_kernel(now=True)


@pytest.mark.lesson
def test_a_lesson_runs_and_its_checks_tell_what_is_to_do_from_what_is_right(
    lesson, monkeypatch, shared_kernel, tmp_path
):
    exercises = len(tagged(lesson, "exercise"))
    assert len(tagged(lesson, "solution")) == exercises
    solved = with_solutions(lesson)
    # Nothing that a lesson before it has defined or checked is known to this one.
    forget = f"""%reset -f
import os
os.environ["COURSE_FUNCTIONS"] = {str(tmp_path)!r}
from helpers.lessons import own
own._checked.clear()
del os, own"""
    solved.cells.insert(0, nbformat.v4.new_code_cell(forget))
    if lesson.cells[0].source.startswith("# 5 "):
        keep_functions_of(["03_content_reconstruction", "04_texture_synthesis"], tmp_path)
    ran = run(solved, monkeypatch, tmp_path, manager=shared_kernel)
    found = verdicts(ran)
    assert len(found) == 2 * exercises
    assert all(verdict.startswith("To do.") for verdict in found[::2]), found
    assert all(verdict.startswith("Right.") for verdict in found[1::2]), found
    if lesson.cells[0].source.startswith("# 5 "):
        # Three pictures of this lesson, among them the last, are made by functions of three lessons.
        assert made_with(ran).count("Made with your content loss, Gram matrix, style loss and transfer.") == 3


def made_with(notebook):
    """Whose functions the captions of a lesson that was run name."""
    return re.findall(r"Made with [^<]*", html.unescape("".join(map(str, notebook.cells))))


def keep_functions_of(stems, folder):
    """Write the solutions of lessons as ``check`` keeps what a student wrote there."""
    for path in LESSONS:
        if path.stem in stems:
            cells = nbformat.read(path, as_version=4).cells
            for cell, solution in zip(
                (c for c in cells if "check" in c.metadata.get("tags", [])),
                (c for c in cells if "solution" in c.metadata.get("tags", [])),
                strict=True,
            ):
                name = re.search(r'check\("(\w+)"', cell.source)[1]
                (folder / f"{name}.py").write_text(solution_of(solution), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.lesson
def test_a_lesson_runs_as_given(lesson, monkeypatch, tmp_path):
    found = verdicts(run(lesson, monkeypatch, tmp_path))
    assert len(found) == len(tagged(lesson, "exercise"))
    assert all(verdict.startswith("To do.") for verdict in found), found


WRITTEN = {
    "content_loss": "def my_content_loss(F, P):\n    return tf.reduce_sum((F - P) ** 2) / 2",
    "content_loss_per_entry": "def my_content_loss_per_entry(F, P):\n    return tf.reduce_mean((F - P) ** 2)",
    "minimize": "right",
    "gram_matrix": "def my_gram_matrix(F):\n    return tf.einsum('nhwi,nhwj->ij', F, F)",
    "style_loss": "def my_style_loss(features, targets):\n    return np.float32(0)",
    "transfer": "right",
}
"""What a student writes in lessons 3 to 5: right, wrong by a factor, wrong, and some not at all."""


@pytest.mark.slow
@pytest.mark.lesson
def test_pictures_are_made_by_those_functions_that_a_student_wrote_and_that_are_right(monkeypatch, tmp_path):
    captions = {}
    for path in LESSONS[3:6]:
        notebook = nbformat.read(path, as_version=4)
        checks, solutions = tagged(notebook, "check"), tagged(notebook, "solution")
        for cell, check, solution in zip(tagged(notebook, "exercise"), checks, solutions, strict=True):
            written = WRITTEN.get(re.search(r'check\("(\w+)"', check.source)[1])
            if written:
                cell.source = solution_of(solution) if written == "right" else written
        ran = run(notebook, monkeypatch, tmp_path)
        captions[path.name[:2]] = made_with(ran)
    assert "Made with your loop, and with the course's content loss." in captions["03"]
    assert "Made with your Gram matrix and loop, and with the course's style loss." in captions["04"]
    whose = "Made with your Gram matrix and transfer, and with the course's content loss and style loss."
    assert captions["05"].count(whose) == 3
    assert not any("your style loss" in caption for each in captions.values() for caption in each)


def test_an_unfilled_exercise_does_not_stop_a_lesson(lesson):
    """No cell but an exercise, its check and its solution uses what the student is to write."""
    theirs = {
        node.name
        for cell in tagged(lesson, "exercise")
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.FunctionDef) and "NotImplementedError" in ast.unparse(node)
    }
    for cell in lesson.cells:
        if cell.cell_type == "code" and not {"exercise", "check"} & set(cell.metadata.get("tags", [])):
            names = {node.id for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
            assert not names & theirs, cell.source


def test_a_lesson_has_the_parts_of_a_lesson(lesson):
    text = "\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")
    parts = (
        "You will be able to",
        "*necessary:*",
        "*Helpful:*",
        "docs/glossary.md",
        "## Summary",
        "**Next:**",
    )
    for part in (*parts, "**Sources**"):
        assert part in text, part
    assert re.search(
        r"\*\*Time\*\* · about \d+ min, of which (under )?\d+ min is computation \(2 CPU cores\)", text
    )
    assert len(re.findall(r"(?m)^## ", text)) <= 10
    # What was to be seen is folded, and every prediction has its answer.
    assert text.count("**Predict, then run.**") == text.count("<details><summary>What you saw</summary>")
    assert text.count("<summary>") == text.count("</details>")
    if "project" not in text.splitlines()[0]:
        assert text.count("**Predict, then run.**") >= 1
        assert text.count("<summary>Answer</summary>") == 3
        assert len(tagged(lesson, "exercise")) >= (1 if text.startswith("# A") else 3)
        (asked,) = [cell for cell in lesson.cells if cell.source.startswith("quiz(")]
        assert len(quiz.questions_of(ast.literal_eval(asked.source[5:-1]))) == 3
    assert "!" not in re.sub(r"!=|!\[", "", re.sub(r"```.*?```", "", text, flags=re.S))


def test_a_lesson_is_committed_without_outputs(lesson):
    assert "widgets" not in lesson.metadata
    assert all(
        not cell.outputs and cell.execution_count is None for cell in lesson.cells if "outputs" in cell
    )
    nbformat.validate(lesson)


def calls_of(source, names):
    """The calls of some functions in a cell, each as its keyword arguments' names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
            yield node.func.id, {keyword.arg for keyword in node.keywords}


def test_every_figure_has_a_caption_and_alternative_text(lesson):
    for cell in lesson.cells:
        if cell.cell_type == "code":
            for name, given in calls_of(
                cell.source, ("show_images", "show_sliders", "show_film", "show_plot", "plot_history")
            ):
                assert {"caption", "alt"} <= given, (cell.id, name)
            for name, given in calls_of(cell.source, ("show_table",)):
                assert "caption" in given, (cell.id, name)


def test_no_lesson_shows_a_switch_for_tests(lesson):
    assert all("COURSE_FAST" not in cell.source for cell in lesson.cells)


def test_the_first_code_cell_is_the_same_in_all_lessons_and_does_nothing_here(run_python):
    cells = {tagged(nbformat.read(path, as_version=4), "colab")[0].source for path in LESSONS}
    assert len(cells) == 1
    done = run_python("-c", cells.pop(), check=True)
    assert done.stdout + done.stderr == ""


@pytest.fixture
def colab(tmp_path, run_python):
    """A function that runs the first cell as in Colab, with /content at a folder of the test."""

    def run_cell(cell):
        program = f"""
import sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
{cell.replace("/content", str(tmp_path / "content"))}
import json, os
import helpers
print(json.dumps([os.getcwd(), helpers.__file__]))
"""
        return run_python("-S", "-c", program, cwd=tmp_path)

    return run_cell


def test_in_colab_the_first_cell_fetches_the_course_once(tmp_path, colab):
    origin, content = tmp_path / "origin", tmp_path / "content"
    (origin / "helpers").mkdir(parents=True)
    (origin / "notebooks").mkdir()
    content.mkdir()
    (origin / "helpers" / "__init__.py").write_text("")
    (origin / "notebooks" / "00_start_here.ipynb").write_text("{}")
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-C", str(origin)]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "course"]):
        subprocess.run([*git, *arguments], check=True)
    cell = tagged(nbformat.read(LESSONS[0], as_version=4), "colab")[0].source
    addressed = re.sub(r'REPOSITORY = ".*?"', f'REPOSITORY = "{origin.as_uri()}"', cell)
    for _ in range(2):
        done = colab(addressed)
        assert done.returncode == 0, done.stderr
        *said, paths = done.stdout.splitlines()
        folder, module = json.loads(paths)
        assert folder == str(content / "course" / "notebooks")
        assert module == str(content / "course" / "helpers" / "__init__.py")
        assert f"fetched into {content / 'course'}:" in said[0]
        assert "Runtime > Change runtime type" in said[-1]


@pytest.mark.parametrize(("address", "named"), [("", "on GitHub"), ("file:///nowhere", "file:///nowhere")])
def test_in_colab_an_address_that_is_missing_or_wrong_is_asked_for(address, named, colab, one_sentence):
    cell = tagged(nbformat.read(LESSONS[0], as_version=4), "colab")[0].source
    done = colab(re.sub(r'REPOSITORY = ".*?"', f'REPOSITORY = "{address}"', cell))
    kind, _, said = done.stderr.splitlines()[-1].partition(": ")
    assert kind == "RuntimeError"
    one_sentence(said, named)
    assert "instructor" in said
    assert "begins with REPOSITORY" in said
    assert re.findall(r"(?m)^REPOSITORY", cell) == ["REPOSITORY"]


@pytest.mark.parametrize("generation", [7, 8])
def test_an_uploaded_picture_is_read_in_both_generations_of_ipywidgets(generation):
    import types

    from helpers import bundled_image, upload_button, uploaded_image

    assert uploaded_image(upload_button()) is None
    content = bundled_image("cat").read_bytes()
    value = {
        7: {"cat.jpg": {"metadata": {"name": "cat.jpg"}, "content": content}},
        8: ({"name": "cat.jpg", "content": memoryview(content)},),
    }[generation]
    assert uploaded_image(types.SimpleNamespace(value=value), size=30).shape == (30, 45, 3)


def test_the_pace_follows_the_device_and_the_tests(monkeypatch):
    from helpers.lessons import notebook as lessons

    monkeypatch.delenv("COURSE_FAST", raising=False)
    monkeypatch.delenv("COURSE_GPU_STEPS", raising=False)
    for device in ("cpu", "gpu"):
        monkeypatch.setattr(lessons, "device", lambda device=device: device)
        assert lessons.pace(cpu=(1, 2), gpu=(3, 4)) == {"cpu": (1, 2), "gpu": (3, 4)}[device]
    for most, steps in (("3", 3), ("9", 4)):
        monkeypatch.setenv("COURSE_GPU_STEPS", most)
        assert lessons.pace(cpu=(1, 2), gpu=(3, 4)) == (3, steps)
    monkeypatch.setenv("COURSE_FAST", "1")
    assert lessons.pace(cpu=(1, 2), gpu=(3, 4)) == (32, 3)


@pytest.mark.parametrize("most", ["0", "-1", "2.5", "many", "²"])
def test_a_pace_that_is_no_number_is_named(most, monkeypatch, one_sentence):
    from helpers import CourseError, pace

    monkeypatch.delenv("COURSE_FAST", raising=False)
    monkeypatch.setenv("COURSE_GPU_STEPS", most)
    with pytest.raises(CourseError) as raised:
        pace(cpu=(1, 2), gpu=(3, 4))
    one_sentence(raised.value, "COURSE_GPU_STEPS")


def test_a_solution_parses():
    for path in LESSONS:
        for cell in tagged(nbformat.read(path, as_version=4), "solution"):
            compile(textwrap.dedent(solution_of(cell)), path.name, "exec")
