# SPDX-License-Identifier: Apache-2.0
"""What gimbal drivers and ``./turret hw bus`` need of a servo bus, whatever its protocol.

Positions are encoder counts of the servo, speeds are counts/s. A servo is always driven in its position mode with goals
that are a few milliseconds apart: when this process dies it stops at the last one.
"""

from __future__ import annotations

import abc
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.servo_bus.wire import Wire

COUNTS_PER_REVOLUTION = 4096
#: The fault that ends when the motor is powered again.
OVERLOAD = 'overload'
#: The fault of a servo that lost what was written to it, and powers its motor all the same.
RESTARTED = 'restarted by itself'
_ATTEMPTS = 3
_SETTLE_S = 0.05
_LENGTHS = 8  # of the block with the state, one after the other


class Field(NamedTuple):
    """One value in the control table of a servo.

    Attributes:
        address: of its lowest byte.
        size: number of bytes.
        saved: kept in the servo without power; written with the motor off, and only when it changes.
        sign_bit: bit that marks a negative number in sign-magnitude form; -1 for two's complement, None for unsigned.
    """

    address: int
    size: int = 1
    saved: bool = False
    sign_bit: int | None = None

    @property
    def _sign(self) -> int:
        """The bit that marks a negative number; 0 where there is none."""
        return 0 if self.sign_bit is None or self.sign_bit == -1 else 1 << self.sign_bit

    def decode(self, data: bytes) -> int:
        """Return the number in ``data``, whose length is the field's size."""
        value = int.from_bytes(data, 'little', signed=self.sign_bit == -1)
        return -(value & ~self._sign) if value & self._sign else value

    def encode(self, value: int) -> bytes:
        """Return the bytes of a number."""
        if self._sign and value < 0:
            value = -value | self._sign
        return value.to_bytes(self.size, 'little', signed=self.sign_bit == -1)

    def of(self, block: bytes, start: int) -> int:
        """Return the number in a block of the table that begins at address ``start``."""
        return self.decode(block[self.address - start:self.address - start + self.size])


class ServoState(NamedTuple):
    """Measured state of a servo.

    Attributes:
        position: counts.
        velocity: counts/s.
        torque: the motor is powered.
        load: fraction of the maximum torque, signed.
        voltage: supply in V.
        temperature: degrees Celsius.
        faults: names of what is wrong, such as "overload"; empty when nothing is.
    """

    position: int
    velocity: float
    torque: bool
    load: float
    voltage: float
    temperature: float
    faults: tuple[str, ...] = ()


class ServoLimits(NamedTuple):
    """Limits that a servo itself enforces.

    Attributes:
        lower, upper: end positions in counts.
        torque: fraction of the maximum torque.
        temperature: degrees Celsius at which it switches its motor off.
        min_voltage, max_voltage: V beyond which it reports a fault.
    """

    lower: int
    upper: int
    torque: float
    temperature: int
    min_voltage: float
    max_voltage: float


class NoAnswerError(TurretError):
    """A servo did not answer, or not validly; it may be a disturbance."""

    def __init__(self, servo: int) -> None:
        super().__init__(ReasonCode.DRIVER_FAULT, f'servo {servo} does not answer')


class ServoBus(abc.ABC):
    """The servos on one wire. One thread at a time uses it; the loss of the adapter raises OSError.

    Attributes:
        name: name of the protocol.
        bauds: baud rates by the number that selects them in a servo, the default of new servos first.
        max_id: highest ID of a servo.
        table: fields of the control table by name; ``id`` and ``baud`` are among them.
    """

    name: ClassVar[str]
    bauds: ClassVar[Mapping[int, int]]
    max_id: ClassVar[int]
    table: ClassVar[Mapping[str, Field]]

    def __init__(self, wire: Wire, answer_timeout_s: float) -> None:
        """Use a wire, at its baud rate.

        Args:
            wire: the serial line.
            answer_timeout_s: time until a servo begins to answer, with that of the adapter [s].
        """
        self._wire = wire
        self._answer_timeout_s = answer_timeout_s
        self._lost = False  # an answer did not come, and may still come late
        self._extras = itertools.cycle(range(_LENGTHS))

    def close(self) -> None:
        """Release the port."""
        self._wire.close()

    # The protocol

    @abc.abstractmethod
    def ping(self, servo: int) -> int | None:
        """Return the model number of a servo; None when it does not answer."""

    @abc.abstractmethod
    def read(self, servo: int, address: int, size: int) -> bytes:
        """Return ``size`` bytes of a control table. Raises NoAnswerError."""

    @abc.abstractmethod
    def write(self, servo: int, address: int, data: bytes) -> None:
        """Write bytes to a control table. Raises NoAnswerError, or TurretError when the servo refuses them."""

    @abc.abstractmethod
    def read_all(self, servos: Iterable[int], address: int, size: int) -> dict[int, bytes]:
        """Return the same part of the table of several servos.

        Those that did not answer are missing, and so are those of which different answers arrived: two have the ID.
        """

    @abc.abstractmethod
    def write_all(self, address: int, data: Mapping[int, bytes]) -> None:
        """Write the same part of the table of several servos in one packet, without an answer."""

    # The servos

    @abc.abstractmethod
    def states(self, servos: Iterable[int]) -> dict[int, ServoState]:
        """Return the state of several servos; those that did not answer are missing."""

    @abc.abstractmethod
    def move(self, goals: Mapping[int, tuple[int, float]]) -> None:
        """Send the goal [counts] and the maximum speed [counts/s] of several servos."""

    @abc.abstractmethod
    def configure(self, servo: int, limits: ServoLimits) -> None:
        """Switch the motor off, select the position mode and write the limits. Raises TurretError."""

    def set_torque(self, servos: Iterable[int], on: bool) -> None:
        """Power the motors, or not. Raises TurretError when a servo does not confirm it; all are tried."""
        self._each(servos, lambda servo: self.put(servo, 'torque', int(on)))

    @abc.abstractmethod
    def describe(self, servo: int, model: int) -> str:
        """Return the model of a servo in words."""

    # One field of the table

    def get(self, servo: int, name: str) -> int:
        """Return a field of the control table.

        Raises:
            NoAnswerError: no valid answer in three attempts.
        """
        field = self.table[name]
        return field.decode(self._repeat(lambda: self.read(servo, field.address, field.size)))

    def put(self, servo: int, name: str, value: int) -> None:
        """Write a field and read it back; a field that is saved is written only when it changes.

        Raises:
            TurretError: DRIVER_FAULT, the servo does not take it.
        """
        field = self.table[name]
        if field.saved and self.get(servo, name) == value:
            return
        for _ in range(_ATTEMPTS):
            try:
                self._write_field(servo, field, value)
            except NoAnswerError:
                continue
            if self.get(servo, name) == value:
                return
        raise TurretError(ReasonCode.DRIVER_FAULT, f'servo {servo} does not take {name} = {value}')

    def _write_field(self, servo: int, field: Field, value: int) -> None:
        self.write(servo, field.address, field.encode(value))

    # ID and baud rate

    def set_id(self, old: int, new: int) -> None:
        """Give a servo another ID.

        Raises:
            TurretError: OUT_OF_RANGE, ALREADY_EXISTS where a servo has the ID, DRIVER_FAULT where ``old`` does not
                answer.
        """
        if not 0 <= new <= self.max_id:
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'an ID is 0 to {self.max_id}, not {new}')
        if self.ping(new) is not None:
            raise TurretError(ReasonCode.ALREADY_EXISTS, f'a servo with ID {new} is on the bus already')
        self._rewrite(old, 'id', new, new)

    def set_baud(self, servo: int, baud: int) -> None:
        """Give a servo another baud rate, which this bus then uses no longer.

        Raises:
            TurretError: OUT_OF_RANGE, the servo does not have this rate; DRIVER_FAULT, it does not answer.
        """
        code = next((code for code, rate in self.bauds.items() if rate == baud), None)
        if code is None:
            raise TurretError(
                ReasonCode.OUT_OF_RANGE, f'{baud} Bd is not one of {", ".join(map(str, self.bauds.values()))}')
        self._rewrite(servo, 'baud', code, None)

    def _rewrite(self, servo: int, name: str, value: int, then: int | None) -> None:
        """Write ID or baud rate, after which the servo may not answer under its old ones.

        Args:
            servo: its ID so far.
            name: field.
            value: its new value.
            then: ID under which the servo answers afterwards; None for not at all at this baud rate.
        """
        if self.get(servo, name) == value:
            return
        self.set_torque([servo], False)
        try:
            self._write_field(servo, self.table[name], value)
        except NoAnswerError:
            if then is not None and self.ping(then) is None:
                raise

    # Inside

    def _read_repeatedly(self, servos: Iterable[int], address: int, size: int) -> dict[int, bytes]:
        """Return the same part of the table of several servos, as :meth:`read_all`, for questions that are repeated.

        Nothing in an answer shows which of them it belongs to, so that each begins some bytes earlier than the one
        before: an answer that comes late has another length, and is not taken.
        """
        extra = next(self._extras)
        blocks = self.read_all(servos, address - extra, size + extra)
        return {servo: block[extra:] for servo, block in blocks.items()}

    def _each(self, servos: Iterable[int], use: Callable[[int], None]) -> None:
        """Do the same with each servo, also after one has failed."""
        error: TurretError | None = None
        for servo in servos:
            try:
                use(servo)
            except TurretError as failed:
                error = failed
        if error is not None:
            raise error

    def _repeat(self, use: Callable[[], bytes]) -> bytes:
        for _ in range(_ATTEMPTS - 1):
            self._settle()
            try:
                return use()
            except NoAnswerError:
                continue
        self._settle()
        return use()

    def _settle(self) -> None:
        """Wait for answers that are late: nothing in them shows what was asked for."""
        if self._lost:
            self._wire.receive(1 << 16, _SETTLE_S)
            self._lost = False


@dataclasses.dataclass(frozen=True)
class FoundServo:
    """A servo that answered a scan."""

    servo: int
    baud: int
    description: str


def scan(
        open_bus: Callable[[int], ServoBus], bauds: Iterable[int], servos: Iterable[int],
        report: Callable[[FoundServo], None]) -> list[FoundServo]:
    """Ask every ID at every baud rate; nothing is written.

    Args:
        open_bus: opens the bus at a baud rate.
        bauds: baud rates to try.
        servos: IDs to try.
        report: called for each servo that answers.

    Raises:
        TurretError: DRIVER_FAULT, the port cannot be opened.
    """
    found = []
    ids = list(servos)
    for baud in bauds:
        bus = open_bus(baud)
        try:
            for servo in ids:
                model = bus.ping(servo)
                if model is not None:
                    found.append(FoundServo(servo, baud, bus.describe(servo, model)))
                    report(found[-1])
        finally:
            bus.close()
    return found
