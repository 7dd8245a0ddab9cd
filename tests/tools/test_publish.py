"""The address of an instructor's repository in the course, and the workflow that makes its site."""

import json
import re
import shutil

import pytest
import yaml

from helpers import CourseError
from helpers.files.bundled import NOTEBOOKS, OUTPUT, ROOT, lesson_files
from helpers.tools.command_line import main
from helpers.tools.parser import parse
from helpers.tools.publish import publish, site_address

NAMES = [path.relative_to(ROOT).as_posix() for path in lesson_files()]


def cells(path):
    return json.loads(path.read_text("utf-8"))["cells"]


def address(path):
    (cell,) = (cell for cell in cells(path) if "colab" in cell["metadata"].get("tags", []))
    return re.search(r'(?m)^REPOSITORY = "([^"]*)"', "".join(cell["source"]))[1]


def opened_by(text):
    """What the badges in a text open in Colab."""
    return re.findall(r"\(https://colab\.research\.google\.com/github/([^)]*)\)", text)


def badges(path):
    return opened_by("".join(cells(path)[0]["source"]))


def contents(folder):
    """The bytes of every file below a folder."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def copy_of(folder):
    """A copy of those files of the course that a repository's name is written into, and of what they name."""
    shutil.copytree(NOTEBOOKS, folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    shutil.copytree(ROOT / ".github", folder / ".github")
    for name in ("README.md", "CITATION.cff", "course.py"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def course(tmp_path):
    """A copy of the course that is not published."""
    publish("", root=copy_of(tmp_path))
    return tmp_path


def test_the_lessons_agree_on_their_repository_and_each_badge_names_its_own_file():
    (repository,) = {address(ROOT / name) for name in NAMES}
    for name in NAMES:
        opened = [re.sub(r"/blob/[^/]+/", "/", each) for each in badges(ROOT / name)]
        assert opened == ([f"{repository}/{name}"] if repository else [])


def test_the_course_is_as_publish_writes_it(tmp_path):
    """Its README and the others are not changed by hand where the command would change them back."""
    before = contents(copy_of(tmp_path))
    branches = re.findall(r"/blob/([^/]+)/", "".join(cells(ROOT / NAMES[0])[0]["source"]))
    publish(address(ROOT / NAMES[0]), *branches, root=tmp_path)
    assert contents(tmp_path) == before


def test_publishing_changes_a_lesson_in_two_places(course):
    for repository, branch in (("an-owner/their.course", "main"), ("other/name", "autumn")):
        written = publish(repository, branch, course)
        for name in NAMES:
            path = course / name
            assert path in written
            assert address(path) == repository
            assert badges(path) == [f"{repository}/blob/{branch}/{name}"]
            assert re.match(r"\[!\[[^]]*\]\([^)]*\)\]\([^)]*\)\n\n# ", "".join(cells(path)[0]["source"]))
            given = cells(ROOT / name)
            changed = [n for n, (a, b) in enumerate(zip(given, cells(path), strict=True)) if a != b]
            assert changed == [0, 1]


def test_publishing_twice_is_publishing_once_and_can_be_undone(course):
    before = contents(course)
    publish("an-owner/their.course", "autumn", course)
    publish("An-Owner/course", root=course)
    once = contents(course)
    assert once.keys() - before.keys() == {course.joinpath(".github/workflows/pages.yml").relative_to(course)}
    publish("An-Owner/course", root=course)
    assert contents(course) == once
    publish("", root=course)
    assert contents(course) == before


def test_line_ends_of_windows_stay(course):
    for name in ("README.md", "CITATION.cff", NAMES[0]):
        path = course / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = contents(course)
    publish("an-owner/their.course", root=course)
    assert b"an-owner.github.io" in (course / "README.md").read_bytes()
    assert b"\n" not in (course / "CITATION.cff").read_bytes().replace(b"\r\n", b"")
    publish("", root=course)
    assert contents(course) == before


INVALID = [
    "owner",
    "a/b/c",
    "https://github.com/a/b",
    "a b/c",
    "../etc",
    'a/b"',
    "-a/b",
    "a-/b",
    "a/..",
    "a/b.git",
]


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_repository_changes_nothing(name, course, capsys):
    before = contents(course)
    with pytest.raises(CourseError, match="OWNER/NAME"):
        publish(name, root=course)
    assert contents(course) == before
    assert main(["publish", "--", name]) == 1
    assert "OWNER/NAME" in capsys.readouterr().err


@pytest.mark.parametrize("branch", ["", "-f", "a b", "a..b", '"', "a/", "/a", "main\n"])
def test_an_invalid_branch_changes_nothing(branch, course):
    before = contents(course)
    with pytest.raises(CourseError, match="branch"):
        publish("an-owner/course", branch, course)
    assert contents(course) == before


@pytest.mark.parametrize("name", ["README.md", "CITATION.cff"])
def test_a_missing_file_is_named_and_nothing_is_changed(name, course):
    (course / name).unlink()
    before = contents(course)
    with pytest.raises(FileNotFoundError, match=re.escape(name)):
        publish("an-owner/course", root=course)
    assert contents(course) == before


def test_a_folder_without_lessons_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no lessons"):
        publish("a/b", root=tmp_path)


def test_a_workflow_of_the_same_name_is_not_replaced(course):
    path = course / ".github" / "workflows" / "pages.yml"
    path.write_text("name: mine\n", "utf-8")
    for repository in ("an-owner/course", ""):
        with pytest.raises(FileExistsError, match="rename"):
            publish(repository, root=course)
    assert path.read_text("utf-8") == "name: mine\n"


TABLE = """See [a lesson](notebooks/00_start_here.ipynb).

| 0 | [Start here](notebooks/00_start_here.ipynb) | make a first transfer | 35 min |
| A1 | <img src="a.png" alt=""> | [Fast](notebooks/appendix/A1_how_it_is_fast.ipynb) | read a benchmark |
| [<img src="b.png">](notebooks/01_convolution.ipynb) | [Convolution](notebooks/01_convolution.ipynb) |
"""


def test_each_row_of_a_table_gets_one_badge_after_its_lesson(course):
    path = course / "README.md"
    path.write_text(TABLE, encoding="utf-8")
    for repository, branch in (("an-owner/their.course", "main"), ("other/name", "autumn")):
        publish(repository, branch, course)
        text = path.read_text("utf-8")
        stems = ("00_start_here", "appendix/A1_how_it_is_fast", "01_convolution")
        assert opened_by(text) == [f"{repository}/blob/{branch}/notebooks/{stem}.ipynb" for stem in stems]
        assert re.sub(r" \[!\[.*?\)\]\(.*?\)(?= \|)", "", text) == TABLE
    publish("", root=course)
    assert path.read_text("utf-8") == TABLE


@pytest.mark.parametrize(
    ("repository", "site"),
    [
        ("Owner/Course", "https://owner.github.io/Course/"),
        ("Owner/owner.github.io", "https://owner.github.io/"),
        ("owner/Owner.github.io", "https://owner.github.io/"),
        ("owner/other.github.io", "https://owner.github.io/other.github.io/"),
    ],
)
def test_a_repository_has_its_site(repository, site, course):
    assert site_address(repository) == site
    publish(repository, root=course)
    assert f"The lessons with all outputs: <{site}>\n" in (course / "README.md").read_text("utf-8")
    citation = yaml.safe_load((course / "CITATION.cff").read_text("utf-8"))
    assert citation["url"] == site
    assert citation["repository-code"] == f"https://github.com/{repository}"


def test_every_address_of_the_repository_leads_to_what_it_has(course):
    publish("an-owner/course", "autumn", course)
    text = (course / "README.md").read_text("utf-8")
    opened = opened_by(text) + [each for name in NAMES for each in badges(course / name)]
    assert len(opened) == 2 * len(NAMES)
    assert all((course / each.removeprefix("an-owner/course/blob/autumn/")).is_file() for each in opened)
    assert set(opened_by(text)) == {f"an-owner/course/blob/autumn/{name}" for name in NAMES}
    assert text.count("(https://codespaces.new/an-owner/course)") == 1
    assert len(text.splitlines()) <= 130


CFF_KEYS = {"cff-version", "message", "title", "abstract", "authors", "commit", "contact", "date-released"}
CFF_KEYS |= {"doi", "identifiers", "keywords", "license", "license-url", "preferred-citation", "references"}
CFF_KEYS |= {"repository", "repository-artifact", "repository-code", "type", "url", "version"}
"""What the schema of the Citation File Format 1.2.0 allows at the top."""


def test_the_citation_keeps_to_its_schema(course):
    before = yaml.safe_load((course / "CITATION.cff").read_text("utf-8"))
    assert not {"repository-code", "url"} & before.keys()
    publish("an-owner/their.course", root=course)
    after = yaml.safe_load((course / "CITATION.cff").read_text("utf-8"))
    assert set(after) <= CFF_KEYS
    assert {"cff-version", "message", "title", "authors"} <= after.keys()
    assert {key: after[key] for key in before} == before
    for key in after.keys() - before.keys():
        assert re.fullmatch(r"https://[a-z.-]+/[\w./-]*", after[key])


def steps_of(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_the_workflow_runs_the_lessons_and_deploys_what_they_write(course):
    publish("an-owner/course", "autumn", course)
    text = (course / ".github" / "workflows" / "pages.yml").read_text("utf-8")
    workflow = yaml.load(text, yaml.BaseLoader)
    assert workflow["on"]["push"] == {"branches": ["autumn"], "paths": [".github/workflows/pages.yml"]}
    assert {"schedule", "workflow_dispatch"} < workflow["on"].keys()
    assert workflow["concurrency"] == {"group": "pages", "cancel-in-progress": "false"}
    (command,) = (step["run"] for step in steps_of(workflow) if "run" in step)
    python, script, *arguments = command.split()
    assert python == "python3"
    assert (course / script).is_file()
    (upload,) = (step for step in steps_of(workflow) if "upload-pages-artifact" in step.get("uses", ""))
    assert parse(arguments).output == ROOT / upload["with"]["path"] == OUTPUT / "site"
    assert workflow["jobs"]["deploy"]["needs"] == "build"


def test_only_the_deployment_may_write(course):
    publish("an-owner/course", root=course)
    text = (course / ".github" / "workflows" / "pages.yml").read_text("utf-8")
    workflow = yaml.load(text, yaml.BaseLoader)
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["build"]["permissions"] == {"contents": "read", "pages": "read"}
    assert workflow["jobs"]["deploy"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert all(int(job["timeout-minutes"]) <= 90 for job in workflow["jobs"].values())


def test_every_action_is_pinned_and_an_action_has_one_version(course):
    publish("an-owner/course", root=course)
    pins = {}
    for path in (course / ".github" / "workflows").glob("*.yml"):
        for line in re.findall(r"uses: .*", path.read_text("utf-8")):
            action, commit = re.fullmatch(r"uses: ([\w/-]+)@([0-9a-f]{40}  # v\d+\.\d+\.\d+)", line).groups()
            pins.setdefault(action, set()).add(commit)
    assert len(pins) == 6
    assert all(len(commits) == 1 for commits in pins.values())
