"""What the documents point to is there, and the lessons, their map and their exercises agree."""

import importlib.util
import itertools
import re
from pathlib import Path

import nbformat
import pytest

from helpers.files.bundled import lesson_files
from helpers.lessons.exercises import EXERCISES

ROOT = Path(__file__).parent.parent
LESSONS = lesson_files()


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
    assert len(LESSONS) == 13
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


@pytest.fixture(scope="module")
def figures():
    """The script that writes the tables of figures."""
    path = ROOT / ".ci" / "figures.py"
    spec = importlib.util.spec_from_file_location("figures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readmes_tables_are_what_the_benchmark_measured(figures):
    readme = text_of(ROOT / "README.md")
    assert figures.with_tables(readme, figures.tables()) == readme
    machine = figures.measured("benchmark_h100_jax.json")["machine"]
    assert machine["backend"] == "jax"
    assert machine["gpu"] in readme.replace("\n", " ")


def test_a_figure_that_changed_changes_its_table(figures):
    readme = text_of(ROOT / "README.md")
    found = figures.measured("benchmark.json")
    found["races"]["Adam, content, one size, float32"]["evaluations"] += 1000
    for run in found["evaluations"]:
        run["share"] = 0.4
    changed = figures.with_tables(readme, {"processor": figures.processor(found)})
    assert "Adam 1313 evaluations" in changed
    assert "40 % and 40 % in float32" in changed
    on_gpu = figures.measured("benchmark_h100_jax.json")
    on_gpu["pictures"][0]["again"] = 123.4
    assert "14 and 123 s" in figures.gpu(on_gpu)
    with pytest.raises(ValueError, match="There are 0 places for the table 'speed'"):
        figures.with_tables(readme, {"speed": "| |"})
