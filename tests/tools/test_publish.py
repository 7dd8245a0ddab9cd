"""The address of an instructor's repository in the lessons."""

import json
import re
import shutil
from pathlib import Path

import pytest

from helpers import CourseError
from helpers.files.bundled import NOTEBOOKS, lesson_files
from helpers.tools.command_line import main
from helpers.tools.publish import publish, publish_in_readme

LESSONS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def cells(path):
    return json.loads(path.read_text("utf-8"))["cells"]


def address(path):
    (cell,) = (cell for cell in cells(path) if "colab" in cell["metadata"].get("tags", []))
    return re.search(r'(?m)^REPOSITORY = "([^"]*)"', "".join(cell["source"]))[1]


def badges(path):
    return re.findall(
        r"\(https://colab\.research\.google\.com/github/([^)]*)\)", "".join(cells(path)[0]["source"])
    )


def test_the_lessons_agree_on_their_repository_and_each_badge_names_its_own_file():
    (repository,) = {address(path) for path in LESSONS}
    for path in LESSONS:
        if repository:
            assert [re.sub(r"/blob/[^/]+/", "/", opened) for opened in badges(path)] == [
                f"{repository}/notebooks/{path.name}"
            ]
        else:
            assert badges(path) == []


@pytest.fixture
def folder(tmp_path):
    for path in LESSONS:
        shutil.copy(path, tmp_path)
    return tmp_path


def test_publishing_changes_the_address_and_the_badge_and_nothing_else(folder):
    for repository, branch in (("an-owner/their.course", "main"), ("other/name", "autumn")):
        for path in publish(repository, branch, folder):
            assert address(path) == repository
            assert badges(path) == [f"{repository}/blob/{branch}/notebooks/{path.name}"]
            assert re.match(r"\[!\[[^]]*\]\([^)]*\)\]\([^)]*\)\n\n# ", "".join(cells(path)[0]["source"]))
            given = cells(NOTEBOOKS / path.name)
            changed = [n for n, (a, b) in enumerate(zip(given, cells(path), strict=True)) if a != b]
            assert changed == [0, 1]
    publish("", folder=folder)
    for path in LESSONS:
        assert address(folder / path.name) == ""
        assert badges(folder / path.name) == []


def test_an_unpublished_course_is_the_same_after_publishing_and_undoing_it(folder):
    publish("an-owner/their.course", folder=folder)
    publish("", folder=folder)
    if not address(LESSONS[0]):
        for path in LESSONS:
            assert (folder / path.name).read_text("utf-8") == path.read_text("utf-8")


@pytest.mark.parametrize(
    "name", ["owner", "a/b/c", "https://github.com/a/b", "a b/c", "../etc", 'a/b"', "-a/b"]
)
def test_an_invalid_repository_is_refused(name, folder, capsys):
    with pytest.raises(CourseError, match="OWNER/NAME"):
        publish(name, folder=folder)
    assert all(address(path) == address(NOTEBOOKS / path.name) for path in folder.glob("*.ipynb"))
    assert main(["publish", "--", name]) == 1
    assert "OWNER/NAME" in capsys.readouterr().err


def test_a_folder_without_lessons_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no lessons"):
        publish("a/b", folder=Path(tmp_path))


README = """See [a lesson](notebooks/00_start_here.ipynb).

| 0 | [Start here](notebooks/00_start_here.ipynb) | make a first transfer | 35 min |
| A1 | [How it is fast](notebooks/appendix/A1_how_it_is_fast.ipynb) | read a benchmark | 60 min |
"""


def test_the_readme_gets_a_badge_for_each_lesson_of_its_table_and_loses_it_again(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(README, encoding="utf-8")
    for repository, branch in (("an-owner/their.course", "main"), ("other/name", "autumn")):
        text = publish_in_readme(repository, branch, path).read_text("utf-8")
        opened = re.findall(r"\(https://colab\.research\.google\.com/github/([^)]*)\)", text)
        names = ("00_start_here.ipynb", "appendix/A1_how_it_is_fast.ipynb")
        assert opened == [f"{repository}/blob/{branch}/notebooks/{name}" for name in names]
        assert re.sub(r" \[!\[.*?\)\]\(.*?\)", "", text) == README
    assert publish_in_readme("", path=path).read_text("utf-8") == README


def test_every_lesson_has_a_row_for_its_badge_in_the_readme(tmp_path):
    path = tmp_path / "README.md"
    shutil.copy(NOTEBOOKS.parent / "README.md", path)
    text = publish_in_readme("an-owner/their.course", path=path).read_text("utf-8")
    for lesson in lesson_files():
        assert f"their.course/blob/main/notebooks/{lesson.relative_to(NOTEBOOKS).as_posix()})" in text
