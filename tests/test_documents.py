"""What the documents point to is there, their commands exist, and lessons, map and exercises agree."""

import ast
import functools
import importlib.util
import itertools
import re
import shlex
import tomllib
from pathlib import Path

import nbformat
import pytest

import helpers
from helpers.files.bundled import lesson_files
from helpers.lessons.exercises import EXERCISES
from helpers.tools.parser import build_parser, parse

ROOT = Path(__file__).parent.parent
LESSONS = lesson_files()
PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [*sorted(ROOT.glob("*.md")), ROOT / "notebooks" / "README.md", *PAGES]
WIDE = ("|", "<", "[![")
"""Beginnings of lines that cannot be broken."""


def named(path):
    return path.relative_to(ROOT).as_posix()


def text_of(path):
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@functools.cache
def anchors_of(path):
    """The anchors that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text_of(path), flags=re.S), re.M)
    plain = (re.sub(r"\]\([^)]*\)|[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", [*DOCUMENTS, *LESSONS], ids=named)
def test_every_relative_link_leads_somewhere(path):
    targets = re.findall(r'\]\(([^)\s]+)\)|src="([^"]+)"', text_of(path))
    missing = []
    for link in filter(None, itertools.chain.from_iterable(targets)):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if "://" in link:
            continue
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            missing.append(link)
    assert not missing


def commands_in(text):
    """What follows ``python3 course.py`` in blocks of code and in the text, and arguments of its commands."""
    blocks = re.findall(r"^    (.*)$", text, re.M)
    inline = re.findall(r"`([^`\n]+)`", text)
    for line in (*blocks, *inline):
        if found := re.fullmatch(r"(?:[A-Z_]+=\S+ )?python3 course\.py (.*)", line):
            yield found[1]
        elif re.match(r"(transfer|reconstruct|texture) ", line):
            yield line


USAGE = (ROOT / "course.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_command_is_one(path, capsys):
    for command in commands_in(text_of(path)):
        name, *arguments = shlex.split(command, comments=True)
        if name.startswith("-") or name == "COMMAND":
            continue
        assert re.search(rf"^  {name}\b", USAGE, re.M), command
        if name in ("lab", "studio", "test") or "NN" in arguments:
            continue
        try:
            parse([name, *arguments])
        except SystemExit as end:
            # argparse says what is wrong; --help is an end as well.
            assert end.code == 0, f"{command}: {capsys.readouterr().err}"  # noqa: PT017


def test_the_page_of_the_command_line_names_every_command_and_course_py_too():
    commands = build_parser()._subparsers._group_actions[0].choices
    text = text_of(ROOT / "docs" / "command-line.md")
    for name in (*commands, "lab", "studio", "test"):
        assert f"python3 course.py {name}" in text
        assert re.search(rf"^  {name}\b", USAGE, re.M), name


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_the_python_in_a_document_uses_what_there_is(path):
    for block in re.findall(r"```python\n(.*?)```", text_of(path), re.S):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module == "helpers":
                assert {alias.name for alias in node.names} <= set(helpers.__all__)


def test_the_readme_is_short_and_its_index_whole():
    readme = text_of(ROOT / "README.md")
    assert len(readme.splitlines()) <= 130
    for path in (ROOT / "README.md", *PAGES):
        if path.name != "glossary.md":
            # A badge or a picture is as long as its address, and so is the address of a site.
            lines = re.sub(r" ?\[!\[.*?\)\]\(.*?\)|<https://.*?>|<img .*?>", "", text_of(path)).splitlines()
            wide = WIDE if path in PAGES else ()
            assert [line for line in lines if len(line) > 120 and not line.startswith(wide)] == []
    index = text_of(ROOT / "docs" / "README.md")
    assert all(f"]({path.name})" in index for path in PAGES if path.name != "README.md")


def test_version_and_licenses_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r'^version: "(.*)"$', citation, re.M) == [project["version"]]
    assert re.findall(r"^license: (.*)$", citation, re.M) == [project["license"]] == ["MIT"]
    assert f"## {project['version']}" in text_of(ROOT / "CHANGELOG.md")
    assert all((ROOT / name).is_file() for name in project["license-files"])
    readme, texts = text_of(ROOT / "README.md"), (ROOT / "LICENSE-docs").read_text(encoding="utf-8")
    assert "https://creativecommons.org/licenses/by/4.0/" in texts
    assert "(LICENSE-docs)" in readme
    assert "(LICENSE)" in readme


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


def test_the_figures_in_the_documents_are_what_the_benchmark_measured(figures):
    assert figures.main(["--check"]) == 0
    machine = figures.measured("h100_jax.json")["machine"]
    assert machine["backend"] == "jax"
    assert machine["gpu"] in text_of(ROOT / "docs" / "performance.md").replace("\n", " ")


def test_a_figure_that_changed_changes_its_table(figures):
    page, readme = text_of(ROOT / "docs" / "performance.md"), text_of(ROOT / "README.md")
    found = figures.measured("processor.json")
    found["races"]["Adam, content, one size, float32"]["evaluations"] += 1000
    for run in found["evaluations"]:
        run["share"] = 0.4
    changed = figures.with_tables(page, {"processor": figures.processor(found)})
    assert "Adam 1313 evaluations" in changed
    assert "40 % and 40 % in float32" in changed
    found["sooner"]["L-BFGS as in the PyTorch tutorial"]["seconds"] = 1234.0
    assert "1234 s" in figures.with_tables(readme, {"speed": figures.speed(found)})
    on_gpu = figures.measured("h100_jax.json")
    on_gpu["pictures"][0]["again"] = 123.4
    assert "14 and 123 s" in figures.gpu(on_gpu)
    with pytest.raises(ValueError, match="There are 0 places for the table 'speed'"):
        figures.with_tables(page, {"speed": ""})
