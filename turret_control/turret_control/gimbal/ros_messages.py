# SPDX-License-Identifier: Apache-2.0
"""Authenticated commands of the controller to the gimbal."""

from __future__ import annotations

import struct

from turret_common.messages.run_key import mac, mac_valid
from turret_control.motion import Command
from turret_msgs.msg import GimbalCommand

_KIND = 'GimbalCommand'


def command_of(message: GimbalCommand) -> Command:
    """Return the content of a ``GimbalCommand`` message."""
    return Command(
        message.mode, message.pan, message.tilt, message.pan_rate, message.tilt_rate, message.seq, message.epoch,
        message.monotonic_ns)


def sign_command(message: GimbalCommand, key: bytes) -> GimbalCommand:
    """Set the authentication code of a command that is complete otherwise; return the command."""
    message.mac = mac(key, _KIND, _values(message))
    return message


def command_authentic(message: GimbalCommand, key: bytes) -> bool:
    """Return whether a command was made under the key of the run."""
    return mac_valid(message.mac, key, _KIND, _values(message))


def _values(message: GimbalCommand) -> list[bool | int | str]:
    header, numbers = message.header, (message.pan, message.tilt, message.pan_rate, message.tilt_rate)
    return [
        header.stamp.sec, header.stamp.nanosec, header.frame_id, message.epoch, message.seq, message.monotonic_ns,
        message.mode, struct.pack('<4d', *numbers).hex()]  # as they are transmitted
