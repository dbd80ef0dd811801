"""Values between a submission and its tests: only what is plainly a value crosses, and it crosses as a copy.

Plain types strictly (a subclass of int is no int), the containers of the language with sharing and cycles kept,
dates and exact numbers, numpy arrays of plain types, pandas frames through Arrow, exceptions by type. Everything
else stays where it is, and the other end gets a handle. Nothing is ever unpickled, and no name that arrives is looked
up but those of built-in types and exceptions.

An encoded value is null, a boolean, a number, a text, or a list whose first element is a tag. Containers that can
change carry a number, so that what a call did to its arguments can be told afterwards: see `Written`.
"""

from __future__ import annotations

import base64
import builtins
import collections
import datetime
import decimal
import fractions
import math
import sys
from collections.abc import Callable, Iterable
from typing import Any

Encoded = Any

DEPTH = 200
PARTS = 2_000_000  # elements of one message, all containers together
INTEGER_BITS = 1 << 20
ARRAY_KINDS = "biufcSUmM"  # numpy's plain kinds

EXCEPTIONS = {
    name: each for name, each in vars(builtins).items() if isinstance(each, type) and issubclass(each, BaseException)
}
TYPES = {name: each for name, each in vars(builtins).items() if isinstance(each, type) and name not in EXCEPTIONS}
TYPE_NAMES = {each: name for name, each in [*EXCEPTIONS.items(), *TYPES.items()] if each.__name__ == name}
TYPE_NAMES[OSError] = "OSError"


class NotPlain(TypeError):
    """A value that cannot cross; the message says why."""


Handler = Callable[[Any], Encoded]  # how a thing that stays is spoken of


# --- Out -------------------------------------------------------------------


class Written:
    """One message's values, written out: `value` for each, and the containers met, by number, in `containers`."""

    def __init__(self, handle: Handler) -> None:
        self._handle, self._parts = handle, 0
        self.containers: list[Any] = []
        self._numbers: dict[int, int] = {}

    def value(self, value: Any, depth: int = DEPTH) -> Encoded:
        """The value, encoded; NotPlain when it is too deep or too large."""
        self._parts += 1
        if depth == 0 or self._parts > PARTS:
            raise NotPlain("the value is too deep or too large to cross")
        write = _WRITERS.get(type(value))
        if write is not None:
            return write(self, value, depth)
        return self._unusual(value, depth)

    def content(self, container: Any, depth: int = DEPTH) -> Encoded:
        """What is in a container that can change."""
        if type(container) is bytearray:
            return _text(bytes(container))
        if _is_array(container):
            return _array(container)
        if isinstance(container, dict):
            return [[self.value(key, depth - 1), self.value(each, depth - 1)] for key, each in container.items()]
        elements = sorted(container, key=repr) if type(container) is set else container
        return [self.value(each, depth - 1) for each in elements]

    def container(self, tag: str, value: Any, depth: int, *more: Any) -> Encoded:
        """A container that can change, or a reference to it when it has been written already."""
        if id(value) in self._numbers:
            return ["r", self._numbers[id(value)]]
        number = self._numbers[id(value)] = len(self.containers)
        self.containers.append(value)
        return [tag, number, self.content(value, depth), *more]

    def _unusual(self, value: Any, depth: int) -> Encoded:
        kind: Any = type(value)
        if isinstance(value, type) and value in TYPE_NAMES:
            return ["type", TYPE_NAMES[value]]
        if issubclass(kind, tuple) and _is_named_tuple(kind):
            fields = [self.value(each, depth - 1) for each in tuple.__iter__(value)]
            return ["nt", kind.__name__, list(kind._fields), fields]
        if kind in EXCEPTIONS.values():
            return ["x", TYPE_NAMES[kind], [self.value(each, depth - 1) for each in value.args]]
        for write in (_numpy, _pandas):
            if (encoded := write(self, value, depth)) is not None:
                return encoded
        return self._handle(value)


def _number(_: Written, value: float, __: int) -> Encoded:
    return value if math.isfinite(value) else ["f", repr(value)]


def _integer(_: Written, value: int, __: int) -> Encoded:
    if value.bit_length() > INTEGER_BITS:
        raise NotPlain("the integer is too long to cross")
    return value if value.bit_length() < 64 else ["i", hex(value)]


def _default_dict(written: Written, value: Any, depth: int) -> Encoded:
    factory = value.default_factory
    return written.container("dd", value, depth, TYPE_NAMES.get(factory) if isinstance(factory, type) else None)


def _same(_: Written, value: Any, __: int) -> Encoded:
    return value


def _string(_: Written, value: str, __: int) -> Encoded:
    return value if value.isascii() or not any("\ud800" <= each <= "\udfff" for each in value) else ["su", _odd(value)]


def _odd(value: str) -> str:
    return _text(value.encode("utf-16-le", "surrogatepass"))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


_WRITERS: dict[type, Callable[[Written, Any, int], Encoded]] = {
    type(None): _same,
    bool: _same,
    str: _string,
    int: _integer,
    float: _number,
    complex: lambda _, value, __: ["c", repr(value.real), repr(value.imag)],
    bytes: lambda _, value, __: ["b", _text(value)],
    bytearray: lambda written, value, depth: written.container("ba", value, depth),
    list: lambda written, value, depth: written.container("l", value, depth),
    dict: lambda written, value, depth: written.container("d", value, depth),
    set: lambda written, value, depth: written.container("s", value, depth),
    tuple: lambda written, value, depth: ["t", [written.value(each, depth - 1) for each in value]],
    frozenset: lambda written, value, depth: [
        "fs", [written.value(each, depth - 1) for each in sorted(value, key=repr)]
    ],
    range: lambda _, value, __: ["range", value.start, value.stop, value.step],
    slice: lambda written, value, depth: [
        "slice", [written.value(each, depth - 1) for each in (value.start, value.stop, value.step)]
    ],
    collections.Counter: lambda written, value, depth: written.container("ct", value, depth),
    collections.OrderedDict: lambda written, value, depth: written.container("od", value, depth),
    collections.defaultdict: _default_dict,
    collections.deque: lambda written, value, depth: written.container("dq", value, depth, value.maxlen),
    decimal.Decimal: lambda _, value, __: ["dec", str(value)],
    fractions.Fraction: lambda _, value, __: ["frac", hex(value.numerator), hex(value.denominator)],
    datetime.datetime: lambda written, value, depth: _moment("dt", written, value, depth),
    datetime.date: lambda _, value, __: ["date", value.isoformat()],
    datetime.time: lambda written, value, depth: _moment("time", written, value, depth),
    datetime.timedelta: lambda _, value, __: ["td", value.days, value.seconds, value.microseconds],
    type(Ellipsis): lambda _, __, ___: ["..."],
    type(NotImplemented): lambda _, __, ___: ["ni"],
}  # fmt: skip


def _moment(tag: str, written: Written, value: Any, depth: int) -> Encoded:
    if value.tzinfo is not None and type(value.tzinfo) is not datetime.timezone:
        return written._handle(value)
    return [tag, value.isoformat()]


def _is_named_tuple(kind: type) -> bool:
    """Whether it is what collections.namedtuple makes, or adds to it no opinion on what it equals."""
    special = {"__eq__", "__ne__", "__iter__", "__getitem__", "__len__", "__hash__"}
    own = [each for each in kind.__mro__ if each not in (tuple, object)]
    fields = getattr(kind, "_fields", None)
    plain = type(fields) is tuple and all(type(each) is str and each.isidentifier() for each in fields)
    return plain and not any(special & set(vars(each)) for each in own)


# --- numpy and pandas, where they are loaded --------------------------------


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray


def _numpy(written: Written, value: Any, depth: int) -> Encoded | None:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if type(value) is numpy.ndarray:
        if value.dtype.kind in ARRAY_KINDS:
            return written.container("n", value, depth)
        if value.dtype.kind == "O":
            elements = [written.value(each, depth - 1) for each in value.ravel().tolist()]
            return ["no", list(value.shape), elements]
    if isinstance(value, numpy.generic) and type(value).__module__ == "numpy" and value.dtype.kind in ARRAY_KINDS:
        return ["ns", value.dtype.str, _text(value.tobytes())]
    if type(value) is numpy.dtype or (isinstance(value, numpy.dtype) and value.kind in ARRAY_KINDS):
        return ["ndt", value.str]
    if isinstance(value, type) and value.__module__ == "numpy" and issubclass(value, numpy.generic):
        return ["nty", value.__name__]
    return None


def _array(value: Any) -> Encoded:
    import numpy

    data = numpy.ascontiguousarray(value)
    return [value.dtype.str, list(value.shape), _text(data.tobytes())]


def _pandas(written: Written, value: Any, depth: int) -> Encoded | None:
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return None
    kinds = {pandas.DataFrame: "df", pandas.Series: "se"}
    if type(value) in kinds:
        frame = value if type(value) is pandas.DataFrame else value.to_frame("value")
        name = None if type(value) is pandas.DataFrame else written.value(value.name, depth - 1)
        return [kinds[type(value)], *_frame(written, frame, depth), name]
    if isinstance(value, pandas.Index) and type(value).__module__.split(".")[0] == "pandas":
        frame = value.to_frame(index=False)
        names = [written.value(each, depth - 1) for each in value.names]
        return ["ix", _arrow(written, frame, depth), names, isinstance(value, pandas.MultiIndex)]
    if value is pandas.NaT or value is pandas.NA:
        return ["pd", "NaT" if value is pandas.NaT else "NA"]
    if type(value) is pandas.Timestamp and (value.tzinfo is None or type(value.tzinfo) is datetime.timezone):
        return ["ts", value.isoformat()]
    if type(value) is pandas.Timedelta:
        return ["tdn", value.isoformat()]
    return None


def _frame(written: Written, frame: Any, depth: int) -> list[Encoded]:
    return [written.value(frame.columns, depth - 1) if len(frame.columns) else None,
            _arrow(written, frame, depth), written.value(frame.index, depth - 1)]  # fmt: skip


def _arrow(written: Written, frame: Any, depth: int) -> Encoded:
    """The columns, each as Arrow where Arrow has its type, else as values; with the name of its dtype."""
    columns = []
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        data = _arrow_bytes(column) if _known(column) else None
        if data is None:
            columns.append(["v", "object", [written.value(each, depth - 1) for each in column.tolist()]])
        else:
            columns.append(["a", str(column.dtype), data])
    return [frame.shape[0], columns]


def _known(column: Any) -> bool:
    return str(column.dtype) in ARROW_DTYPES or str(column.dtype).startswith(("datetime64[", "timedelta64["))


ARROW_DTYPES = {
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"),
    *("string", "str", "boolean", "Int8", "Int16", "Int32", "Int64", "Float32", "Float64", "category"),
}


def _arrow_bytes(column: Any) -> str | None:
    import pyarrow

    try:
        table = pyarrow.table({"c": pyarrow.Array.from_pandas(column)})
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, pyarrow.ArrowNotImplementedError):
        return None
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return _text(sink.getvalue().to_pybytes())


# --- In --------------------------------------------------------------------


class Read:
    """One message's values, read; `handle` makes what stands here for a thing that stayed there."""

    def __init__(self, handle: Callable[[list[Any]], Any]) -> None:
        self._handle = handle
        self.containers: dict[int, Any] = {}

    def value(self, encoded: Encoded) -> Any:
        """The value; NotPlain when it is none."""
        try:
            return self._value(encoded)
        except NotPlain:
            raise
        except (TypeError, ValueError, KeyError, IndexError, OverflowError, RecursionError, ArithmeticError) as error:
            raise NotPlain(f"what arrived is no value: {type(error).__name__}: {error}") from None

    def fill(self, container: Any, content: Encoded) -> None:
        """Let a container that can change hold just this."""
        if type(container) is bytearray:
            container[:] = _bytes(content)
        elif _is_array(container):
            container[...] = _read_array(content)
        elif isinstance(container, dict):
            pairs = [(self._value(key), self._value(each)) for key, each in content]
            container.clear()
            for key, each in pairs:
                dict.__setitem__(container, key, each)
        else:
            elements = [self._value(each) for each in content]
            container.clear()
            (container.update if type(container) is set else container.extend)(elements)

    def _value(self, encoded: Encoded) -> Any:
        if not isinstance(encoded, list):
            if isinstance(encoded, dict):
                raise NotPlain("what arrived is no value: an object where a list belongs")
            return encoded
        read = _READERS.get(encoded[0])
        return read(self, *encoded[1:]) if read else self._handle(encoded)

    def container(self, made: Any, number: int, content: Encoded) -> Any:
        """A container that can change: known by its number before it is filled, because it may hold itself."""
        self.containers[number] = made
        self.fill(made, content)
        return made

    def each(self, encoded: Iterable[Encoded]) -> list[Any]:
        return [self._value(one) for one in encoded]


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _read_array(content: Encoded) -> Any:
    import numpy

    dtype, shape, data = content
    return numpy.frombuffer(bytearray(_bytes(data)), dtype=_dtype(dtype)).reshape([int(each) for each in shape])


def _dtype(name: str) -> Any:
    import numpy

    if type(name) is not str or "," in name or name.lstrip("<>|=")[:1] not in ARRAY_KINDS:
        raise NotPlain(f"{name!r} is no plain numpy type")
    return numpy.dtype(name)


def _read_numpy_container(read: Read, number: int, content: Encoded) -> Any:
    array = read.containers[number] = _read_array(content)
    return array


def _read_objects(read: Read, shape: list[int], elements: list[Encoded]) -> Any:
    import numpy

    array = numpy.empty(len(elements), dtype=object)
    for place, each in enumerate(elements):
        array[place] = read._value(each)
    return array.reshape(shape)


def _read_numpy_type(_: Read, name: str) -> Any:
    import numpy

    found = getattr(numpy, name)
    if not (isinstance(found, type) and issubclass(found, numpy.generic)):
        raise NotPlain(f"{name!r} is no numpy type")
    return found


_named: dict[tuple[str, tuple[str, ...]], Any] = {}


def _read_named_tuple(read: Read, name: str, fields: list[str], values: list[Encoded]) -> Any:
    key = (name, tuple(fields))
    if key not in _named:
        _named[key] = collections.namedtuple(name, fields)
    return _named[key](*read.each(values))


def _read_exception(read: Read, name: str, arguments: list[Encoded]) -> BaseException:
    try:
        made: BaseException = EXCEPTIONS[name](*read.each(arguments))
    except TypeError:  # such as UnicodeDecodeError, which wants certain arguments
        made = EXCEPTIONS["ValueError"](*read.each(arguments))
    return made


def _read_default_dict(read: Read, number: int, content: Encoded, factory: str | None) -> Any:
    made: Any = collections.defaultdict(TYPES[factory] if factory is not None else None)
    return read.container(made, number, content)


def _read_columns(read: Read, encoded: Encoded) -> tuple[int, list[Any]]:
    import pandas

    rows, columns = encoded
    made: list[Any] = []
    for how, dtype, data in columns:
        if how == "v":
            made.append(pandas.Series(read.each(data), dtype="object"))
        else:
            made.append(_read_arrow(data, dtype))
        if len(made[-1]) != rows:
            raise NotPlain("a column of another length than its frame")
    return rows, made


def _read_arrow(data: str, dtype: str) -> Any:
    import pyarrow

    if not (dtype in ARROW_DTYPES or dtype.startswith(("datetime64[", "timedelta64["))):
        raise NotPlain(f"{dtype!r} is no plain column type")
    with pyarrow.ipc.open_stream(_bytes(data)) as stream:
        schema = stream.schema
        if len(schema) != 1 or not _is_plain_arrow(schema.field(0).type):
            raise NotPlain("what arrived is no column of plain values")
        table = stream.read_all().replace_schema_metadata(None)
    table.validate(full=True)
    series = table.column(0).to_pandas()
    series.name = None
    return series.astype(dtype) if str(series.dtype) != dtype else series


def _is_plain_arrow(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        return _is_plain_arrow(kind.value_type)
    tests = (types.is_primitive, types.is_string, types.is_large_string, types.is_null)
    return any(test(kind) for test in tests)


def _read_frame(read: Read, columns: Encoded, encoded: Encoded, index: Encoded, _: Encoded = None) -> Any:
    import pandas

    rows, made = _read_columns(read, encoded)
    frame = pandas.concat(made, axis=1) if made else pandas.DataFrame(index=range(rows))
    frame.index = read._value(index)
    if columns is not None:
        frame.columns = read._value(columns)
    return frame


def _read_series(read: Read, columns: Encoded, encoded: Encoded, index: Encoded, name: Encoded) -> Any:
    series = _read_frame(read, None, encoded, index).iloc[:, 0]
    series.name = read._value(name)
    return series


def _read_index(read: Read, encoded: Encoded, names: list[Encoded], several: bool) -> Any:
    import pandas

    _, made = _read_columns(read, encoded)
    if several:
        return pandas.MultiIndex.from_arrays(made, names=read.each(names))
    return pandas.Index(made[0], name=read._value(names[0]))


def _read_missing(_: Read, name: str) -> Any:
    import pandas

    return {"NaT": pandas.NaT, "NA": pandas.NA}[name]


def _read_pandas(name: str) -> Callable[[Read, str], Any]:
    def read(_: Read, text: str) -> Any:
        import pandas

        return getattr(pandas, name)(text)

    return read


def _read_scalar(_: Read, dtype: str, data: str) -> Any:
    import numpy

    return numpy.frombuffer(_bytes(data), dtype=_dtype(dtype))[0]


def _read_type(_: Read, name: str) -> Any:
    return EXCEPTIONS[name] if name in EXCEPTIONS else TYPES[name]


def _read_known(read: Read, number: int) -> Any:
    return read.containers[number]


_READERS: dict[str, Callable[..., Any]] = {
    "f": lambda _, text: float(text),
    "i": lambda _, text: int(text, 16),
    "c": lambda _, real, imaginary: complex(float(real), float(imaginary)),
    "su": lambda _, text: _bytes(text).decode("utf-16-le", "surrogatepass"),
    "b": lambda _, text: _bytes(text),
    "ba": lambda read, number, content: read.container(bytearray(), number, content),
    "l": lambda read, number, content: read.container([], number, content),
    "d": lambda read, number, content: read.container({}, number, content),
    "s": lambda read, number, content: read.container(set(), number, content),
    "t": lambda read, elements: tuple(read.each(elements)),
    "fs": lambda read, elements: frozenset(read.each(elements)),
    "range": lambda _, start, stop, step: range(start, stop, step),
    "slice": lambda read, parts: slice(*read.each(parts)),
    "ct": lambda read, number, content: read.container(collections.Counter(), number, content),
    "od": lambda read, number, content: read.container(collections.OrderedDict(), number, content),
    "dd": _read_default_dict,
    "dq": lambda read, number, content, most: read.container(collections.deque(maxlen=most), number, content),
    "dec": lambda _, text: decimal.Decimal(text),
    "frac": lambda _, over, under: fractions.Fraction(int(over, 16), int(under, 16)),
    "dt": lambda _, text: datetime.datetime.fromisoformat(text),
    "date": lambda _, text: datetime.date.fromisoformat(text),
    "time": lambda _, text: datetime.time.fromisoformat(text),
    "td": lambda _, days, seconds, micro: datetime.timedelta(days, seconds, micro),
    "...": lambda _: Ellipsis,
    "ni": lambda _: NotImplemented,
    "r": _read_known,
    "type": _read_type,
    "nt": _read_named_tuple,
    "x": _read_exception,
    "n": _read_numpy_container,
    "no": _read_objects,
    "ns": _read_scalar,
    "ndt": lambda _, name: _dtype(name),
    "nty": _read_numpy_type,
    "df": _read_frame,
    "se": _read_series,
    "ix": _read_index,
    "pd": _read_missing,
    "ts": _read_pandas("Timestamp"),
    "tdn": _read_pandas("Timedelta"),
}
