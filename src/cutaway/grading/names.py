"""What a test may find on its own side, and what it must ask the submission for: read from the release's sources.

Students may not change locked cells, so what these import, define and set to plain values is the tests' own. What
any released cell imports names a module, and a module's name means the tests' own. Everything else is asked for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

Statements = list[str]


def parsed(source: str) -> ast.Module:
    """The cell as Python has it; the lines that only IPython understands are left out, or with them the whole cell."""
    plain = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines())
    try:
        return ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def imports(sources: Iterable[str]) -> Statements:
    """The import statements at the top of cells."""
    return [ast.unparse(node) for source in sources for node in parsed(source).body if _is_import(node)]


def own(locked: Iterable[str], released: Iterable[str]) -> Statements:
    """What the tests' side runs before the first test."""
    given = [node for source in locked for node in parsed(source).body if _is_trusted(node)]
    return [*imports(released), *map(ast.unparse, given)]


def classes(released: Iterable[str], tests: Iterable[str]) -> list[str]:
    """The names under which the assignment asks for a class: defined in what is given, or used by a test."""
    defined = {node.name for source in released for node in _nodes(source) if isinstance(node, ast.ClassDef)}
    used = {node.id for source in tests for node in _nodes(source) if isinstance(node, ast.Name)}
    return sorted(defined | used)


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
