"""Lab 02, Opcodes for the JVM: what each task asks for, held against what `java` says of a class made on the spot.

Every examination writes one Java class with numbers that nobody could know before. `javac` compiles it and `java` says
what each of its methods gives; the learner's functions are asked for the same, with plain values. So the truth is
Java's, and a right machine is right for any class. The last check asks about the learner's own class.
"""

from __future__ import annotations

import json
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from random import SystemRandom
from typing import Any, NamedTuple

from cutaway.check.bench import DOES_NOT_RETURN, READ_IT, Bench
from cutaway.check.contract import CannotRun, Missed, asks
from cutaway.check.javac import Plain, compiled, own_source, plain
from cutaway.problem import Problem

JAVA = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
JAVA_S = 60  # on a busy machine
LOWEST, HIGHEST = -(1 << 31), (1 << 31) - 1
LOWEST_LONG = -(1 << 63)

Question = tuple[str, tuple[int, ...]]  # a method, and what it is given

# --- The class, and what it is asked ---------------------------------------------

OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "rem": "%", "and": "&", "or": "|", "xor": "^", "shl": "<<",
    "shr": ">>", "ushr": ">>>",
}  # fmt: skip
OF_LONGS = {f"l{name}" for name in (*OPERATORS, "neg", "cmp")}
CONDITIONS = ("==", "!=", "<", ">=", ">", "<=")

METHODS = """
    static byte i2b(int a) { return (byte) a; }
    static short i2s(int a) { return (short) a; }
    static char i2c(int a) { return (char) a; }
    static long lneg(long a) { return -a; }
    static int lcmp(long a, long b) { return Long.compare(a, b); }
    static int negative() { return -1; }
    static int small() { return -SMALL; }
    static int middle() { return -MIDDLE; }
    static int large() { return -LARGE; }
    static long huge() { return -HUGEL; }
    static long single() { return 1; }
    static double none() { return 0; }
    static double one() { return 1; }
    static double part() { return 0.SMALL; }
    static int twice(int a) { int b, c; b = c = a; return b * c; }
    static int minus(int a, int b, int c) { int d = a - b; return d / c; }
    static int powers(int a, int b) { int c = 3; return c << a << b % c; }
    static int down(int a) { int b = a; b -= STEP; return b; }
    static int up(int a) { a++; a++; return a; }
    static int sum(int n) { int s = START; for (int i = n; i != 0; i--) s += i; return s; }
    static int halve(int n) { int s = 0; for (; n != 1; s++) if (n % 2 == 0) n /= 2; else n = 3 * n + 1; return s; }
    static int choose(int a, int b) { return a - (b > 0 ? SMALL : 7); }
    static int larger(int a, int b) { return a - (a > b ? a : b) * 3; }
    static int outer(int a, int b) { return inner(a, b, 3); }
    static int inner(int a, int b, int c) { return (a - b) * c; }
    static int power(int a, int n) { return n == 0 ? 1 : a * power(a, n - 1); }
    static int less(int a) { return a - fixed(); }
    static int fixed() { return SMALL; }
    static int behind(int a) { return pick(HUGEL, a, 0.5, a + 1); }
    static int pick(long a, int b, double c, int d) { return b - d * SMALL; }
    static void silent(int a, long b) { }
    static int low(int a, int b) { long p = (long) a * b; return (int) (p + HUGEL); }
    static int ordered(int a, int b) { long x = a, y = b; return (x < y ? 1 : 0) + (x > y ? 2 : 0) + (x == y ? 4 : 0); }
    static int ratio(int a, int b) { return (int) ((double) a / b); }
    static long far(int a, int b) { return (long) ((double) a / b * 1e12); }
    static int lost(int a, int b) { return (int) ((double) a / b / b); }
    static double opposite(int a) { return -(double) a; }
    static double same(int a) { return HUGEL - a; }
    static int under(int a) { double zero = -(double) a; return (int) (1 / zero); }
    static int apart(int a, int b) { double x = (double) a / b; return x < SMALL ? 1 : x > SMALL ? 2 : 4; }
"""


def numbers() -> dict[str, int]:
    """What is written into the class, and what its methods are given."""
    draw = SystemRandom().randrange
    return {
        "SMALL": draw(50, 120), "MIDDLE": draw(5_000, 30_000), "LARGE": draw(70_000, HIGHEST), "STEP": draw(20, 100),
        "HUGE": draw(1 << 58, 1 << 60), "START": draw(999), "A": draw(300_000, 900_000), "B": draw(8_000, 9_000),
        "C": draw(3, 9), "D": draw(100, 999),
    }  # fmt: skip


def questions(drawn: dict[str, int]) -> dict[str, list[Question]]:
    """What is asked, by the check that asks it."""
    a, b, c, huge = (drawn[name] for name in ("A", "B", "C", "HUGE"))
    return {
        "wrap": [("iadd", (HIGHEST - c, a)), ("isub", (c, a)), ("imul", (a, -b))],
        "bits": [("iand", (-a, b)), ("ior", (-a, b)), ("ixor", (a, -b))],
        "divide": [("idiv", (LOWEST, -1)), ("idiv", (-7, 2)), ("idiv", (-a, c)), ("idiv", (a, -c)), ("irem", (-7, 2)),
                   ("irem", (-a, c)), ("irem", (a, -c))],
        "zero": [("idiv", (a, 0)), ("irem", (-a, 0))],
        "shift": [("ishl", (b, 31 - c)), ("ishr", (-a, 32 + c)), ("ishr", (-a, -30)), ("iushr", (-a, 32 + c)),
                  ("iushr", (-a, 0))],
        "constants": [("negative", ()), ("small", ()), ("middle", ()), ("large", ()), ("huge", ()), ("single", ()),
                      ("none", ()), ("one", ()), ("part", ())],
        "dup": [("twice", (c,))],
        "order": [("minus", (a, b, c)), ("powers", (c, b))],
        "count": [("down", (b,)), ("up", (HIGHEST,))],
        "conditions": [("signs", (each,)) for each in (-c, 0, b)],
        "two": [("pairs", each) for each in ((c, b), (b, b), (b, -c))],
        "loop": [("sum", (c * 10,)), ("halve", (c,))],
        "taken": [("choose", (a, b)), ("choose", (a, -b)), ("larger", (a, b))],
        "arguments": [("outer", (a, b)), ("power", (-c, 5))],
        "nothing": [("less", (a,))],
        "wide": [("behind", (b,))],
        "long": [("low", (a, -b)), ("ordered", (a, b)), ("ordered", (b, b)), ("lmul", (huge, a)),
                 ("ladd", (huge * 7, huge)), ("lsub", (c, huge)), ("lneg", (huge,)), ("lneg", (LOWEST_LONG,))],
        "longer": [("lcmp", (huge, a)), ("lcmp", (-huge, a)), ("lcmp", (huge, huge))],
        "longbits": [("land", (-huge, a)), ("lxor", (huge, -a)), ("lshl", (a, 33 + c)),
                     ("lshr", (-huge, 33 + c)), ("lushr", (-huge, 33 + c)), ("lushr", (-huge, 64 + c))],
        "narrow": [("i2b", (200,)), ("i2b", (-a,)), ("i2s", (40_000,)), ("i2s", (a,)), ("i2c", (-1,)), ("i2c", (a,))],
        "double": [("ratio", (-7, 2)), ("ratio", (a, 0)), ("ratio", (-a, 0)), ("ratio", (0, 0)), ("far", (a, c)),
                   ("far", (-a, 0)), ("lost", (0, 0)), ("lost", (-a, 0)), ("under", (0,))],
        "kinds": [("opposite", (a,)), ("opposite", (0,)), ("same", (b,))],
        "apart": [("apart", (0, 0)), ("apart", (a, b)), ("apart", (-a, 0))],
        "own": [("own", (each,)) for each in (1, c, drawn["D"])],
    }  # fmt: skip


class Fresh(NamedTuple):
    """A class made on the spot, and the learner's own: taken apart, and what `java` says of each question."""

    methods: dict[str, tuple[Plain, str]]  # by name: the class, and the name with its types
    sources: dict[str, str]  # the lines that declare a method and those that it calls
    questions: dict[str, list[Question]]
    answers: dict[Question, str]
    drawn: dict[str, int]


@lru_cache(maxsize=1)
def fresh(bench: Bench) -> Fresh:
    """The classes of this examination."""
    drawn = numbers()
    asked = questions(drawn)
    every = [question for group in asked.values() for question in group]
    source, own = class_of(drawn), own_source(bench.learner.random("own"))
    folder = bench.folder("fresh")
    said = ran(f"class Fresh {{{source}}}\n{own}{main_of(every)}", folder)
    classes = [plain(Path(folder, f"{name}.class").read_bytes()) for name in ("Fresh", "Own")]
    methods = {key.partition("(")[0]: (klass, key) for klass in classes for key in klass["methods"]}
    return Fresh(methods, declarations(source), asked, dict(zip(every, said, strict=True)), drawn)


def declarations(source: str) -> dict[str, str]:
    """By method: the line that declares it, and the lines of those that it calls."""
    lines = {name: line.strip() for line in source.splitlines() for name in re.findall(r"static \w+ (\w+)\(", line)}
    return {
        name: " ".join(lines[each] for each in lines if re.search(rf"\b{each}\(", line)) for name, line in lines.items()
    }


def class_of(drawn: dict[str, int]) -> str:
    """The methods with their numbers written in, and those that come by the dozen."""
    source = re.sub("|".join(drawn), lambda found: str(drawn[found[0]]), METHODS)
    for letter, kind in (("i", "int"), ("l", "long")):
        for name, sign in OPERATORS.items():
            source += f"    static {kind} {letter}{name}({kind} a, {kind} b) {{ return a {sign} b; }}\n"
    for name, given, other in (("signs", "int a", "0"), ("pairs", "int a, int b", "b")):
        tests = " ".join(f"if (a {sign} {other}) s += {1 << at};" for at, sign in enumerate(CONDITIONS))
        source += f"    static int {name}({given}) {{ int s = 0; {tests} return s; }}\n"
    return source


def main_of(every: list[Question]) -> str:
    """A class that prints an answer for each question, one a line."""
    says = "\n".join(
        f"        try {{ say({_call(each)}); }} catch (ArithmeticException e) {{ say(e); }}" for each in every
    )
    return (
        "class Main {\n    static void say(Object o) { System.out.println(o instanceof Character c ? (int) c : o); }\n"
        f"    public static void main(String[] words) {{\n{says}\n    }}\n}}\n"
    )


def _call(question: Question) -> str:
    method, values = question
    written = ", ".join(f"{value}L" if method in OF_LONGS else str(value) for value in values)
    return f"{'Own' if method == 'own' else 'Fresh'}.{method}({written})"


def ran(source: str, folder: str) -> list[str]:
    """What `Main` of these classes prints, line by line."""
    try:
        compiled(source, folder)
        done = subprocess.run(
            [*JAVA, "-cp", folder, "Main"], capture_output=True, text=True, timeout=JAVA_S, check=True
        )
    except (Problem, FileNotFoundError) as missing:
        raise CannotRun(str(missing)) from None
    return done.stdout.splitlines()


# --- Asking ----------------------------------------------------------------------


def answers(bench: Bench, group: str, hint: str) -> None:
    """For every question of the group, the learner's machine gives what java says."""
    made = fresh(bench)
    for question in made.questions[group]:
        said = made.answers[question]
        wanted = float(said) if "." in said else int(said)
        function, returned, asked = asked_of(bench, made, question)
        if repr(returned) != repr(wanted):  # 1 is not 1.0, and 0.0 is not -0.0
            raise missed(f"{asked}: java says {wanted}, and {function} gave {shown(returned)}", hint)


def asked_of(bench: Bench, made: Fresh, question: Question) -> tuple[str, object, str]:
    """The learner's function that knows, what it returned, and the question in words."""
    method, values = question
    given = " and ".join(map(str, values)) or "nothing"
    arguments: list[Any] = [method, *values]
    line = ", ".join(map(repr, arguments))
    if method[1:] in OPERATORS or method in OF_LONGS or method[1] == "2":
        function = "arithmetic" if method[0] == "i" and method[1] != "2" else "calculate"
        asked = f"{method} of {given}"
    else:
        klass, name = made.methods[method]
        function, arguments = "run", [klass, name, list(values)]
        asked = f"{made.sources.get(method, method)} with {given}"
        line = f"{in_a_cell(made, method)}, {name!r}, {list(values)}"
    return function, told(bench, asked, line, function, *arguments), asked


def in_a_cell(made: Fresh, method: str) -> str:
    """What a learner writes for the class in which the method stands; the page calls their own one `klass`."""
    source = made.sources.get(method)
    return f"compiled({json.dumps(f'class Asked {{ {source} }}')}, lab.folder)" if source else "klass"


def told(bench: Bench, asked: str, line: str, function: str, *arguments: Any) -> Any:
    """What the function returned; when it did not, Missed with the line that calls it."""
    hints = {
        READ_IT: f"Run {function}({line}) in a cell and read the traceback from its last line upwards.",
        DOES_NOT_RETURN: f"Run {function}({line}) in a cell, with print(frame) in your function; does every "
        "instruction change the frame as it says, and does the pc come to the return?",
    }
    try:
        return bench.call(function, *arguments).value
    except Missed as said:
        raise missed(f"{asked}: {said.observed}", hints.get(said.hint, said.hint)) from None


def missed(observed: str, hint: str) -> Missed:
    """What a function returned once it returns always: looking again would change nothing."""
    return Missed(observed, hint, final=True)


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:70]} ..."


# --- Task 1: what two ints become -------------------------------------------------


@asks(task=1, points=1)
def sums_products_and_bits_are_right_in_32_bits(bench: Bench) -> None:
    answers(bench, "wrap", "How many bits has an int? What becomes of the others, and of the sign?")
    answers(bench, "bits", "What do and, or and xor make of two ones? And of a one and a zero?")


@asks(task=1, points=1)
def division_rounds_towards_zero_and_the_rest_agrees(bench: Bench) -> None:
    answers(
        bench,
        "divide",
        "What does Python's // make of -7 and 2, and what does Java? Is every result an int?",
    )


@asks(task=1, points=1, needs=[division_rounds_towards_zero_and_the_rest_agrees])
def a_division_by_zero_is_an_error(bench: Bench, _: None) -> None:
    made = fresh(bench)
    for question in made.questions["zero"]:
        try:
            _, returned, asked = asked_of(bench, made, question)
        except Missed as said:
            if "raised ZeroDivisionError" not in said.observed:
                raise
        else:
            raise missed(
                f"{asked}: java throws an exception, and arithmetic gave {shown(returned)}",
                "Is there a number that times zero gives the other one?",
            )


@asks(task=1, points=1)
def shifts_count_with_five_bits_and_the_right_ones_come_in(bench: Bench) -> None:
    answers(
        bench,
        "shift",
        "Write both numbers with 32 bits. Which bits of the second one count, and what comes in at the free end?",
    )


# --- Task 2: constants, variables, and arithmetic on the stack ----------------------

POPS = {  # javac makes a pop only after a call, which is task 4
    "constants": [],
    "methods": {"pops": {"code": [0x1A, 0x1B, 0x57, 0xAC], "max_locals": 2, "parameters": ["I", "I"], "result": "I"}},
}


@asks(task=2, points=1)
def constants_arrive_with_their_sign(bench: Bench) -> None:
    answers(bench, "constants", "What do the bytes after the first one say, one by one? Which bit of them is the sign?")


@asks(
    task=2,
    points=1,
    needs=[
        sums_products_and_bits_are_right_in_32_bits,
        division_rounds_towards_zero_and_the_rest_agrees,
        constants_arrive_with_their_sign,
    ],
)
def what_was_pushed_last_is_the_right_operand(bench: Bench, *_: None) -> None:
    answers(bench, "order", "Write the stack down before and after each instruction. Which number comes off first?")


@asks(task=2, points=1, needs=[constants_arrive_with_their_sign])
def iinc_counts_with_a_sign_and_as_an_int_does(bench: Bench, _: None) -> None:
    answers(bench, "count", "What may the second byte of iinc stand for? What comes after the highest int?")


@asks(task=2, points=1, needs=[sums_products_and_bits_are_right_in_32_bits])
def pop_takes_one_value_and_dup_leaves_two(bench: Bench, _: None) -> None:
    drawn = fresh(bench).drawn
    left, right = drawn["A"], drawn["B"]
    asked = f"iload_0 iload_1 pop ireturn, with {left} and {right}"
    returned = told(bench, asked, f"{POPS}, 'pops', [{left}, {right}]", "run", POPS, "pops", [left, right])
    if returned != left:
        raise missed(f"{asked}: {left} is left, and run gave {shown(returned)}", "What lies below the top?")
    answers(bench, "dup", "How high is the stack before dup, and after it? Are both values the same?")


# --- Task 3: branches ------------------------------------------------------------------


@asks(task=3, points=1, needs=[constants_arrive_with_their_sign])
def each_condition_leads_to_the_right_place(bench: Bench, _: None) -> None:
    answers(
        bench,
        "conditions",
        "Look at the method with javap: at which pc does it go on? What do the two bytes say, and counted from where?",
    )


@asks(task=3, points=1, needs=[each_condition_leads_to_the_right_place])
def two_values_are_compared_in_their_order(bench: Bench, _: None) -> None:
    answers(bench, "two", "Which of the two lies on top, and on which side of the sign does it stand?")


@asks(task=3, points=1, needs=[each_condition_leads_to_the_right_place, iinc_counts_with_a_sign_and_as_an_int_does])
def a_loop_goes_back_and_comes_to_an_end(bench: Bench, *_: None) -> None:
    answers(bench, "loop", "Which way does the branch at the end of a loop lead? How do two bytes say that?")


@asks(task=3, points=1, needs=[two_values_are_compared_in_their_order, what_was_pushed_last_is_the_right_operand])
def what_was_compared_is_gone_from_the_stack(bench: Bench, *_: None) -> None:
    answers(
        bench, "taken", "How high is the stack before the branch, and after it? Does that depend on where it leads?"
    )


# --- Task 4: calls ------------------------------------------------------------------------


@asks(task=4, points=1, needs=[what_was_pushed_last_is_the_right_operand, each_condition_leads_to_the_right_place])
def arguments_arrive_in_their_order(bench: Bench, *_: None) -> None:
    answers(bench, "arguments", "The last one lies on top of the stack. In which order do they come off it?")
    answers(bench, "nothing", "What does a method without parameters find on the stack, and what must it leave there?")


@asks(task=4, points=1, needs=[arguments_arrive_in_their_order])
def what_stands_behind_a_long_or_a_double_is_found(bench: Bench, _: None) -> None:
    answers(bench, "wide", "Which local variable belongs to which of them? javap shows what the method looks at.")


@asks(task=4, points=1, needs=[arguments_arrive_in_their_order])
def what_returns_nothing_puts_nothing_on_the_stack(bench: Bench, _: None) -> None:
    made = fresh(bench)
    kept = [made.drawn["A"], made.drawn["B"]]
    klass, name = made.methods["silent"]
    stack = [*kept, made.drawn["C"], made.drawn["HUGE"]]
    line = f"{in_a_cell(made, 'silent')}, {stack}, {name!r}"
    returned = told(bench, made.sources["silent"], line, "call", klass, stack, name)
    if returned != kept:
        raise missed(
            f"{made.sources['silent']} was called with {kept} on the stack below its arguments; "
            f"that should be left, and call gave {shown(returned)}",
            "What does `result` say of this method, and how many values does it take off?",
        )


# --- Task 5: numbers of other kinds ----------------------------------------------------------


@asks(task=5, points=1, needs=[each_condition_leads_to_the_right_place])
def longs_have_64_bits_and_the_int_of_one_has_32(bench: Bench, _: None) -> None:
    answers(bench, "long", "How many bits has each of the values, and how many may the result have?")
    answers(bench, "longer", "Which three numbers may come out of a comparison?")
    answers(bench, "longbits", "Write both numbers with 64 bits. How many bits of a distance count for a long?")


@asks(task=5, points=1)
def bytes_and_shorts_have_a_sign_and_chars_have_none(bench: Bench) -> None:
    answers(bench, "narrow", "Write the number in binary. Which bits are kept, and what does the highest one mean?")


@asks(task=5, points=1, needs=[constants_arrive_with_their_sign])
def doubles_divide_by_zero_and_become_ints_within_their_range(bench: Bench, _: None) -> None:
    answers(bench, "kinds", "Which kind of number comes out, and with which sign? A zero of a double has one, too.")
    answers(
        bench, "double", "Try the same in jshell with 0.0. What has no room in an int, and which int is the nearest?"
    )


@asks(
    task=5,
    points=1,
    needs=[doubles_divide_by_zero_and_become_ints_within_their_range, each_condition_leads_to_the_right_place],
)
def nothing_is_more_or_less_than_what_is_no_number(bench: Bench, *_: None) -> None:
    answers(bench, "apart", "javap shows two different comparisons in this method. What does each give when x is NaN?")


@asks(
    task=5,
    points=1,
    needs=[
        longs_have_64_bits_and_the_int_of_one_has_32,
        bytes_and_shorts_have_a_sign_and_chars_have_none,
        nothing_is_more_or_less_than_what_is_no_number,
        what_stands_behind_a_long_or_a_double_is_found,
    ],
)
def your_own_class_gives_what_java_gives(bench: Bench, *_: None) -> None:
    answers(bench, "own", "List your class with javap. Which of its instructions did no earlier check ask for?")
