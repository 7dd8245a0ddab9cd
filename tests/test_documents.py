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
    for said in (
        *(
            f"{share[256, 'float32', sliding]} and {share[512, 'float32', sliding]} in float32, "
            f"{share[256, 'bfloat16', sliding]} and {share[512, 'bfloat16', sliding]} in bfloat16".replace(
                "%", " %"
            )
            for sliding in (True, False)
        ),
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
