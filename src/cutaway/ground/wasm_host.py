"""`wasm_host.py [--interpreted] MODULE N`: call `sieve(N)` of a WebAssembly module and print what it answers.

A module cannot print: it has no system calls, only what its host lends it. This one is lent nothing.
wasmtime compiles a module to machine code, or, with --interpreted, to the bytecode of its own interpreter, Pulley.
Kept to wasmtime and the standard library, so that a Python for another processor can run it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import wasmtime


def call(module: bytes, limit: int, interpreted: bool = False) -> int:
    """What the module's `sieve` says to `limit`."""
    config = wasmtime.Config()
    if interpreted:
        config.target = "pulley64" if sys.byteorder == "little" else "pulley64be"
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    function = wasmtime.Instance(store, wasmtime.Module(engine, module), []).exports(store)["sieve"]
    assert isinstance(function, wasmtime.Func)
    return int(function(store, limit))


if __name__ == "__main__":
    *options, path, number = sys.argv[1:]
    print(call(Path(path).read_bytes(), int(number), "--interpreted" in options), "primes below", number)
