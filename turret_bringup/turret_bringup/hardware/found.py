# SPDX-License-Identifier: Apache-2.0
"""What is plugged into this computer: serial ports, I2C buses, GPIO chips and cameras, without opening any."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Device(NamedTuple):
    """A device file.

    Attributes:
        path: of the device, of a kind that stays the same after a restart where there is one.
        description: what the system knows of it.
    """

    path: str
    description: str


#: USB vendor and product IDs of adapters that servo buses and microcontrollers have.
_ADAPTERS = {
    (0x1A86, 0x55D3): 'CH343: Waveshare bus servo adapter', (0x1A86, 0x7523): 'CH340: FE-URT-1 bus servo adapter',
    (0x0403, 0x6014): 'FT232H: Robotis U2D2', (0x2E8A, 0x0005): 'Raspberry Pi Pico with MicroPython'}


def serial_ports() -> list[Device]:
    """Return the serial ports, USB adapters first; those of the main board that are not connected are left out."""
    from serial.tools import list_ports

    names = {}
    for link in sorted(Path('/dev/serial/by-id').glob('*')):
        names[str(link.resolve())] = str(link)
    found = []
    for port in sorted(list_ports.comports(), key=lambda port: (port.vid is None, port.device)):
        if port.vid is None and port.hwid == 'n/a':
            continue
        known = _ADAPTERS.get((port.vid, port.pid))
        what = known or port.description or 'serial port'
        found.append(Device(names.get(port.device, port.device), f'{what} ({port.device})'))
    return found


def i2c_buses(sys: Path = Path('/sys')) -> list[Device]:
    """Return the I2C buses with the names of their adapters."""
    return _named(sys / 'class' / 'i2c-dev', 'i2c-*')


def gpio_chips(sys: Path = Path('/sys')) -> list[Device]:
    """Return the GPIO chips with their labels."""
    found = []
    for chip in sorted((sys / 'bus' / 'gpio' / 'devices').glob('gpiochip*')):
        label = chip / 'of_node' / 'name'
        found.append(Device(f'/dev/{chip.name}', label.read_text().strip('\0\n') if label.is_file() else 'GPIO'))
    return found


def cameras(sys: Path = Path('/sys')) -> list[Device]:
    """Return the V4L2 devices that capture images, with the names of their cameras."""
    by_id = {}
    for link in sorted(Path('/dev/v4l/by-id').glob('*-index0')):
        by_id[str(link.resolve())] = str(link)
    found = []
    for device in _named(sys / 'class' / 'video4linux', 'video*'):
        index = sys / 'class' / 'video4linux' / Path(device.path).name / 'index'
        if not index.is_file() or index.read_text().strip() == '0':  # others carry metadata
            found.append(device._replace(path=by_id.get(device.path, device.path)))
    return found


def _named(folder: Path, pattern: str) -> list[Device]:
    """Return the devices of a class in sysfs with their names, in the order of their numbers."""
    entries = sorted(folder.glob(pattern), key=lambda entry: (len(entry.name), entry.name))
    return [
        Device(f'/dev/{entry.name}', name.read_text().strip() if (name := entry / 'name').is_file() else entry.name)
        for entry in entries]
