# SPDX-License-Identifier: Apache-2.0
"""A serial port with TMC2209 chips on it, built from the datasheet and not from the code under test."""

from __future__ import annotations

import errno
import termios


def checksum(body: bytes) -> int:
    """Return the datasheet's CRC, bit by bit over the wire order (lowest bit of each byte first)."""
    register = 0
    for bit in (byte >> i & 1 for byte in body for i in range(8)):
        register = (register << 1) ^ (0x107 if (register >> 7 & 1) ^ bit else 0)
        register &= 0xFF
    return register


class FakeChip:
    """Registers of one chip, as another program left them: its motor rotates by itself once it has current.

    Attributes:
        deaf: takes no writes.
    """

    def __init__(self) -> None:
        self.registers = {0x01: 1, 0x02: 250, 0x22: 0x8FC, 0x40: 77, 0x42: 0x1234, 0x70: 0}
        self.deaf = False
        self.silent = False

    def write(self, register: int, value: int) -> None:
        if self.deaf:
            return
        self.registers[0x02] = (self.registers[0x02] + 1) % 256
        if register == 0x01:
            self.registers[0x01] &= ~value
        else:
            self.registers[register] = value


class FakePort:
    """What a single wire to two chips looks like to pyserial.

    Attributes:
        sent: every datagram.
        spoil: number of answers that will be spoilt.
        spoil_echo: what comes back differs from what was sent.
        early: number of reads before every chip had its SENDDELAY, which the datasheet forbids.
    """

    def __init__(self, echo: bool = True) -> None:
        self.chips = {0: FakeChip(), 1: FakeChip()}
        self.sent: list[bytes] = []
        self.spoil = 0
        self.spoil_echo = False
        self.early = 0
        self.broken = self.vanished = False
        self.closed = False
        self._echo = echo
        self._input = b''

    def write(self, data: bytes) -> int:
        if self.broken:
            raise OSError('unplugged')
        self.sent.append(data)
        echo = bytes([data[0] ^ 1]) + data[1:] if self.spoil_echo else data
        self._input += echo if self._echo else b''
        chip = self.chips.get(data[1])
        if chip is None or data[0] != 0x05 or checksum(data[:-1]) != data[-1] or chip.silent:
            return len(data)
        if data[2] & 0x80:
            chip.write(data[2] & 0x7F, int.from_bytes(data[3:7], 'big'))
        else:
            self.early += any(other.registers.get(0x03, 0) >> 8 & 0xF < 2 for other in self.chips.values())
            answer = bytes([0x05, 0xFF, data[2]]) + chip.registers.get(data[2], 0).to_bytes(4, 'big')
            answer += bytes([checksum(answer)])
            if self.spoil:
                self.spoil -= 1
                answer = answer[:4] + bytes([answer[4] ^ 1]) + answer[5:]
            self._input += answer
        return len(data)

    def read(self, size: int) -> bytes:
        data, self._input = self._input[:size], self._input[size:]
        return data

    def reset_input_buffer(self) -> None:
        if self.vanished:
            raise termios.error(errno.EIO, 'Input/output error')  # as pyserial lets it through
        self._input = b''

    def close(self) -> None:
        self.closed = True
