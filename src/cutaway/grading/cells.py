"""Cells run as Jupyter runs them, and what they show is recorded as Jupyter records it, without a kernel.

A `Recorder` is an IPython shell whose outputs go, as nbformat has them, to a function: streams, rich displays,
results, tracebacks. Asking for input is refused with the sentence that a kernel has for it; widgets are drawn by
nobody and stay as they were made. The warm parent makes one before it forks, because that is what takes time.
"""

from __future__ import annotations

import ast
import builtins
import getpass
import inspect
import io
import linecache
import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Instance
from traitlets.config import Config

from cutaway.grading import alike, colours

Output = dict[str, Any]  # as nbformat has it, or {"output_type": "clear", "wait": bool}
OURS = str(Path(__file__).parent)
WARMING = (
    *("1 + 1", "print(f'{1}')\ndef fail(x):\n    raise KeyError(x)\nassert fail('it')", "1 +"),
    *["class Kept:\n    def __init__(self, x):\n        self.x = x\nassert [Kept(1).x] == [1]", "{1: 'it'}"] * 8,
)  # Python itself is quicker at what it has done eight times
Emit = Callable[[Output], object]

CONFIG = Config(
    {"HistoryManager": {"enabled": False, "hist_file": ":memory:"}, "InteractiveShell": {"colors": "neutral"}}
)
NO_INPUT = "raw_input was called, but this frontend does not support input requests."
BUFFER_CHARACTERS = 1 << 16
TRANSFORMERS = TransformerManager().token_transformers  # none of which changes what Python can parse
PLAIN = "text/plain"


class Stream(io.TextIOBase):
    """Standard output or error: what is written is emitted in pieces, in the order of both streams together."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, name: str, recorder: Recorder, descriptor: int) -> None:
        self.name, self._recorder, self._descriptor = name, recorder, descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._recorder.wrote(self.name, text)
        return len(text)

    def flush(self) -> None:
        """Nothing waits longer than the cell, and all pieces keep their order anyhow."""


class _Publisher(DisplayPublisher):
    recorder: Recorder

    def publish(  # type: ignore[override]
        self, data: Any, metadata: Any = None, *, transient: Any = None, update: bool = False, **_: Any
    ) -> None:
        self.recorder.show({"output_type": "display_data", "data": data, "metadata": metadata or {}})

    def clear_output(self, wait: bool = False) -> None:
        self.recorder.show({"output_type": "clear", "wait": bool(wait)})


class _Hook(DisplayHook):
    recorder: Recorder

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        result = {"output_type": "execute_result", "execution_count": self.prompt_count}
        self.recorder.show({**result, "data": format_dict, "metadata": md_dict or {}})

    def finish_displayhook(self) -> None:
        self._is_active = False


def _is_python(source: str) -> bool:
    """Whether it is, as far as that can be told without a warning, which would be one more than a kernel gives."""
    try:
        return "\\" not in source and bool(ast.parse(source))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False


class _Transformers(TransformerManager):
    """IPython's; but a cell that is Python already is not taken apart to look for lines that are IPython's own."""

    def do_token_transforms(self, lines: list[str]) -> list[str]:
        if self.token_transformers == TRANSFORMERS and _is_python("".join(lines)):
            return lines
        transformed: list[str] = super().do_token_transforms(lines)
        return transformed


class _Shell(InteractiveShell):
    recorder: Recorder
    input_transformer_manager = Instance(_Transformers, ())

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        named = {"ename": str(etype.__name__), "evalue": _said(evalue), "traceback": stb}
        told = {"told": self.recorder.told} if self.recorder.told and not stb else {}
        self.recorder.show({"output_type": "error", **named, **told})

    def system(self, cmd: str) -> None:
        """Run a line of the shell; what it says comes where it was called, its status is `_exit_code`."""
        done = subprocess.Popen(
            self.var_expand(cmd, depth=1), shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
        assert done.stdout
        for line in done.stdout:
            sys.stdout.write(line)
        self.user_ns["_exit_code"] = done.wait()

    system_piped = system_raw = system

    def _get_exc_info(self, exc_tuple: Any = None) -> tuple[Any, Any, Any]:
        """An error without what lies between a test and the submission, and with the file of each cell known."""
        kind, error, trace = super()._get_exc_info(exc_tuple)
        for each in _chain(error):
            each.__traceback__ = _without_ours(each.__traceback__)
        return kind, error, _without_ours(trace)

    def _format_exception_for_storage(self, exception: Any, *_: Any, **__: Any) -> dict[str, Any]:
        """For a history that nobody keeps here: to format a traceback once more takes as long as the first time."""
        return {}

    def _tee(self, channel: str) -> Any:
        """For the same history."""
        return nullcontext()

    def transform_ast(self, node: Any) -> Any:
        """By IPython's transformers, after which it looks at every node; and by ours, after which there is no need."""
        return self.recorder.rewrite(super().transform_ast(node))

    def enable_gui(self, gui: Any = None) -> None:
        """No windows are ever opened."""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The errors during whose handling this one came up, or which caused it."""
    seen: set[int] = {id(error)}
    while error is not None and id(error := error.__cause__ or error.__context__) not in seen:
        if error is not None:
            seen.add(id(error))
            yield error


def _without_ours(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback without the frames of this package, which say nothing about a cell."""
    places = []
    while trace:
        places.append(trace)
        trace = trace.tb_next
    kept = None
    for place in reversed(places):
        if not place.tb_frame.f_code.co_filename.startswith(OURS):
            kept = types.TracebackType(kept, place.tb_frame, place.tb_lasti, place.tb_lineno)
    return kept


def _line_of(error: BaseException | None) -> int:
    """The line of the cell in which it went wrong; 0 when it did not, or nowhere in the cell."""
    line, place = 0, error.__traceback__ if error else None
    while place:
        if not line and place.tb_frame.f_code.co_name == "<module>" and place.tb_frame.f_globals.get("In") is not None:
            line = place.tb_lineno
        place = place.tb_next
    return line


def _said(error: Any) -> str:
    try:
        return str(error)
    except Exception:
        return "(this exception cannot say what it is)"


class Recorder:
    """A shell of its own, whose outputs go to `emit` while a cell runs."""

    def __init__(self, output_bytes: int = 1 << 20) -> None:
        self._emit: Emit = lambda output: None
        self._buffered: tuple[str, list[str]] = ("stdout", [])
        self._buffered_characters = self._shown_bytes = self.failed_line = 0
        self.output_bytes = output_bytes
        self._caught: list[int] = []
        classes = {"displayhook_class": _Hook, "display_pub_class": _Publisher}
        _Shell.recorder = _Hook.recorder = _Publisher.recorder = self
        self.shell = _Shell.instance(config=CONFIG, **classes)
        self.rewrite: Callable[[ast.AST], ast.AST] = lambda node: node
        self.tells = False  # when there is somebody who writes tracebacks
        self.told: alike.Told | None = None  # in place of one
        self._source = ""  # of the cell
        self._format = self.shell.InteractiveTB.structured_traceback
        self.shell.InteractiveTB.structured_traceback = self._traceback  # type: ignore[method-assign,assignment]

    def take_over(self, emit: Emit) -> None:
        """From now on this process's outputs are `emit`'s: Python's streams, and what programs write by number."""
        self._emit, self.tells = emit, True
        self._caught = [_catching(1), _catching(2)]
        sys.stdout, sys.stderr = Stream("stdout", self, 1), Stream("stderr", self, 2)
        sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc,assignment]
        builtins.input = getpass.getpass = _refuse_input  # type: ignore[assignment]

    def run(self, source: str) -> bool:
        """Run one cell; whether it ended without an error."""
        self._shown_bytes = self.failed_line = 0
        self._source = source
        try:
            result = self.shell.run_cell(source, store_history=True)
        except KeyboardInterrupt:  # it came between the cell and its end
            self.show({"output_type": "error", "ename": "KeyboardInterrupt", "evalue": "", "traceback": []})
            return False
        finally:
            self.flush()
        self.failed_line = _line_of(result.error_in_exec) or getattr(result.error_before_exec, "lineno", 0) or 0
        return bool(result.success)

    def _traceback(self, kind: Any, error: Any, trace: Any = None, *how: Any, **more: Any) -> list[str]:
        """As IPython formats it, or nothing when it is told."""
        self.told = None
        if self.tells and self.shell.InteractiveTB.mode == "Context":
            self.told = alike.told(error, trace, self._source, self.shell.compile._filename_map)
        return [] if self.told else self.formatted(kind, error, trace, *how, **more)

    def formatted(self, kind: Any, error: Any, trace: Any, *how: Any, **more: Any) -> list[str]:
        """A traceback as IPython formats it; the files of cells are known to be no module's, which takes it long."""
        here = Path.cwd()
        for name in self.shell.compile._filename_map:
            inspect.modulesbyfile[name] = inspect.modulesbyfile[f"{here}/{name}"] = "__main__"
        return self._format(kind, error, trace, *how, **more)

    def warm_up(self) -> None:
        """Have IPython load what it loads on first use: for results, and much more of it for tracebacks."""
        colours.remember()
        with redirect_stdout(io.StringIO()):
            for source in WARMING:
                self.shell.run_cell(source, store_history=True)
        self.shell.reset(new_session=True)
        self.shell.compile._filename_map.clear()
        linecache.clearcache()
        del sys.last_type, sys.last_value, sys.last_traceback

    # --- Recording ---------------------------------------------------------

    def wrote(self, name: str, text: str) -> None:
        """Take in what a stream was given."""
        if name != self._buffered[0]:
            self.flush()
            self._buffered = (name, [])
        self._buffered[1].append(text)
        self._buffered_characters += len(text)
        if self._buffered_characters > BUFFER_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Let go of what is still held back, then of what programs wrote by number."""
        name, pieces = self._buffered
        self._buffered, self._buffered_characters = (name, []), 0
        if text := "".join(pieces):
            self._show({"output_type": "stream", "name": name, "text": text}, len(text))
        for name, file in zip(("stdout", "stderr"), self._caught, strict=False):
            if heard := _taken(file, self.output_bytes):
                self._show({"output_type": "stream", "name": name, "text": heard}, len(heard))

    def show(self, output: Output) -> None:
        """Emit one output, after all that was written before it."""
        self.flush()
        self._show(output, sum(len(str(each)) for each in output.get("data", {}).values()))

    def _show(self, output: Output, size: int) -> None:
        if self._shown_bytes > self.output_bytes and output["output_type"] != "error":
            return
        self._shown_bytes += size
        if self._shown_bytes > self.output_bytes and output["output_type"] != "error":
            output = {"output_type": "stream", "name": "stdout", "text": _cut(output, self.output_bytes)}
        self._emit(output)


def _cut(output: Output, most: int) -> str:
    return f"{output.get('text', '')[:most]}\n[more than {most} bytes were shown by this cell; the rest was dropped]\n"


def _refuse_input(prompt: str = "", stream: Any = None) -> str:
    raise StdinNotImplementedError(NO_INPUT)


def _catching(descriptor: int) -> int:
    """A nameless file that takes what is written to `descriptor`, also by other programs."""
    file = os.open("/tmp", os.O_TMPFILE | os.O_RDWR | os.O_APPEND, 0o600)
    os.dup2(file, descriptor)
    return file


def _taken(file: int, most: int) -> str:
    size = os.fstat(file).st_size
    if not size:
        return ""
    text = os.pread(file, most, 0).decode(errors="replace")
    os.ftruncate(file, 0)
    return text
