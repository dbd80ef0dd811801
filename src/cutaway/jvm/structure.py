"""From a graph of basic blocks back to `if` and `while`.

Java's compiler flattened loops and conditions into jumps; Python has no jump, so they are found again. Blocks are
placed by dominance (Ramsey, "Beyond Relooper", ICFP 2022): a block with one way in stands where that way comes from, a
block where ways meet stands after the block that dominates it, and what follows a loop stands after the loop. A jump
to what comes next anyway is nothing; one to a loop's head is `continue`; one past some code is a `break` out of a
`while True:` put round it. A jump through several loops sets `go` and breaks from each.

Where control enters in more than one place (exception handlers, or a boundary of a `try`) each such place is an entry:
the function becomes a loop over `b`, the number of the entry to run, inside one Python `try`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

Pcs = tuple[int, ...]
Condition = tuple[str, str]  # a Python expression, and its opposite
Line = tuple[int, str, Pcs]  # indentation, text, the instructions that it stands for

DISPATCH: Final = -1  # the "block" that a jump to another entry goes to
SMALL_DISPATCH: Final = 4


@dataclass(slots=True)
class Goto:
    target: int

    def targets(self) -> list[int]:
        return [self.target]


@dataclass(slots=True)
class If:
    condition: Condition
    then: int
    otherwise: int
    pcs: Pcs

    def targets(self) -> list[int]:
        return [self.then, self.otherwise]


@dataclass(slots=True)
class Choose:
    """A switch over the expression `value`, a name."""

    value: str
    cases: dict[int, int]
    default: int

    def targets(self) -> list[int]:
        return [*dict.fromkeys([*self.cases.values(), self.default])]


@dataclass(slots=True)
class End:
    """The block's last line returns or raises."""

    def targets(self) -> list[int]:
        return []


@dataclass(slots=True)
class Block:
    start: int
    handlers: tuple[tuple[str | None, int], ...]
    lines: list[tuple[str, Pcs]] = field(default_factory=list)
    exit: Goto | If | Choose | End = field(default_factory=End)


@dataclass(slots=True)
class Frame:
    """A Python loop that is being written: `continue` leads to `head`, `break` to `after`."""

    head: int | None
    after: int | None
    escapes: dict[int, None] = field(default_factory=dict)


def merge_conditions(blocks: dict[int, Block], fixed: set[int]) -> None:
    """Join `if (a && b)`: a block that only tests, reached only from another test, becomes part of that."""
    predecessors = count_predecessors(blocks)
    for start in sorted(blocks, reverse=True):
        block = blocks.get(start)
        while block and isinstance(block.exit, If) and (joined := _joined(blocks, block, predecessors, fixed)):
            absorbed, block.exit = joined
            del blocks[absorbed]


def count_predecessors(blocks: dict[int, Block]) -> dict[int, int]:
    counts = dict.fromkeys(blocks, 0)
    for block in blocks.values():
        for target in block.exit.targets():
            counts[target] += 1
    return counts


def _joined(
    blocks: dict[int, Block], block: Block, predecessors: dict[int, int], fixed: set[int]
) -> tuple[int, If] | None:
    test = block.exit
    assert isinstance(test, If)
    for inner_start, other, both in ((test.otherwise, test.then, False), (test.then, test.otherwise, True)):
        inner = blocks[inner_start]
        second = inner.exit
        if (
            inner.lines or not isinstance(second, If) or predecessors[inner_start] != 1 or inner_start in fixed
            or inner.handlers != block.handlers or inner is block or other not in second.targets()
            or second.then == second.otherwise
        ):  # fmt: skip
            continue
        (yes, no), (yes2, no2) = test.condition, second.condition
        if (second.otherwise != other and not both) or (second.then == other and both):
            yes2, no2 = no2, yes2
            rest = second.otherwise
        else:
            rest = second.then
        if both:  # test and second: leads to `rest`, else to `other`
            pair = (f"({yes} and {yes2})", f"({no} or {no2})")
            return inner_start, If(pair, rest, other, test.pcs + second.pcs)
        if second.otherwise == other:
            pair, rest = (f"({yes} or {no2})", f"({no} and {yes2})"), second.then
        else:
            pair, rest = (f"({yes} or {second.condition[0]})", f"({no} and {second.condition[1]})"), second.otherwise
        return inner_start, If(pair, other, rest, test.pcs + second.pcs)
    return None


class Region:
    """The blocks that belong to one entry: order, dominators, loops, and where each block is to stand."""

    def __init__(self, blocks: dict[int, Block], entry: int, entries: set[int]) -> None:
        self.blocks, self.entry, self.entries = blocks, entry, entries
        self.order = self._reverse_postorder()
        self.rank = {start: number for number, start in enumerate(self.order)}
        self.predecessors: dict[int, list[int]] = {start: [] for start in self.order}
        for start in self.order:
            for target in self.inner_targets(start):
                self.predecessors[target].append(start)
        self.dominator = self._dominators()
        self.bodies = self._loops()
        self._place()

    def inner_targets(self, start: int) -> list[int]:
        """Where control goes from a block without leaving the region; the entry itself may be a loop's head."""
        targets = dict.fromkeys(self.blocks[start].exit.targets())
        return [target for target in targets if target not in self.entries or target == self.entry]

    def _reverse_postorder(self) -> list[int]:
        seen, order, stack = {self.entry}, [], [(self.entry, iter(self.inner_targets(self.entry)))]
        while stack:
            start, targets = stack[-1]
            for target in targets:
                if target not in seen:
                    seen.add(target)
                    stack.append((target, iter(self.inner_targets(target))))
                    break
            else:
                order.append(start)
                stack.pop()
        return order[::-1]

    def _dominators(self) -> dict[int, int]:
        dominator = {self.entry: self.entry}
        changed = True
        while changed:
            changed = False
            for start in self.order[1:]:
                known = [each for each in self.predecessors[start] if each in dominator]
                best = known[0]
                for other in known[1:]:
                    while best != other:
                        if self.rank[best] > self.rank[other]:
                            best = dominator[best]
                        else:
                            other = dominator[other]
                if dominator.get(start) != best:
                    dominator[start], changed = best, True
        return dominator

    def dominates(self, above: int, below: int) -> bool:
        while below != above and below != self.entry:
            below = self.dominator[below]
        return below == above

    def irreducible(self) -> int | None:
        """The head of a loop that can be entered beside its head: it has to become an entry."""
        for start in self.order:
            for target in self.inner_targets(start):
                if self.rank[target] <= self.rank[start] and not self.dominates(target, start):
                    return target
        return None

    def _loops(self) -> dict[int, set[int]]:
        """Each loop's head, with all blocks of the loop."""
        bodies: dict[int, set[int]] = {}
        for start in self.order:
            for target in self.inner_targets(start):
                if self.rank[target] <= self.rank[start] and self.dominates(target, start):
                    body, todo = bodies.setdefault(target, {target}), [start]
                    while todo:
                        each = todo.pop()
                        if each not in body:
                            body.add(each)
                            todo += self.predecessors[each]
        return bodies

    def _place(self) -> None:
        self.after: dict[int, list[int]] = {start: [] for start in self.order}  # behind a loop
        self.follows: dict[int, list[int]] = {start: [] for start in self.order}  # behind a block
        self.inline: set[int] = set()
        heads = sorted(self.bodies, key=self.rank.__getitem__)
        for start in self.order[1:]:
            above = self.dominator[start]
            forward = [each for each in self.predecessors[start] if self.rank[each] < self.rank[start]]
            alone = len(forward) == 1
            left = next((head for head in heads if above in self.bodies[head] and start not in self.bodies[head]), None)
            leaf = alone and isinstance(self.blocks[start].exit, End)
            if left is not None and (above == left or not leaf):
                self.after[left].append(start)
            elif alone:
                self.inline.add(start)
            else:
                self.follows[above].append(start)


class Writer:
    """Write a function's body from its blocks."""

    def __init__(self, blocks: dict[int, Block], entries: Iterable[int], structured: bool = True) -> None:
        self.blocks = blocks
        self.entries = self._find_entries(set(entries), structured)
        self.number = {
            entry: number for number, entry in enumerate(sorted(self.entries, key=lambda each: (each != 0, each)))
        }
        self.wrapped: set[int] = set()

    def _find_entries(self, entries: set[int], structured: bool) -> set[int]:
        if not structured:
            return set(self.blocks)
        for block in self.blocks.values():
            entries |= {target for target in block.exit.targets() if self.blocks[target].handlers != block.handlers}
        while True:
            owners: dict[int, int] = {}
            fresh: set[int] = set()
            self.regions = {entry: Region(self.blocks, entry, entries) for entry in entries}
            for entry, region in self.regions.items():
                head = region.irreducible()
                fresh |= {head} if head is not None else set()
                fresh |= {start for start in region.order if owners.setdefault(start, entry) != entry}
            if not fresh:
                return entries
            entries |= fresh

    def write(self) -> list[Line]:
        """The body's lines; where a jump turned out to need a wrapper they are written again with it."""
        if not hasattr(self, "regions"):
            self.regions = {entry: Region(self.blocks, entry, self.entries) for entry in self.entries}
        while True:
            before = len(self.wrapped)
            self.lines: list[Line] = []
            self.depth = 1
            self.frames: list[Frame] = []
            self.uses_go = False
            self._function()
            if len(self.wrapped) == before:
                if self.uses_go:
                    self.lines.insert(0, (1, "go = 0", ()))
                return self.lines

    def emit(self, text: str, pcs: Pcs = ()) -> None:
        self.lines.append((self.depth, text, pcs))

    def _function(self) -> None:
        if len(self.entries) == 1:
            self.region = self.regions[0]
            self.tree(0, None)
            return
        self.emit("b = 0")
        self.emit("while True:")
        self.depth += 1
        self.frames = [Frame(DISPATCH, None)]
        guarded = any(block.handlers for block in self.blocks.values())
        if guarded:
            self.emit("try:")
            self.depth += 1
        self._entries(sorted(self.number.values()))
        if guarded:
            self.depth -= 1
            self.emit("except BaseException as error:")
            self.depth += 1
            self.emit("s0, b = caught(error, HANDLERS[b])")

    def _entries(self, numbers: list[int]) -> None:
        """Choose the entry by its number, halving."""
        if len(numbers) <= SMALL_DISPATCH:
            starts = {number: entry for entry, number in self.number.items()}
            for at, number in enumerate(numbers):
                if at < len(numbers) - 1:
                    self.emit(f"if b == {number}:")
                    self.depth += 1
                self.region = self.regions[starts[number]]
                self.tree(starts[number], None)
                if at < len(numbers) - 1:
                    self.depth -= 1
            return
        middle = len(numbers) // 2
        self.emit(f"if b < {numbers[middle]}:")
        self.nested(lambda: self._entries(numbers[:middle]))
        self._entries(numbers[middle:])

    def nested(self, write: Callable[[], object]) -> None:
        self.depth += 1
        write()
        self.depth -= 1

    # Each of these writes something and says whether control can run off its end

    def tree(self, start: int, onward: int | None) -> bool:
        """A block and everything that stands with it; `onward` is the block that comes next anyway."""
        if start in self.region.bodies:
            return self.followed(self.region.after[start], lambda after: self.loop(start, after), onward)
        return self.content(start, onward)

    def content(self, start: int, onward: int | None) -> bool:
        return self.followed(self.region.follows[start], lambda after: self.block(start, after), onward)

    def followed(self, follows: list[int], write_first: Callable[[int | None], bool], onward: int | None) -> bool:
        """Something, and the blocks that stand behind it in order."""
        if not follows:
            return write_first(onward)
        last = follows[-1]
        if last in self.wrapped:
            frame = Frame(None, last)
            self.emit("while True:")
            self.frames.append(frame)
            self.depth += 1
            if self.followed(follows[:-1], write_first, last):
                self.emit("break")
            self.depth -= 1
            self.frames.pop()
            self.escapes(frame, last)
        else:
            self.followed(follows[:-1], write_first, last)
        return self.tree(last, onward)

    def loop(self, head: int, after: int | None) -> bool:
        frame = Frame(head, after)
        block = self.blocks[head]
        test = block.exit
        stay = leave = None
        if isinstance(test, If) and not block.lines and after is not None:
            if test.otherwise == after:
                stay, leave = test.then, test.condition[0]
            elif test.then == after:
                stay, leave = test.otherwise, test.condition[1]
        self.emit(f"while {leave}:" if leave else "while True:", test.pcs if leave and isinstance(test, If) else ())
        self.frames.append(frame)
        self.depth += 1
        before = len(self.lines)
        if stay is not None:
            stays = stay
            self.followed(self.region.follows[head], lambda onward: self.branch(head, stays, onward), head)
        else:
            self.content(head, head)
        if len(self.lines) == before:
            self.emit("pass")
        self.depth -= 1
        self.frames.pop()
        self.escapes(frame, after)
        return True

    def escapes(self, frame: Frame, onward: int | None) -> None:
        """Behind a loop: carry on a jump that goes further out."""
        for target in frame.escapes:
            self.emit(f"if go == {target}:")
            self.depth += 1
            self.hop(target, onward, again=True)
            self.depth -= 1

    def block(self, start: int, onward: int | None) -> bool:
        block = self.blocks[start]
        for text, pcs in block.lines:
            self.emit(text, pcs)
        leaving = block.exit
        if isinstance(leaving, Goto):
            return self.branch(start, leaving.target, onward)
        if isinstance(leaving, If):
            return self.fork(start, leaving, onward)
        if isinstance(leaving, Choose):
            return self.choose(start, leaving, onward)
        return False

    def fork(self, start: int, test: If, onward: int | None) -> bool:
        (condition, opposite), then, otherwise = test.condition, test.then, test.otherwise
        if then == otherwise:
            return self.branch(start, then, onward)
        if then == onward:
            condition, opposite, then, otherwise = opposite, condition, otherwise, then
        self.emit(f"if {condition}:", test.pcs)
        self.depth += 1
        before = len(self.lines)
        falls = self.branch(start, then, onward)
        if len(self.lines) == before:
            self.emit("pass")
        self.depth -= 1
        if not falls:
            return self.branch(start, otherwise, onward)
        at = len(self.lines)
        self.emit("else:")
        self.nested(lambda: self.branch(start, otherwise, onward))
        if len(self.lines) == at + 1:
            self.lines.pop()
        return True

    def choose(self, start: int, switch: Choose, onward: int | None) -> bool:
        falls = False
        keys: dict[int, list[int]] = {}
        for key, target in switch.cases.items():
            if target != switch.default:
                keys.setdefault(target, []).append(key)
        word = "if"
        for target, values in keys.items():
            test = f"== {values[0]}" if len(values) == 1 else f"in {tuple(values)}"
            self.emit(f"{word} {switch.value} {test}:")
            self.depth += 1
            before = len(self.lines)
            falls |= self.branch(start, target, onward)
            if len(self.lines) == before:
                self.emit("pass")
            self.depth -= 1
            word = "elif"
        if not keys:
            return self.branch(start, switch.default, onward)
        self.emit("else:")
        self.depth += 1
        before = len(self.lines)
        falls |= self.branch(start, switch.default, onward)
        if len(self.lines) == before:
            self.emit("pass")
        self.depth -= 1
        return falls

    def branch(self, start: int, target: int, onward: int | None) -> bool:
        """Go on to `target`: here, if this is its place, else by a jump."""
        region = self.region
        if target in region.inline and region.dominator[target] == start:
            return self.tree(target, onward)
        return self.hop(target, onward)

    def hop(self, target: int, onward: int | None, again: bool = False) -> bool:
        """Jump. `again` carries on a jump that has come out of a loop."""
        if target == onward:
            if again:
                self.emit("go = 0")
            return True
        entering = target in self.entries and not (target == self.region.entry and self.heads(target))
        if entering and not again:
            self.emit(f"b = {self.number[target]}")
        goal = DISPATCH if entering else target
        distance, word = self.way_to(goal)
        if distance == 0:
            if again:
                self.emit("go = 0")
            self.emit(word)
            return False
        self.uses_go = True
        if not again:
            self.emit(f"go = {goal}")
        for frame in self.frames[len(self.frames) - distance :]:
            frame.escapes[goal] = None
        self.emit("break")
        return False

    def heads(self, target: int) -> bool:
        return any(frame.head == target for frame in self.frames)

    def way_to(self, goal: int) -> tuple[int, str]:
        """How many loops out the goal lies, and how to get there from that loop."""
        for distance, frame in enumerate(reversed(self.frames)):
            if frame.head == goal:
                return distance, "continue"
            if frame.after == goal:
                return distance, "break"
        self.wrapped.add(goal)
        return 0, "break"
