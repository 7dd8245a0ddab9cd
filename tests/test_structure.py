"""The order of the modules, the names a reader imports, and what must not stand in the project."""

import ast
import re
from pathlib import Path

import pytest

import helpers

ROOT = Path(__file__).parent.parent
ORDER = (
    "errors",
    "files",
    "decoding",
    "images",
    "colour",
    "presets",
    "backend",
    "display",
    "figures",
    "winograd",
    "vgg",
    "losses",
    "terms",
    "objectives",
    "optimizers",
    "memory",
    "synthesis",
    "arguments",
    "checkpoint",
    "recipes",
    "literature",
    "film",
    "settings",
    "lessons",
    "studio",
    "exercises",
    "checks",
    "results",
    "gallery",
    "publish",
    "pages",
    "benchmark",
)


def imported_by(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("helpers."):
            yield node.module.split(".")[1]


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_from_those_before_it(module):
    allowed = set(ORDER[: ORDER.index(module)])
    assert set(imported_by(ROOT / "helpers" / f"{module}.py")) <= allowed


def test_every_module_has_its_place_in_the_order():
    modules = {path.stem for path in (ROOT / "helpers").glob("*.py")}
    assert modules == {*ORDER, "__init__", "__main__"}


def test_only_the_backend_knows_which_framework_computes():
    for path in (ROOT / "helpers").glob("*.py"):
        if path.stem != "backend":
            assert not re.search(r"^\s*(import|from) (tensorflow|torch|jax)", path.read_text("utf-8"), re.M)


def test_every_public_name_is_there_and_says_what_it_is():
    for name in helpers.__all__:
        value = getattr(helpers, name)
        if callable(value):
            assert value.__doc__, name
    with pytest.raises(AttributeError, match="paint"):
        helpers.paint  # noqa: B018


def test_the_helpers_start_without_a_word(run_python):
    code = "import helpers; helpers.vgg19('random'); helpers.gram_matrix"
    done = run_python("-c", code, check=True)
    assert done.stdout == ""
    assert done.stderr == ""


def test_no_file_names_a_package_index():
    hosts = ("py" + "pi.org", "python" + "hosted", "--index" + "-url", "--find" + "-links")
    for path in [*ROOT.glob("*.*"), *ROOT.glob("helpers/**/*.py"), *ROOT.glob("notebooks/*")]:
        if path.is_file() and path.suffix not in (".npz", ".png"):
            text = path.read_text(encoding="utf-8")
            assert not any(host in text for host in hosts), path
