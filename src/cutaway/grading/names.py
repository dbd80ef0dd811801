"""What a test may find on its own side, and what it must ask the submission for: read from the release's sources.

Students may not change locked cells, so what these import, define and set is the tests' own, as far as it comes about
without the submission. What any released cell imports names a module, and a module's name means the tests' own. What
only tests define is never asked for: a test that has failed before it came to that would let a student define it.
Everything else is asked for, and so is a built-in name to which the teacher's answers give another meaning.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable, Iterator

Statements = list[str]


def parsed(source: str) -> ast.Module:
    """The cell as Python has it; the lines that only IPython understands are left out, or with them the whole cell."""
    plain = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines())
    try:
        return ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def bound(sources: Iterable[str]) -> set[str]:
    """The names to which these cells give a value at their top."""
    tables = [symtable.symtable(ast.unparse(parsed(source)), "", "exec") for source in sources]
    symbols = [each for table in tables for each in table.get_symbols()]
    return {each.get_name() for each in symbols if each.is_assigned() or each.is_imported()}


def imports(sources: Iterable[str]) -> Statements:
    """The import statements at the top of cells."""
    return [ast.unparse(node) for source in sources for node in parsed(source).body if _is_import(node)]


def own(locked: Iterable[str], released: Iterable[str]) -> Statements:
    """What the tests' side runs before the first test."""
    given = [node for source in locked for node in parsed(source).body if _is_trusted(node)]
    return [*imports(released), *map(ast.unparse, given)]


def given(locked: Iterable[str], tests: Iterable[str]) -> Statements:
    """What a locked cell sets, by more than plain values, and tests use: tried on the tests' side, too.

    It may take the submission to come about, or be what students are to change; then it is asked for.
    """
    needed = {node.id for source in tests for node in _nodes(source) if isinstance(node, ast.Name)}
    kept: list[ast.stmt] = []
    for node in reversed([node for source in locked for node in parsed(source).body]):
        if isinstance(node, ast.Assign) and not _is_trusted(node) and needed & bound([ast.unparse(node)]):
            needed |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            kept.insert(0, node)
    return [*map(ast.unparse, kept)]


def classes(sources: Iterable[str], tests: Iterable[str] = ()) -> list[str]:
    """What the assignment asks of classes, as `Class.operation`; just `Class` where that cannot be told.

    That is when it extends another, or when there is no answer of the teacher's and a test only names it.
    """
    found = {node.id for source in tests for node in _nodes(source) if isinstance(node, ast.Name)}
    for node in (node for source in sources for node in _nodes(source) if isinstance(node, ast.ClassDef)):
        if [each for each in node.bases if ast.unparse(each) != "object"]:
            found.add(node.name)
        found |= {f"{node.name}.{operation}" for operation in _operations(node)}
    return sorted(found)


def _operations(defined: ast.ClassDef) -> set[str]:
    names = {name.strip("_") for name in bound([ast.unparse(ast.Module(defined.body, []))])}
    return names | ({"contains"} if names & {"iter", "getitem"} else set())


def packages(sources: Iterable[str]) -> list[str]:
    """The modules that these cells import, for the warm parent to have loaded."""
    found: set[str] = set()
    for source in sources:
        for node in _nodes(source):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
    return sorted(found)


def _nodes(source: str) -> Iterator[ast.AST]:
    return ast.walk(parsed(source))


def _is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _is_trusted(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) for target in node.targets) and _is_literal(node.value)
    return isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom)


def _is_literal(node: ast.AST) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
