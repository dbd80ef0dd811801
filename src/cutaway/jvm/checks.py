"""What instructions check before they act, the same in every engine: null, bounds, casts, stores, handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cutaway.jvm.heap import Array, Klass, Method, Value
from cutaway.jvm.problems import JavaError, NullHere

if TYPE_CHECKING:
    from cutaway.jvm.machine import Machine


def find_handler(machine: Machine, method: Method, pc: int, throwable: Any) -> int | None:
    """Where the first row of the exception table that fits leads (2.10)."""
    assert method.source is not None
    for handler in method.source.handlers:
        covers = handler.start <= pc < handler.end
        if covers and (handler.catch is None or throwable.klass.is_assignable_to(machine.klass(handler.catch))):
            return handler.target
    return None


def wrong_cast(klass: Klass, target: Klass) -> JavaError:
    return JavaError("java/lang/ClassCastException", cast_message(klass, target))


def not_null(value: Value) -> Any:
    if value is None:
        raise NullHere
    return value


def elements(array: Any, index: int) -> list[Value]:
    """An array's list, if there is an array and it has that index."""
    if array is None:
        raise NullHere
    if not 0 <= index < len(array.data):
        raise out_of_bounds(index, len(array.data))
    data: list[Value] = array.data
    return data


def out_of_bounds(index: int, length: int) -> JavaError:
    return JavaError("java/lang/ArrayIndexOutOfBoundsException", f"Index {index} out of bounds for length {length}")


def storable(array: Array, value: Value) -> Value:
    """`value`, if it may be an element of `array`: an array of strings may pass for one of objects."""
    component = array.klass.component
    if (
        value is not None
        and component
        and component not in value.klass.ancestors
        and not value.klass.is_assignable_to(component)
    ):
        raise JavaError("java/lang/ArrayStoreException", value.klass.java_name)
    return value


def cast_message(klass: Klass, target: Klass) -> str:
    """As the JDK words it, modules and loaders included."""
    mine, wanted = klass.java_name, target.java_name
    return f"class {mine} cannot be cast to class {wanted} ({whereabouts(klass, target)})"


def whereabouts(klass: Klass, target: Klass) -> str:
    places = [(each.java_name, origin(each)) for each in (klass, target)]
    if places[0][1] == places[1][1]:
        return f"{places[0][0]} and {places[1][0]} are in {places[0][1].replace('is in ', '', 1)}"
    return "; ".join(f"{name} {place}" for name, place in places)


def origin(klass: Klass) -> str:
    """Module and loader of a class, as messages say it."""
    element = klass
    while element.component:
        element = element.component
    return "is in module java.base of loader 'bootstrap'" if element.trusted else "is in unnamed module of loader 'app'"
