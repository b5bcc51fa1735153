# SPDX-License-Identifier: Apache-2.0
"""The controls of a Video4Linux camera, in the units and ranges that its driver has.

Structures and numbers are those of ``linux/videodev2.h`` and ``linux/v4l2-controls.h``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

_QUERYCTRL = struct.Struct('=II32siiiiI8x')  # id, type, name, minimum, maximum, step, default, flags, reserved
_CONTROL = struct.Struct('=Ii')  # id, value
_VIDIOC_QUERYCTRL = 0xC0445624
_VIDIOC_G_CTRL = 0xC008561B
_VIDIOC_S_CTRL = 0xC008561C
_FLAG_DISABLED = 0x0001

Ioctl = Callable[[int, int, bytearray], int]


class Control(IntEnum):
    """Numbers of controls."""

    BRIGHTNESS = 0x00980900
    CONTRAST = 0x00980901
    SATURATION = 0x00980902
    AUTO_WHITE_BALANCE = 0x0098090C
    RED_BALANCE = 0x0098090E
    BLUE_BALANCE = 0x0098090F
    GAIN = 0x00980913
    WHITE_BALANCE_TEMPERATURE = 0x0098091A
    EXPOSURE_AUTO = 0x009A0901
    EXPOSURE_ABSOLUTE = 0x009A0902  # in units of 100 us
    FOCUS_ABSOLUTE = 0x009A090A
    FOCUS_AUTO = 0x009A090C


EXPOSURE_MANUAL, EXPOSURE_APERTURE_PRIORITY = 1, 3  # values of EXPOSURE_AUTO; webcams have these two


class Range(NamedTuple):
    """What values a control takes."""

    minimum: int
    maximum: int
    step: int
    default: int

    def around_default(self, share: float) -> int:
        """Return the value for -1 (minimum) over 0 (default) to 1 (maximum)."""
        span = self.maximum - self.default if share > 0.0 else self.default - self.minimum
        return self.nearest(self.default + share * span)

    def along(self, share: float) -> int:
        """Return the value for 0 (minimum) to 1 (maximum)."""
        return self.nearest(self.minimum + share * (self.maximum - self.minimum))

    def nearest(self, value: float) -> int:
        """Return the allowed value that is nearest."""
        step = max(self.step, 1)
        steps = round((min(max(value, self.minimum), self.maximum) - self.minimum) / step)
        return min(self.minimum + steps * step, self.maximum)


class V4l2Controls:
    """Access to one device's controls while its images are read elsewhere. Raises OSError when the device is gone."""

    def __init__(self, device: Path, ioctl: Ioctl = fcntl.ioctl) -> None:
        """Open the device.

        Args:
            device: such as ``/dev/video0``.
            ioctl: replaces the system call in tests.
        """
        self._ioctl = ioctl
        self._file = os.open(device, os.O_RDWR | os.O_NONBLOCK)

    def close(self) -> None:
        """Close the device."""
        os.close(self._file)

    def range(self, control: Control) -> Range | None:
        """Return the values that a control takes, None when the camera does not have it."""
        data = bytearray(_QUERYCTRL.pack(control, 0, b'', 0, 0, 0, 0, 0))
        try:
            self._ioctl(self._file, _VIDIOC_QUERYCTRL, data)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return None
            raise
        _, _, _, minimum, maximum, step, default, flags = _QUERYCTRL.unpack(data)
        return None if flags & _FLAG_DISABLED else Range(minimum, maximum, step, default)

    def get(self, control: Control) -> int:
        """Return the value that is in force."""
        data = bytearray(_CONTROL.pack(control, 0))
        self._ioctl(self._file, _VIDIOC_G_CTRL, data)
        return int(_CONTROL.unpack(data)[1])

    def set(self, control: Control, value: int) -> None:
        """Set a value."""
        self._ioctl(self._file, _VIDIOC_S_CTRL, bytearray(_CONTROL.pack(control, value)))
