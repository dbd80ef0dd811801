"""Devices: what answers when a guest reads or writes where its memory is not.

A device has a length and the methods `read` and `write`; it does not know whether it hangs at ports or at memory
addresses, nor which processor asks. Lab 03 has the reader write one.
"""

from __future__ import annotations

from cutaway.hypervisor.core import Bytes, Memory, PowerOff
from cutaway.hypervisor.problems import GuestProblem


class Serial:
    """A serial port, as far as a guest needs one to talk: a register for bytes, and one that says whether to go on.

    Source: the 16550's data sheet (National Semiconductor PC16550D), registers RBR, THR and LSR.
    """

    length = 8
    DATA, LINE_STATUS = 0, 5
    RECEIVED, MAY_SEND = 1 << 0, 3 << 5  # LSR: data ready; transmitter holding register empty, and transmitter empty

    def __init__(self, typed: bytes = b"") -> None:
        self.said = b""
        self._typed = typed

    def read(self, offset: int, size: Bytes) -> int:
        if offset == self.LINE_STATUS:
            return self.MAY_SEND | (self.RECEIVED if self._typed else 0)
        if offset != self.DATA or not self._typed:
            return 0
        byte, self._typed = self._typed[0], self._typed[1:]
        return byte

    def write(self, offset: int, size: Bytes, value: int) -> None:
        if offset == self.DATA:
            self.said += bytes([value & 0xFF])

    @property
    def text(self) -> str:
        """What the guest has said so far."""
        return self.said.decode("ascii", errors="replace")


class PowerSwitch:
    """Ends the machine with the number that the guest writes, as QEMU's isa-debug-exit does."""

    length = 4

    def read(self, offset: int, size: Bytes) -> int:
        return 0

    def write(self, offset: int, size: Bytes, value: int) -> None:
        raise PowerOff(value)


class Counter:
    """Counts: each read gives the next number, and a write says from where to go on."""

    length = 4

    def __init__(self, next_number: int = 1) -> None:
        self.next_number = next_number

    def read(self, offset: int, size: Bytes) -> int:
        self.next_number += 1
        return self.next_number - 1

    def write(self, offset: int, size: Bytes, value: int) -> None:
        self.next_number = value


class Disk:
    """A disk of a few sectors. The guest takes a sector byte by byte, or has it put into its memory at once.

    Four registers of four bytes: SECTOR and ADDRESS are written first; a write to COMMAND then copies the sector
    into the guest's memory (FETCH) or out of it (STORE); each read of DATA gives the sector's next bytes.
    Copying past the processor is what virtio does as well, with a queue of such requests in memory (virtio 1.2, 2.7).
    """

    length = 16
    SECTOR, ADDRESS, COMMAND, DATA = 0, 4, 8, 12
    FETCH, STORE = 1, 2
    SECTOR_BYTES = 512

    def __init__(self, memory: Memory, image: bytes) -> None:
        self.image = bytearray(image)
        self._memory = memory
        self._sector = self._address = self._taken = 0

    def read(self, offset: int, size: Bytes) -> int:
        if offset != self.DATA:
            return 0
        begin = self._begin() + self._taken
        self._taken = (self._taken + size) % self.SECTOR_BYTES
        return int.from_bytes(self.image[begin : begin + size], "little")

    def write(self, offset: int, size: Bytes, value: int) -> None:
        if offset == self.SECTOR:
            self._sector, self._taken = value, 0
        elif offset == self.ADDRESS:
            self._address = value
        elif offset == self.COMMAND:
            self._copy(value)

    def _copy(self, command: int) -> None:
        begin, length = self._begin(), self.SECTOR_BYTES
        if command == self.FETCH:
            self._memory.write(self._address, bytes(self.image[begin : begin + length]))
        elif command == self.STORE:
            self.image[begin : begin + length] = self._memory.read(self._address, length)

    def _begin(self) -> int:
        sectors = len(self.image) // self.SECTOR_BYTES
        if self._sector >= sectors:
            raise GuestProblem(
                f"serving the guest's disk: it asked for sector {self._sector} of {sectors}; give the disk more sectors"
            )
        return self._sector * self.SECTOR_BYTES
