"""An I2C bus with a PCA9685 on it, built from the datasheet and not from the code under test."""

from __future__ import annotations


class FakeBus:
    """The registers of one PCA9685, as they are after power-up."""

    def __init__(self) -> None:
        self.registers = {0x00: 0x11, 0xFE: 0x1E, **{9 + 4 * channel: 0x10 for channel in range(16)}}
        self.broken = False
        self.closed = False

    def write(self, data: bytes) -> None:
        if self.broken:
            raise OSError('no acknowledge')
        register, *values = data
        assert len(values) == 1 or self.registers[0x00] & 0x20, 'auto-increment is off'
        for i, value in enumerate(values):
            if register + i == 0xFE and not self.registers[0x00] & 0x10:
                continue  # the prescaler is taken only while it sleeps
            self.registers[register + i] = value

    def close(self) -> None:
        self.closed = True

    def width_s(self, channel: int) -> float:
        """Return the pulse of a channel in s; 0 for none."""
        on_l, on_h, off_l, off_h = (self.registers.get(6 + 4 * channel + i, 0) for i in range(4))
        if off_h & 0x10 or self.registers[0x00] & 0x10:
            return 0.0
        ticks = ((off_h & 0xF) << 8 | off_l) - ((on_h & 0xF) << 8 | on_l)
        return ticks * (self.registers[0xFE] + 1) / 25e6
