# SPDX-License-Identifier: Apache-2.0
"""An I2C bus with a PCA9685 on it, built from the datasheet and not from the code under test."""

from __future__ import annotations

import time


class FakeBus:
    """The registers of one PCA9685, as they are after power-up.

    Attributes:
        cut: pulses that were cut short: "full OFF" or sleep came within a frame of new counts, or without them.
    """

    def __init__(self) -> None:
        self.cut = 0
        self._pointer = 0
        self._quiet_since = dict.fromkeys(range(16), 0.0)  # by channel: when it was last given pulses or none
        self.registers = {0x00: 0x11, 0xFE: 0x1E, **{9 + 4 * channel: 0x10 for channel in range(16)}}
        self.broken = False
        self.closed = False

    def write(self, data: bytes) -> None:
        if self.broken:
            raise OSError('no acknowledge')
        register, *values = data
        self._pointer = register
        running = [channel for channel in range(16) if self._may_pulse(channel)]
        for i, value in enumerate(values):
            at = register + (i if self.registers[0x00] & 0x20 else 0)
            if at != 0xFE or self.registers[0x00] & 0x10:  # the prescaler is taken only while it sleeps
                self.registers[at] = value
        asleep = self.registers[0x00] & 0x10
        self.cut += sum(bool(asleep or self.registers[9 + 4 * channel] & 0x10) for channel in running)
        channel, offset = divmod(register - 6, 4)
        if 0 <= channel < 16 and offset == 0 and self.width_s(channel) > 0.0:
            self._quiet_since[channel] = float('inf')
        elif 0 <= channel < 16 and self._quiet_since[channel] == float('inf'):
            self._quiet_since[channel] = time.monotonic()

    def read(self, size: int) -> bytes:
        if self.broken:
            raise OSError('no acknowledge')
        return bytes(self.registers.get(self._pointer + i, 0) for i in range(size))

    def reset(self) -> None:
        """Lose everything, as in a break of the supply."""
        self.registers = {0x00: 0x11, 0xFE: 0x1E, **{9 + 4 * channel: 0x10 for channel in range(16)}}

    def leave_pulses(self, channel: int) -> None:
        """Make pulses that another program began, which writes registers one by one."""
        self.registers |= {0x00: 0x00, 0xFE: 121, 6 + 4 * channel: 0, 7 + 4 * channel: 0, 8 + 4 * channel: 0x33,
                           9 + 4 * channel: 0x01}
        self._quiet_since[channel] = float('inf')

    def _may_pulse(self, channel: int) -> bool:
        """Whether a pulse is made, or the last one may not be complete yet."""
        return self.width_s(channel) > 0.0 or time.monotonic() - self._quiet_since[channel] < 0.02

    def close(self) -> None:
        self.closed = True

    def width_s(self, channel: int) -> float:
        """Return the pulse of a channel in s; 0 for none."""
        on_l, on_h, off_l, off_h = (self.registers.get(6 + 4 * channel + i, 0) for i in range(4))
        if off_h & 0x10 or self.registers[0x00] & 0x10:
            return 0.0
        ticks = ((off_h & 0xF) << 8 | off_l) - ((on_h & 0xF) << 8 | on_l)
        return ticks * (self.registers[0xFE] + 1) / 25e6
