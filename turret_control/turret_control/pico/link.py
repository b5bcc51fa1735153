# SPDX-License-Identifier: Apache-2.0
"""Conversation with a Raspberry Pi Pico that runs ``firmware/pico``: identity, orders and states, and its watchdog."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.pico import protocol
from turret_control.servo_bus.wire import Wire

BAUD = 115_200              # of no meaning over USB
WHY_OFF = {
    protocol.NONE: 'for no known reason', protocol.FRAMES_STOPPED: 'no frame arrived in time',
    protocol.ESTOP_PRESSED: 'the emergency stop is pressed', protocol.LATE: 'its loop was late',
    protocol.RESTARTED: 'it was restarted'}
_ANSWER_S = 0.02
_EXPIRY_MS = 50
_SILENCE_S = 0.06           # without frames, after which the watchdog has acted
_ATTEMPTS = 3
_MAX_FLOOD = 4096           # bytes without an answer: not a Pico with this firmware


class PicoState(NamedTuple):
    """STATE of the Pico; see :func:`turret_control.pico.protocol.unpack_state`."""

    time_us: int
    flags: int
    reason: int
    laser_reason: int
    switches: int
    pan: int
    pan_velocity: int
    tilt: int
    tilt_velocity: int
    lost: int


class Identity(NamedTuple):
    """IDENTITY of the Pico; see :func:`turret_control.pico.protocol.unpack_identity`."""

    version: int
    watchdog_ms: int
    pulse_cap_ms: int
    duty_per_mille: int
    window_ms: int
    fitted: int
    max_loop_us: int


class PicoLink:
    """Exchanges frames with a Pico. Used by one thread at a time; the loss of the port raises OSError."""

    def __init__(self, wire: Wire, answer_s: float = _ANSWER_S) -> None:
        """Use a serial port, on which an answer is waited for this long [s]."""
        self._wire = wire
        self._answer_s = answer_s
        self._seq = 0

    def hello(self) -> Identity:
        """Begin a conversation; the Pico switches everything off.

        Raises:
            TurretError: DRIVER_FAULT, no Pico with this firmware answers.
        """
        for _ in range(5):
            payload = self._exchange(protocol.HELLO, b'', protocol.IDENTITY)
            values = None if payload is None else protocol.unpack_identity(payload)
            if values is not None:
                identity = Identity(*values)
                if identity.version != protocol.VERSION:
                    raise TurretError(
                        ReasonCode.DRIVER_FAULT, f'the Pico has version {identity.version} of the protocol instead of '
                        f'{protocol.VERSION}: copy firmware/pico to it again')
                return identity
        raise TurretError(ReasonCode.DRIVER_FAULT, 'no Pico with the firmware of firmware/pico answers')

    def drive(
            self, flags: int, level: int = 0, pan: tuple[int, int, int] = (0, 0, 1),
            tilt: tuple[int, int, int] = (0, 0, 1)) -> PicoState | None:
        """Send an order that is valid for 50 ms; return the state, None when the answer was lost."""
        payload = self._exchange(
            protocol.DRIVE, protocol.pack_drive(_EXPIRY_MS, flags, level, pan, tilt), protocol.STATE)
        values = None if payload is None else protocol.unpack_state(payload)
        return None if values is None else PicoState(*values)

    def close(self) -> None:
        """Release the port; the Pico switches everything off within 50 ms."""
        self._wire.close()

    def _exchange(self, kind: int, payload: bytes, answer: int) -> bytes | None:
        self._seq = (self._seq + 1) & 0xFFFF
        self._wire.send(protocol.encode(kind, self._seq, payload))
        data, flood = bytearray(), _MAX_FLOOD
        while True:
            arrived = self._wire.receive(1, self._answer_s)
            data += arrived
            flood -= len(arrived)
            while (frame := protocol.take_frame(data)) is not None:
                if frame[:2] == (answer, self._seq):
                    return bytes(frame[2])
            if not arrived or flood < 0:
                return None


def require_watchdog(link: PicoLink, sleep: Callable[[float], None]) -> None:
    """Stop the frames for 60 ms and see that the Pico then has switched off what it was asked for.

    It is asked for a laser of level 0, so that nothing is emitted. Everything is off afterwards.

    Raises:
        OSError: the port is lost.
        TurretError: ESTOP_PRESSED, the watchdog cannot be measured now; NO_WATCHDOG, it did not act; DRIVER_FAULT, the
            Pico does not answer.
    """
    for _ in range(_ATTEMPTS):  # frames may be lost
        link.drive(0)
        before = link.drive(protocol.LASER)
        sleep(_SILENCE_S)
        after = link.drive(protocol.LASER)
        link.drive(0)
        if before is None or after is None:
            continue
        if (before.flags | after.flags) & protocol.ESTOP:
            raise TurretError(ReasonCode.ESTOP_PRESSED, 'the emergency stop at the Pico is pressed')
        if (before.reason, after.reason) != (protocol.NONE, protocol.FRAMES_STOPPED):
            raise TurretError(
                ReasonCode.NO_WATCHDOG, f'the watchdog of the Pico does not act {1000 * _SILENCE_S:.0f} ms after the '
                'last frame: copy firmware/pico to it again')
        return
    raise TurretError(ReasonCode.DRIVER_FAULT, 'the Pico does not answer')
