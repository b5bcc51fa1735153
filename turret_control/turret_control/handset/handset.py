# SPDX-License-Identifier: Apache-2.0
"""The hand-held joystick of the turret that this one replaces: five fields of text, four times a second, over MQTT.

``x,y,joystick_button,laser_button,power``: deflections within -100 to 100 (right and up are positive), buttons as
"true" or "false" in any case, power within 0 to 100. For example ``50,-30,False,true,75.0``. Only the deflections are
used.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_range

_FULL = 100.0
_DEAD_ZONE = 10.0   # of 100: the potentiometers of the handset do not return to exactly zero
_BUTTONS = {'true': True, 'false': False}
_MAX_LENGTH = 200      # characters


@dataclasses.dataclass(frozen=True)
class HandsetParameters:
    """A handset that reaches the turret over an MQTT broker."""

    enabled: bool = param(False, 'Handset control of the head while there is no operator')
    host: str = param('localhost', 'Host name or address of the MQTT broker')
    port: int = param(1883, 'TCP port of the MQTT broker', minimum=1, maximum=65535)
    tls: bool = param(False, 'Encrypted connection to a broker whose certificate this machine trusts')
    user: str = param('', 'User name at the broker')
    password_file: str = param('', 'File with the password at the broker, readable by its owner only')
    topic: str = param('laserturret', 'MQTT topic on which the handset publishes')
    rate: float = param(0.2, 'Angular rate at full deflection', unit='rad/s', minimum=0.01, maximum=0.5, live=True)
    hold_s: float = param(
        0.6, 'Maximum age of a deflection; the handset sends one every 0.25 s', unit='s', minimum=0.3, maximum=0.6)

    def __post_init__(self) -> None:
        if self.enabled and not (self.user and self.password_file):
            raise ValueError('mqtt_joy: a broker without authentication is refused: give user and password_file')


class Deflection(NamedTuple):
    """Where the stick is: -1 to 1, positive right and up; zero within its dead zone."""

    x: float
    y: float

    @property
    def centered(self) -> bool:
        """Whether it is let go."""
        return self.x == self.y == 0.0


def parse(text: str) -> Deflection:
    """Return the deflection in one message.

    Raises:
        TurretError: INVALID_ARGUMENT, NOT_FINITE or OUT_OF_RANGE: the message makes no sense and nothing of it counts.
    """
    fields = [field.strip() for field in text[:_MAX_LENGTH].split(',')]
    if len(fields) != 5 or any(field.lower() not in _BUTTONS for field in fields[2:4]):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{text[:_MAX_LENGTH]}" is not x,y,button,button,power')
    try:
        x, y, power = (float(fields[i]) for i in (0, 1, 4))
    except ValueError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'a field is not a number: {error}') from error
    require_range('x', x, -_FULL, _FULL)
    require_range('y', y, -_FULL, _FULL)
    require_range('power', power, 0.0, _FULL)
    return Deflection(_beyond_dead_zone(x), _beyond_dead_zone(y))


def _beyond_dead_zone(value: float) -> float:
    """Return -1 to 1: 0 within the dead zone, and growing evenly from its edge."""
    beyond = max(0.0, abs(value) - _DEAD_ZONE) / (_FULL - _DEAD_ZONE)
    return beyond if value > 0.0 else -beyond
