"""Assemble the hypervisor's guests and write their listings beside the sources: `tools/guests.py`."""

from cutaway.hypervisor import guests

if __name__ == "__main__":
    for name in guests.names():
        text = (guests.FOLDER / f"{name}.s").read_text()
        (guests.FOLDER / f"{name}.lst").write_text(f"{guests.assembled(text, name)!r}\n")
        print(f"{name}.lst")
