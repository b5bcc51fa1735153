# SPDX-License-Identifier: Apache-2.0
"""The authentication code of the commands of the controller."""

from __future__ import annotations

import copy
import math
import struct
from typing import Any

import pytest
from rclpy.serialization import deserialize_message, serialize_message

from turret_control.gimbal.ros_messages import command_authentic, command_of, sign_command
from turret_control.motion import Command, CommandMode
from turret_msgs.msg import GimbalCommand

KEY, OTHER_KEY = b'k' * 32, b'o' * 32


def command() -> GimbalCommand:
    message = GimbalCommand(
        epoch=7, seq=3, monotonic_ns=10_000_000_000, mode=GimbalCommand.MODE_POSITION, pan=0.1, tilt=-0.2,
        pan_rate=math.nan, tilt_rate=1.5)
    message.header.stamp.sec, message.header.stamp.nanosec, message.header.frame_id = 5, 6, 'base_link'
    return sign_command(message, KEY)


def test_a_command_counts_under_its_key_as_it_arrives() -> None:
    received = deserialize_message(serialize_message(command()), GimbalCommand)
    assert command_authentic(received, KEY)
    assert not command_authentic(received, OTHER_KEY)
    assert not command_authentic(GimbalCommand(), KEY)


def test_a_number_of_another_type_is_covered_as_it_is_transmitted() -> None:
    numpy = pytest.importorskip('numpy')
    message = command()
    message.pan, message.tilt = numpy.float64(0.3), -0.0
    sign_command(message, KEY)
    assert command_authentic(deserialize_message(serialize_message(message), GimbalCommand), KEY)


@pytest.mark.parametrize('change', [
    {'epoch': 8}, {'seq': 4}, {'monotonic_ns': 10_000_000_001}, {'mode': 1}, {'mode': 0}, {'pan': 0.11},
    {'pan': math.nan}, {'tilt': 0.2}, {'pan_rate': 0.0}, {'tilt_rate': math.inf}, {'mac': ''}, {'mac': 'é'},
    {'mac': 32 * '0'}])
def test_every_field_is_covered(change: dict[str, Any]) -> None:
    forged = copy.deepcopy(command())
    for field, value in change.items():
        setattr(forged, field, value)
    assert not command_authentic(forged, KEY)


@pytest.mark.parametrize(('field', 'value'), [('sec', 6), ('nanosec', 7), ('frame_id', 'other')])
def test_the_header_is_covered(field: str, value: Any) -> None:
    forged = copy.deepcopy(command())
    setattr(forged.header if field == 'frame_id' else forged.header.stamp, field, value)
    assert not command_authentic(forged, KEY)


@pytest.mark.parametrize('swap', [('pan', 'tilt'), ('pan_rate', 'tilt_rate'), ('pan', 'pan_rate')])
def test_two_numbers_cannot_be_exchanged(swap: tuple[str, str]) -> None:
    forged, first, second = copy.deepcopy(command()), *swap
    values = getattr(forged, second), getattr(forged, first)
    setattr(forged, first, values[0])
    setattr(forged, second, values[1])
    assert not command_authentic(forged, KEY)


def test_the_content_is_that_of_the_message() -> None:
    message = command()
    message.pan_rate = 2.5
    assert command_of(message) == Command(CommandMode.POSITION, 0.1, -0.2, 2.5, 1.5, 3, 7, 10_000_000_000)
    assert struct.pack('<d', command_of(message).tilt) == struct.pack('<d', -0.2)
