# ruff: noqa: E501 (templates of Java code)
"""Random well-typed Java: arithmetic in every type, conversions, arrays, and control flow that always ends."""

from __future__ import annotations

import random

NUMBERS = ("int", "long", "float", "double", "byte", "short", "char")
RANK = {"byte": 0, "short": 0, "char": 0, "int": 1, "long": 2, "float": 3, "double": 4}
CONSTANTS = {
    "int": ["0", "1", "-1", "7", "31", "255", "65536", "Integer.MAX_VALUE", "Integer.MIN_VALUE", "0x5bd1e995"],
    "long": ["0L", "1L", "-3L", "63L", "4294967296L", "Long.MAX_VALUE", "Long.MIN_VALUE", "0x9E3779B97F4A7C15L"],
    "float": ["0f", "-0f", "1.5f", "-2.25f", "1e10f", "3.4e38f", "Float.NaN", "0.1f", "Float.MIN_VALUE"],
    "double": ["0.0", "-0.0", "0.1", "1e300", "-7.5", "Double.NaN", "1.0 / 3", "Double.MIN_VALUE", "123456789.125"],
}


class Program:
    """One class with a few methods; `Program(seed).source` is its text."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.name = f"Fuzz{seed}"
        self.methods: list[tuple[str, str, list[str]]] = []  # name, result type, parameter types
        self.serial = 0
        bodies = [self.method(number) for number in range(self.random.randint(2, 4))]
        calls = "".join(self.caller(*method) for method in self.methods)
        self.source = f"public class {self.name} {{\n{''.join(bodies)}    public static void main(String[] args) {{\n{calls}    }}\n}}\n"

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def method(self, number: int) -> str:
        result, parameters = self.pick(*NUMBERS[:4]), [self.pick(*NUMBERS) for _ in range(self.random.randint(1, 3))]
        scope = {f"p{at}": kind for at, kind in enumerate(parameters)}
        self.constants = set()  # type: ignore[var-annotated]
        heading = ", ".join(f"{kind} {name}" for name, kind in scope.items())
        lines = [f"int[] array = {{{', '.join(self.literal('int') for _ in range(8))}}};", "boolean flag = false;"]
        for name, kind in (("a", "int"), ("b", "long"), ("c", "double"), ("d", "float"), ("e", "byte"), ("f", "char")):
            lines.append(f"{kind} {name} = ({kind}) ({self.expression('int', scope, 1)});")
            scope[name] = kind
        lines += self.block(scope, 3)
        lines.append(
            f"return ({result}) ({self.expression(result, scope, 2)} + a + b + (int) c + e + f + array[3] + (flag ? 1 : 0));"
        )
        name = f"m{number}"
        self.methods.append((name, result, parameters))
        body = "\n        ".join(lines)
        return f"    static {result} {name}({heading}) {{\n        {body}\n    }}\n"

    def caller(self, name: str, result: str, parameters: list[str]) -> str:
        lines = []
        for _ in range(3):
            arguments = ", ".join(f"({kind}) {self.literal(self.widened(kind))}" for kind in parameters)
            lines.append(
                f"        try {{ System.out.println({name}({arguments})); }} catch (RuntimeException x) {{ System.out.println(x); }}\n"
            )
        return "".join(lines)

    def widened(self, kind: str) -> str:
        return kind if kind in CONSTANTS else "int"

    def literal(self, kind: str) -> str:
        if kind == "int" and self.random.random() < 0.5:
            return str(self.random.randint(-100, 100))
        return self.pick(*CONSTANTS[kind])

    def block(self, scope: dict[str, str], depth: int) -> list[str]:
        lines = []
        for _ in range(self.random.randint(2, 4)):
            lines += self.statement(dict(scope), depth)
        return lines

    def statement(self, scope: dict[str, str], depth: int) -> list[str]:
        choice = self.random.random()
        if depth == 0 or choice < 0.4:
            return [self.assignment(scope)]
        inner = ["    " + line for line in self.block(scope, depth - 1)]
        if choice < 0.55:
            other = ["    " + line for line in self.block(scope, depth - 1)]
            return [f"if ({self.condition(scope, 2)}) {{", *inner, "} else {", *other, "}"]
        self.serial += 1
        counter = f"i{self.serial}"
        if choice < 0.7:
            bound = self.random.randint(1, 6)
            leave = self.pick(
                "", f"    if ({self.condition(scope, 1)}) break;", f"    if ({self.condition(scope, 1)}) continue;"
            )
            return [
                f"for (int {counter} = 0; {counter} < {bound}; {counter}++) {{",
                f"    a += {counter};",
                leave,
                *inner,
                "}",
            ]
        if choice < 0.8:
            return [
                f"int {counter} = {self.random.randint(2, 5)};",
                f"while ({counter}-- > 0 && {self.condition(scope, 1)}) {{",
                *inner,
                "}",
            ]
        if choice < 0.9:
            cases = []
            for number in range(3):
                cases += [
                    f"    case {number * self.pick_int(1, 50) + number}:",
                    f"        {self.assignment(scope)}",
                    self.pick("        break;", ""),
                ]
            return [
                f"switch ({self.expression('int', scope, 1)} & 3) {{",
                *self.distinct(cases),
                "    default:",
                *inner,
                "}",
            ]
        caught = self.pick("ArithmeticException", "ArrayIndexOutOfBoundsException", "RuntimeException")
        last = ["} finally {", "    b ^= 5;"] if self.random.random() < 0.5 else []
        return [
            "try {",
            *inner,
            f"    a = array[{self.expression('int', scope, 1)} & 15] / (a & 3);",
            f"}} catch ({caught} x) {{",
            "    a ^= 77;",
            *last,
            "}",
        ]

    def pick_int(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def distinct(self, cases: list[str]) -> list[str]:
        """Case labels must differ."""
        seen: set[str] = set()
        for at, line in enumerate(cases):
            if line.strip().startswith("case"):
                label = line.strip()[5:-1]
                while label in seen:
                    label = str(int(label) + 1)
                seen.add(label)
                cases[at] = f"    case {label}:"
        return cases

    def assignment(self, scope: dict[str, str]) -> str:
        choice = self.random.random()
        if choice < 0.15:
            return f"array[{self.expression('int', scope, 1)} & 7] {self.pick('=', '+=', '^=', '<<=', '*=')} {self.expression('int', scope, 2)};"
        if choice < 0.22:
            return f"flag {self.pick('=', '^=', '|=', '&=')} {self.condition(scope, 2)};"
        name = self.pick("a", "b", "c", "d", "e", "f")
        kind = scope[name]
        if choice < 0.35:
            return f"{name}{self.pick('++', '--')};"
        if choice < 0.6:
            signs = ("+=", "-=", "*=") if RANK[kind] > 2 else ("+=", "-=", "*=", "^=", "|=", "&=", "<<=", ">>=", ">>>=")
            value = self.expression("int" if RANK[kind] <= 2 else "double", scope, 2)
            return f"{name} {self.pick(*signs)} {value};"
        return f"{name} = ({kind}) ({self.expression(self.pick(*NUMBERS[:4]), scope, 3)});"

    def condition(self, scope: dict[str, str], depth: int) -> str:
        choice = self.random.random()
        if depth and choice < 0.3:
            return f"({self.condition(scope, depth - 1)} {self.pick('&&', '||', '^', '&', '|')} {self.condition(scope, depth - 1)})"
        if choice < 0.4:
            return f"!({self.condition(scope, 0)})"
        kind = self.pick(*NUMBERS[:4])
        return f"{self.expression(kind, scope, 1)} {self.pick('<', '<=', '>', '>=', '==', '!=')} {self.expression(kind, scope, 1)}"

    def expression(self, kind: str, scope: dict[str, str], depth: int) -> str:
        """An expression of type `kind` (or one that widens to it)."""
        choice = self.random.random()
        if depth == 0 or choice < 0.15:
            fitting = [name for name, other in scope.items() if RANK[other] <= RANK[kind]]
            return self.pick(*fitting) if fitting and self.random.random() < 0.7 else self.literal(kind)
        if choice < 0.25:
            return f"({kind}) ({self.expression(self.pick(*NUMBERS[:4]), scope, depth - 1)})"
        if choice < 0.32:
            return f"({self.condition(scope, depth - 1)} ? {self.expression(kind, scope, depth - 1)} : {self.expression(kind, scope, depth - 1)})"
        if choice < 0.38:
            return (
                f"(-{self.pick('', '~') if kind in ('int', 'long') else ''}({self.expression(kind, scope, depth - 1)}))"
            )
        if choice < 0.45 and self.methods:
            name, result, parameters = self.random.choice(self.methods)
            if RANK[result] <= RANK[kind]:
                arguments = ", ".join(f"({each}) ({self.expression('int', scope, 0)})" for each in parameters)
                return f"{name}({arguments})"
        if kind == "int" and choice < 0.5:
            return f"array[{self.expression('int', scope, depth - 1)} & 7]"
        left, right = self.expression(kind, scope, depth - 1), self.expression(kind, scope, depth - 1)
        if kind in ("int", "long"):
            sign = self.pick("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", ">>>", "+", "-", "*")
            return f"({left} {sign} ({right}{' | 1' if sign in '/%' and self.random.random() < 0.8 else ''}))"
        return f"({left} {self.pick('+', '-', '*', '/', '%')} {right})"


def driver(name: str, programs: list[Program]) -> str:
    """A class that runs many programs, so that `java` starts once."""
    calls = "\n".join(f'        System.out.println("{each.name}"); {each.name}.main(args);' for each in programs)
    return f"public class {name} {{\n    public static void main(String[] args) {{\n{calls}\n    }}\n}}\n"
