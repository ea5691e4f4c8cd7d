"""What unmodified clients can do with the API: docs/clients.md, which the runs write and every run is held against."""
import os
import re

from cloud import ROOT

DOCUMENT = os.path.join(ROOT, "docs/clients.md")
INTRODUCTION = """# Clients

What was seen when unmodified clients from PyPI did everything they can do with a cloud of simulated hosts. The tests in
`Tests/System/test_client*.py` write these tables (`DARUMA_REWRITE_GOLDENS=1 DARUMA_FULL=1`) and fail when anything differs from them. Empty is what an
operation does not have.

PyPI's `cloudmonkey` (5.3.3.1) is for Python 2, which Debian 12 does not have, so no test drives it. By hand, under Python 2.7, it synchronises its
commands, lists, creates a network, deploys, stops and destroys an instance, and deletes the network.
"""


class Matrix:
    """One client's table: a row for each of its operations."""

    def __init__(self, title, first, columns, note=""):
        self.title, self.first, self.columns, self.note = title, first, columns, note
        self.rows = {}

    def saw(self, row, column, text):
        """Keeps the first of several looks unless a later one is worse."""
        cells = self.rows.setdefault(row, {})
        if cells.get(column, "works") == "works":
            cells[column] = re.sub(r"\s+", " ", text).replace("|", "/").strip()

    def settle(self, whole):
        """Holds what was seen against the document, or writes it there. `whole`: nothing else is to be in the table."""
        sections = read()
        known = sections.get(self.title, {"rows": {}})["rows"]
        if os.environ.get("DARUMA_REWRITE_GOLDENS") == "1":
            rows = {} if whole else dict(known)
            for row, cells in self.rows.items():
                rows[row] = {**rows.get(row, {}), **cells}
            sections[self.title] = {"head": self.head(), "rows": rows, "columns": self.columns}
            write(sections)
            return
        assert self.title in sections, f"docs/clients.md has nothing of {self.title}; {HINT}"
        assert sections[self.title]["head"] == self.head(), f"{self.title}; {HINT}"
        for row, cells in self.rows.items():
            for column, text in cells.items():
                told = known.get(row, {}).get(column, "")
                assert text == told, f"{self.title}, {row}, {column}: saw {text!r}, documented is {told!r}; {HINT}"
        if whole:
            assert set(known) == set(self.rows), f"{self.title}: {set(known) ^ set(self.rows)}; {HINT}"

    def head(self):
        lines = [self.note, ""] if self.note else []
        lines.append("| " + " | ".join([self.first, *self.columns]) + " |")
        lines.append("|" + "---|" * (1 + len(self.columns)))
        return "\n".join(lines)


def is_whole(request):
    """Whether all tests of the file run, not one again by itself."""
    running = {item.originalname for item in request.session.items if item.path == request.path}
    return running == {name for name in vars(request.module) if name.startswith("test_")}


HINT = "rewrite it with DARUMA_REWRITE_GOLDENS=1 DARUMA_FULL=1 and look at the difference"


def read():
    """The document's tables by title."""
    sections = {}
    if not os.path.exists(DOCUMENT):
        return sections
    for part in re.split(r"^## ", open(DOCUMENT).read(), flags=re.MULTILINE)[1:]:
        title, text = part.split("\n", 1)
        lines = text.strip().split("\n")
        rule = next(index for index, line in enumerate(lines) if line.startswith("|---"))
        columns = cells(lines[rule - 1])[1:]
        rows = {}
        for line in lines[rule + 1:]:
            name, *values = cells(line)
            rows[name.strip("`")] = {column: value for column, value in zip(columns, values) if value}
        sections[title] = {"head": "\n".join(lines[:rule + 1]), "rows": rows, "columns": columns}
    return sections


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def write(sections):
    text = INTRODUCTION
    for title, section in sorted(sections.items()):
        text += f"\n## {title}\n\n{section['head']}\n"
        for row, values in sorted(section["rows"].items()):
            text += "| " + " | ".join([f"`{row}`", *(values.get(column, "") for column in section["columns"])]) + " |\n"
    with open(DOCUMENT, "w") as file:
        file.write(text)


class Recorded:
    """A client whose calls are entered in a table, by the name of the method, and whose answers are its own."""

    def __init__(self, client, matrix, column, prefix=""):
        self.client, self.matrix, self.column, self.prefix = client, matrix, column, prefix

    def __getattr__(self, name):
        value = getattr(self.client, name)
        if not callable(value):
            return value

        def call(*arguments, **more):
            try:
                answer = value(*arguments, **more)
            except Exception as error:
                self.matrix.saw(self.prefix + name, self.column, f"{type(error).__name__}: {error}"[:200])
                raise
            self.matrix.saw(self.prefix + name, self.column, "works")
            return answer

        return call
