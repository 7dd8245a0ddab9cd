"""The parts of a lesson that a handout treats in its own way: exercises, solutions, open exercises, links."""

import ast
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from helpers.errors import ArgumentError

_FOLDED = r"<details><summary>{}</summary>\n*(.*?)\n*</details>\n*"
RUBRIC = re.compile(_FOLDED.format("What a good answer contains"), re.S)
"""What an open exercise says about a good answer, folded."""

_SOLUTION = re.compile(_FOLDED.format("Solution"), re.S)
_CODE = re.compile(r"```python\n(.*?)```\n*", re.S)
BADGE = r"\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)"
"""A badge in Markdown that opens a lesson in Colab."""

_LESSON_LINK = re.compile(r"\[([^]]*)\]\((?:[./\w-]*/)?(\w\d_\w+)\.ipynb(#[^)]*|)\)")
_DOCUMENT_LINK = re.compile(r"\]\([./]*/docs/([\w-]+\.md)")


class Exercise(NamedTuple):
    """The three cells of an exercise: what the student fills in, its check, and the folded solution."""

    stub: Any
    check: Any
    solution: Any

    @property
    def name(self) -> str:
        """The name under which the check knows the exercise, such as ``"gram_matrix"``."""
        return re.search(r'check\("(\w+)"', self.check.source)[1]

    @property
    def code(self) -> str:
        """The function of the solution, without a line break at its end."""
        return _CODE.search(self.solution.source)[1].rstrip()

    @property
    def remarks(self) -> str:
        """What the solution says beside its code; mostly nothing."""
        return _CODE.sub("", _SOLUTION.sub(r"\1", self.solution.source)).strip()


def tags_of(cell: Any) -> list[str]:
    """The tags of a cell."""
    return list(cell.metadata.get("tags", ()))


def exercises_of(notebook: Any) -> list[Exercise]:
    """The exercises of a lesson (``nbformat``), in order.

    Raises ``ArgumentError`` where an exercise, its check and its solution do not follow one another.
    """
    kinds = ("exercise", "check", "solution")
    parts = [(tag, cell) for cell in notebook.cells for tag in tags_of(cell) if tag in kinds]
    exercises = []
    for first in range(0, len(parts), 3):
        tags, cells = zip(*parts[first : first + 3], strict=True)
        if tags != kinds or "check(" not in cells[1].source or not _CODE.search(cells[2].source):
            raise ArgumentError(f"The exercise in cell {cells[0].id} needs a check and a solution with code.")
        exercises.append(Exercise(*cells))
    return exercises


def function_in(source: str) -> ast.FunctionDef:
    """The one function that a cell or a solution defines. Raises ``ArgumentError`` if it is not one."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1:
        raise ArgumentError(f"An exercise has one function, and not {len(functions)}: {source[:60]!r}.")
    return functions[0]


def header_and_body(source: str) -> tuple[list[str], list[str]]:
    """The lines of a function's header, up to its colon, and those of its body with all comments."""
    lines = source.splitlines()
    for count in range(1, len(lines)):
        try:
            ast.parse("\n".join([*lines[:count], "    pass"]))
        except SyntaxError:
            continue
        return lines[:count], lines[count:]
    raise ArgumentError(f"The body of a function begins on a line of its own: {source[:60]!r}.")


def with_function(source: str, code: str) -> str:
    """The source of an exercise's cell, in which ``code`` stands in place of its function."""
    function, lines = function_in(source), source.splitlines()
    lines[function.lineno - 1 : function.end_lineno] = code.splitlines()
    return "\n".join(lines)


def without_badge(source: str) -> str:
    """A lesson's first cell without the badge, which opens the lesson and not the handout."""
    return re.sub(f"{BADGE}\n\n", "", source)


def linked(source: str, targets: Mapping[str, str]) -> str:
    """Text whose links lead to other handouts, and to documents that are copied beside the handout.

    ``targets``: by the name of a lesson, where a link to it leads. A link to another lesson becomes its text.
    """

    def to_handout(link: re.Match) -> str:
        text, stem, anchor = link.groups()
        return f"[{text}]({targets[stem]}{anchor})" if stem in targets else text

    return _DOCUMENT_LINK.sub(r"](\1", _LESSON_LINK.sub(to_handout, source))


def linked_documents(notebook: Any) -> set[str]:
    """The names of those documents in ``docs/`` that a lesson links to, such as ``"glossary.md"``."""
    texts = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return {name for text in texts for name in _DOCUMENT_LINK.findall(text)}
