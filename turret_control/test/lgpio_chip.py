# SPDX-License-Identifier: Apache-2.0
"""A GPIO chip under the real lgpio pins of gpiozero: what the kernel would see of every line, and in which order."""

from __future__ import annotations

import collections
import threading
from typing import Any, NamedTuple

import lgpio
import pytest
from gpiozero.pins.lgpio import LGPIOFactory
from gpiozero.pins.local import LocalPiFactory

from turret_common.host.minimum_versions import require
from turret_control.devices.gpio_pins import with_exact_pins

_PI_5 = 0xD04170
_OUT = 2


class Level(NamedTuple):
    """A line was an output with this level (a share of time while it pulses) from then on; None = an input."""

    line: int
    level: float | None


class Chip:
    """Stands in for the calls of lgpio that gpiozero makes.

    Attributes:
        trace: what each line did.
        outside: levels that wires from outside give to inputs; a line without one follows its pull.
        broken: lines whose every use fails, as lgpio fails.
        busy: lines that another process has.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        require('GPIO pins')
        self.trace: list[Level] = []
        self.outside: dict[int, bool] = {}
        self.broken: set[int] = set()
        self.busy: set[int] = set()
        self.frequency: dict[int, float] = {}
        self._pulls: dict[int, bool] = {}
        self._levels: dict[int, float | None] = {}
        for name in (
                'gpiochip_open', 'gpiochip_close', 'gpio_claim_input', 'gpio_claim_output', 'gpio_free', 'gpio_read',
                'gpio_write', 'gpio_get_mode', 'tx_pwm'):
            monkeypatch.setattr(lgpio, name, getattr(self, f'_{name}'))
        monkeypatch.setattr(LGPIOFactory, '_get_revision', lambda factory: _PI_5)
        monkeypatch.setattr(LocalPiFactory, 'pins', {})
        monkeypatch.setattr(LocalPiFactory, '_reservations', collections.defaultdict(list))
        # A device that is collected while another is made would wait for itself.
        monkeypatch.setattr(LocalPiFactory, '_res_lock', threading.RLock())
        self.factory = with_exact_pins(LGPIOFactory(0))

    def close(self) -> None:
        """Close every device that is still open, while this still stands in."""
        self.broken = set()
        reserved = LocalPiFactory._reservations  # noqa: SLF001  gpiozero has no public list
        for device in [ref() for refs in reserved.values() for ref in refs]:
            if device is not None:
                device.close()

    def level(self, line: int) -> float | None:
        """Return the level that a line is driven with; None while it is an input."""
        return self._levels.get(line)

    def levels(self, line: int) -> list[float | None]:
        """Return everything that a line was."""
        return [entry.level for entry in self.trace if entry.line == line]

    def _become(self, line: int, level: float | None) -> int:
        if line in self.broken:
            raise lgpio.error('GPIO not allocated')
        self._levels[line] = level
        self.trace.append(Level(line, level))
        return 0

    def _gpiochip_open(self, chip: int) -> int:
        return chip

    def _gpiochip_close(self, handle: int) -> int:
        return 0

    def _gpio_claim_input(self, handle: int, line: int, flags: int = 0) -> int:
        if line in self.busy:
            raise lgpio.error('GPIO busy')
        self._pulls[line] = bool(flags & lgpio.SET_PULL_UP)
        return self._become(line, None)

    def _gpio_claim_output(self, handle: int, line: int, level: int = 0, flags: int = 0) -> int:
        return self._become(line, float(level))

    def _gpio_free(self, handle: int, line: int) -> int:
        return 0

    def _gpio_read(self, handle: int, line: int) -> int:
        if line in self.broken:
            raise lgpio.error('GPIO not allocated')
        level = self._levels.get(line)
        return int(self.outside.get(line, self._pulls.get(line, False)) if level is None else level > 0.0)

    def _gpio_write(self, handle: int, line: int, level: int) -> int:
        assert self._levels.get(line) is not None, 'an input was written'
        return self._become(line, float(level))

    def _gpio_get_mode(self, handle: int, line: int) -> int:
        return 0 if self._levels.get(line) is None else _OUT

    def _tx_pwm(self, handle: int, line: int, frequency: float, duty: float, *_: Any) -> int:
        self.frequency[line] = frequency
        return self._become(line, duty / 100.0)
