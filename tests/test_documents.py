"""What the documents point to is there, and the lessons, their map and their exercises agree."""

import itertools
import json
import re
from pathlib import Path

import nbformat
import pytest

from helpers.exercises import EXERCISES

ROOT = Path(__file__).parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def text_of(path):
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("path", [ROOT / "README.md", ROOT / "notebooks" / "README.md", *LESSONS], ids=str)
def test_every_relative_link_leads_somewhere(path):
    targets = re.findall(r'\]\(([^)#]+)\)|src="([^"]+)"', text_of(path))
    relative = [link for pair in targets for link in pair if link and "://" not in link]
    missing = [link for link in relative if not (path.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize(
    "map_of_lessons", ["README.md", "notebooks/README.md", "notebooks/00_start_here.ipynb"]
)
def test_the_maps_name_every_lesson(map_of_lessons):
    text = text_of(ROOT / map_of_lessons)
    others = [path for path in LESSONS if path != ROOT / map_of_lessons]
    assert len(LESSONS) == 10
    assert all(path.name in text for path in others)


def test_each_lesson_leads_to_the_next():
    for lesson, following in itertools.pairwise(LESSONS):
        assert following.name in text_of(lesson).partition("**Next:**")[2].partition("\n\n")[0], lesson.name


def test_every_exercise_stands_in_one_lesson_and_every_check_has_its_exercise():
    checked = [
        name
        for path in LESSONS
        for cell in nbformat.read(path, as_version=4).cells
        if "check" in cell.metadata.get("tags", [])
        for name in re.findall(r'check\("(\w+)"', cell.source)
    ]
    assert sorted(checked) == sorted(EXERCISES)


def test_the_readme_tells_what_the_benchmark_measured():
    measured = json.loads((ROOT / "notebooks" / "benchmark.json").read_text("utf-8"))
    readme = text_of(ROOT / "README.md")
    share = {
        (each["side"], each["precision"], each["sliding"]): f"{each['share']:.0%}"
        for each in measured["evaluations"]
    }
    ours, adam = (
        measured["races"][f"{name}, photo, one size, {precision}"]
        for name, precision in (("L-BFGS", "bfloat16"), ("Adam", "float32"))
    )
    overhead = [f"{each['share']:.1%}" for each in measured["overhead"] if each["coordinates"] == "pixels"]
    memory = [f"{each['gb']:.2g}" for each in measured["memory"] if each["precision"] == "bfloat16"]
    shares = [
        ", ".join(
            f"{share[256, precision, sliding]} and {share[512, precision, sliding]} in {precision}"
            for precision in ("float32", "bfloat16")
            # A processor with AMX slides its kernels in bfloat16.
            if (256, precision, sliding) in share
        )
        for sliding in (True, False)
    ]
    for said in (
        *(each.replace("%", " %") for each in shares),
        " and ".join(overhead).replace("%", " %"),
        f"{ours['evaluations']:.0f} evaluations, {ours['seconds']:.0f} s; "
        f"Adam {adam['evaluations']:.0f} evaluations, {adam['seconds']:.0f} s",
        "{}, {} and {} GB".format(*memory),
        *(
            f"{each['seconds_here']:.0f} s: {each['seconds'] / each['seconds_here']:.1f} times sooner"
            for each in measured["sooner"].values()
        ),
    ):
        assert said in readme, said


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_the_readme_tells_what_was_measured_on_a_gpu(backend):
    measured = json.loads((ROOT / "notebooks" / f"benchmark_h100_{backend}.json").read_text("utf-8"))
    readme = text_of(ROOT / "README.md")
    assert measured["machine"]["backend"] == backend
    assert measured["machine"]["gpu"] in readme.replace("\n", " ")
    assert json.loads(measured["machine"]["versions"])[backend].partition("+")[0] in readme
    rows = {
        line.split(" | ")[0].lstrip("| "): line.strip(" |").split(" | ")[1:] for line in readme.splitlines()
    }
    column = ("torch", "jax").index(backend)

    def told(row):
        return [float(number) for number in re.findall(r"[\d.]+", rows[row][column].replace("256²", ""))]

    def near(numbers):
        return pytest.approx(numbers, rel=0.03)

    for row, precision in (
        ("an evaluation at 256², 512² and 1024², float32", "float32"),
        ("the same, bfloat16", "bfloat16"),
    ):
        seconds = [each["seconds"] for each in measured["evaluations"] if each["precision"] == precision]
        assert told(row) == near([1000 * each for each in seconds])
    assert told("a step of L-BFGS beside its evaluation at 256²") == near(
        [1000 * measured["overhead"][0]["seconds"]]
    )
    quick, last = measured["pictures"][0], measured["pictures"][-1]
    assert told("`--preset quick`: the first picture, and one more") == near(
        [quick["seconds"], quick["again"]]
    )
    if backend == "torch":
        fine = "`--preset fine`, 767 × 512 pixels: the first picture, and one more"
        assert last["pixels"] == "767 × 512"
        assert told(fine) == near([last["seconds"], last["again"]])
    memory = [each["gb"] for each in measured["memory"] if each["precision"] == "float32"]
    assert told("peak memory of the GPU at 256², 512² and 1024², float32") == near(memory)
