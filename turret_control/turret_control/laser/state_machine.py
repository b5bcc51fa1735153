# SPDX-License-Identifier: Apache-2.0
"""The state machine of the laser: when its fire line may be high. For one thread; times are CLOCK_MONOTONIC in ns."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections import deque
from enum import IntEnum
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.permit import Permit, PermitMonitor, laser_code
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_range
from turret_control.laser.emission_budget import HOURLY_NS, EmissionBudget
from turret_control.laser_parameters import DUTY_WINDOW_S, LaserParameters

#: Lifetime of a fire grant after it was issued.
GRANT_LIFETIME_NS = 200_000_000
#: Limits of one request. The maximum pulse length is a parameter.
PULSES_MAX = 10
PULSE_MIN_S = 0.005
GAP_MIN_S, GAP_MAX_S = 0.02, 2.0
_DUTY_WINDOW_NS = round(DUTY_WINDOW_S * 1e9)
_CODES = frozenset(ReasonCode)
_EXPIRED = (ReasonCode.GRANT_EXPIRED, 'the fire grant was not renewed: release the trigger and press it again')
_BUDGET_LOST = 'the emission of this hour cannot be saved'
_NEEDS_RELEASE = (ReasonCode.TRIGGER_NEEDS_NEW_PRESS, 'release the trigger and press it again')

#: Reasons that inhibit emission and leave the laser armed. Every other reason disarms it.
INHIBITS = frozenset({
    ReasonCode.HEARTBEAT_LOST, ReasonCode.NO_FIRE_ZONE, ReasonCode.PERSON_NEAR_BEAM, ReasonCode.EXCLUSION_SILENT,
    ReasonCode.FRAMES_FROZEN, ReasonCode.VISION_STALE, ReasonCode.BEAM_STILL,
})


class LaserState(IntEnum):
    """The constants ``STATE_*`` of ``LaserState.msg``."""

    OFF = 0
    ARMING = 1
    ARMED = 2
    FIRING = 3
    COOLDOWN = 4
    FAULT = 5


class GrantSource(IntEnum):
    """The constants ``SOURCE_*`` of ``FireGrant.msg``."""

    UNKNOWN = 0
    OPERATOR = 1
    AUTO = 2


class Grant(NamedTuple):
    """One message of ``safety/fire_grant``; the fields are those of ``FireGrant.msg``."""

    epoch: int
    seq: int
    monotonic_ns: int
    source: int
    trigger: bool
    burst: int = 0

    def values(self) -> tuple[int, ...]:
        """Return all fields, as :func:`turret_common.messages.run_key.mac` takes them."""
        return tuple(self)


class Lines(NamedTuple):
    """Levels of the lines: the fire line, 0 to 1 of full power, and the emission indicator."""

    laser: float
    indicator: bool


@dataclasses.dataclass(frozen=True)
class Burst:
    """Pulses with pauses between them, in s."""

    pulses: int
    pulse_s: float
    gap_s: float


@dataclasses.dataclass(frozen=True)
class LaserSnapshot:
    """State of the laser for reports; the fields are those of ``LaserState.msg``."""

    state: LaserState
    emitting: bool
    indicator: bool
    session_remaining_s: float
    power: float
    arming_remaining_s: float
    arm_remaining_s: float
    cooldown_remaining_s: float
    duty: float
    fire_count: int
    dry_fire_count: int
    code: ReasonCode
    message: str


@dataclasses.dataclass
class _Firing:
    """A burst under way.

    Attributes:
        burst: its pulses.
        pulses_left: pulses that have not begun.
        edge_ns: when the next pulse or pause begins.
        granted_until_ns: when the authority for it expires unless a grant renews it; None for a burst that was
            requested by service, which only the permit ends.
        hold: it lasts as long as the trigger is held.
        number: epoch and number of an automatic burst, which only its own grants renew or end; None for any other.
        on_since_ns: begin of the pulse under way.
    """

    burst: Burst
    pulses_left: int
    edge_ns: int
    granted_until_ns: int | None = None
    hold: bool = False
    number: tuple[int, int] | None = None
    on_since_ns: int | None = None


class LaserCore:
    """The state machine off, arming, armed, firing, cooldown, fault.

    :meth:`tick` returns the levels of the lines and must be called at least every few milliseconds; all other methods
    only change the result of the next tick. A request that raises :class:`TurretError` has changed nothing.

    Attributes:
        state: present state.
        budget: emission of the last hour, which the class 2 profile limits.
    """

    def __init__(
            self, parameters: LaserParameters, permits: PermitMonitor, budget: EmissionBudget | None = None,
            unknown_until_ns: int | None = None, pulse_lost: bool = False) -> None:
        """Start disarmed.

        Args:
            parameters: of the laser.
            permits: permits of the safety node; updated in the thread that owns the state machine.
            budget: emission of the last hour.
            unknown_until_ns: time before which an earlier process may have emitted: its emission is assumed to have
                reached the duty cap then. None where there was no earlier process.
            pulse_lost: that process may have been killed in a pulse, which then counts as the longest one, until now.
        """
        self._parameters = parameters
        self._permits = permits
        self._power = parameters.power
        self.state = LaserState.OFF
        self._off_code = ReasonCode.NOT_ARMED
        self._off_message = 'arm first'
        self._armed_by: Permit | None = None
        self._armed_from_ns = 0
        self._used_ns = 0
        self._cooldown_until_ns = 0
        self._firing: _Firing | None = None
        self._emissions: deque[tuple[int, int]] = deque()
        self.budget = budget or EmissionBudget()
        self._budget_lost = False  # the class 2 profile holds, and the emission of this hour cannot be saved
        self._grant_order = (0, 0)
        if unknown_until_ns is not None:
            self._emissions.append((unknown_until_ns - self._duty_cap_ns(), unknown_until_ns))
            if pulse_lost and parameters.class2_play:
                self.budget.add(unknown_until_ns - _ns(parameters.max_pulse_s), unknown_until_ns)
        self._auto_burst = (0, 0)  # epoch and number of the newest automatic burst
        self._needs_release = False
        self._expired = False  # the newest burst ended because its grant was not renewed
        self._fire_count = 0
        self._dry_fire_count = 0

    # Requests

    def arm(self, now_ns: int) -> None:
        """Begin to arm.

        Raises:
            TurretError: BUSY when that is done already, the fault's code, or why the permit withholds emission.
        """
        if self.state is LaserState.FAULT:
            raise TurretError(self._off_code, self._off_message)
        if self.state is not LaserState.OFF:
            raise TurretError(ReasonCode.BUSY, f'the laser is {self.state.name.lower()} already')
        permit = self._permits.newest
        self._check_permit(permit, now_ns)
        if self._session_left_ns(now_ns) <= 0:
            raise TurretError(ReasonCode.SESSION_LIMIT, 'hourly emission limit reached')
        if self._budget_lost:
            raise TurretError(ReasonCode.IO_ERROR, _BUDGET_LOST)
        self._armed_by = permit
        self._armed_from_ns = now_ns + _ns(self._parameters.arm_delay_s)
        self.state = LaserState.ARMING

    def disarm(self, now_ns: int) -> None:
        """Switch emission off and disarm. Never refused."""
        self._emission_off(ReasonCode.DISARMED, now_ns)

    def fire(self, pulses: int, pulse_s: float, gap_s: float, now_ns: int) -> None:
        """Begin one burst; 0 stands for the parameter's value.

        Raises:
            TurretError: NOT_FINITE, OUT_OF_RANGE or PULSE_CAP for the request; NOT_ARMED, ARMING, COOLDOWN, BUSY,
                POWER_ZERO, DUTY_EXCEEDED, or why the permit withholds emission.
        """
        parameters = self._parameters
        burst = Burst(
            pulses or parameters.burst_count, pulse_s or parameters.pulse_s, gap_s or parameters.burst_gap_s)
        require_range('pulses', burst.pulses, 1, PULSES_MAX)
        require_range('pulse_s', burst.pulse_s, PULSE_MIN_S, math.inf)
        require_range('gap_s', burst.gap_s, GAP_MIN_S, GAP_MAX_S)
        if burst.pulse_s > parameters.max_pulse_s:
            raise TurretError(ReasonCode.PULSE_CAP, f'the maximum pulse length is {parameters.max_pulse_s:g} s')
        self._begin(burst, now_ns)

    def grant(self, grant: Grant, now_ns: int) -> None:
        """Process a fire grant: an operator's grants fire while they are renewed, automatic ones fire one burst.

        A grant that is old, repeated or of another safety process is ignored. A trigger that was held while firing was
        not possible, or beyond the end of a burst, counts only once it was released. An automatic burst ends when its
        grant is not renewed or is withdrawn (``trigger`` false).
        """
        permit = self._permits.newest
        order = (grant.epoch, grant.seq)
        if (permit is None or grant.epoch != permit.epoch or order <= self._grant_order
                or not 0 <= now_ns - grant.monotonic_ns < GRANT_LIFETIME_NS):
            return
        self._grant_order = order
        if grant.source == GrantSource.AUTO:
            self._automatic(grant, now_ns)
        elif grant.source == GrantSource.OPERATOR:
            self._hold(grant, now_ns)

    def _hold(self, grant: Grant, now_ns: int) -> None:
        firing = self._firing
        until_ns = grant.monotonic_ns + GRANT_LIFETIME_NS
        if not grant.trigger:
            if firing is not None and firing.hold:
                self._end_burst(now_ns)
            self._needs_release = self._expired = False
        elif firing is not None and firing.hold:
            firing.granted_until_ns = until_ns
        elif not self._needs_release:
            try:
                self._begin(Burst(1, self._parameters.max_pulse_s, 0.0), now_ns, until_ns, hold=True)
            except TurretError:
                self._needs_release = True

    def _automatic(self, grant: Grant, now_ns: int) -> None:
        firing, number = self._firing, (grant.epoch, grant.burst)
        until_ns = grant.monotonic_ns + GRANT_LIFETIME_NS
        if firing is not None and firing.number == number:
            if grant.trigger:
                firing.granted_until_ns = until_ns
            else:
                self._end_burst(now_ns)
        elif grant.trigger and number > self._auto_burst:
            parameters = self._parameters
            self._auto_burst = number
            with contextlib.suppress(TurretError):  # it is refused; the safety node decides on the next one
                self._begin(
                    Burst(parameters.burst_count, parameters.pulse_s, parameters.burst_gap_s), now_ns, until_ns,
                    number=number)

    def set_power(self, power: float, now_ns: int) -> None:
        """Set the power; 0 switches emission off at once.

        Raises:
            TurretError: NOT_FINITE or OUT_OF_RANGE; POWER_CAP above the cap; NOT_SUPPORTED for a laser that cannot be
                dimmed; WRONG_MODE for more power while armed.
        """
        require_range('power', power, 0.0, 1.0)
        if not self._parameters.dimmable and power not in (0.0, 1.0):
            raise TurretError(ReasonCode.NOT_SUPPORTED, f'{self._parameters.driver} only switches: 0 or 1')
        if power > self._parameters.power_cap:
            raise TurretError(ReasonCode.POWER_CAP, f'the power is capped at {self._parameters.power_cap:g}')
        if power > self._power and self.state not in (LaserState.OFF, LaserState.FAULT):
            raise TurretError(ReasonCode.WRONG_MODE, 'disarm the laser to raise its power')
        self._power = power
        if power == 0.0:
            self._end_burst(now_ns)

    def reset_count(self) -> None:
        """Set the fire counters to zero."""
        self._fire_count = self._dry_fire_count = 0

    def change_parameters(self, parameters: LaserParameters) -> None:
        """Take changed parameters.

        Raises:
            ValueError: while the laser is armed.
        """
        if self.state not in (LaserState.OFF, LaserState.FAULT):
            raise ValueError('disarm the laser before changing its parameters')
        self._parameters = parameters

    def observe_budget(self, saved: bool) -> None:
        """Take whether the emission of this hour is saved, without which a restart would forget it."""
        self._budget_lost = self._parameters.class2_play and not saved

    def fault(self, code: ReasonCode, message: str, now_ns: int) -> None:
        """Switch emission off and refuse to arm until :meth:`clear_fault`."""
        self._emission_off(code, now_ns)
        self.state, self._off_code, self._off_message = LaserState.FAULT, code, message

    def clear_fault(self) -> None:
        """End a fault whose cause is gone. The laser stays disarmed."""
        if self.state is LaserState.FAULT:
            self.state, self._off_code, self._off_message = LaserState.OFF, ReasonCode.NOT_ARMED, 'arm first'

    # Time

    def tick(self, now_ns: int) -> Lines:
        """Advance to ``now_ns`` and return the levels of the lines."""
        if self.state not in (LaserState.OFF, LaserState.FAULT):
            code, disarms = self._inhibited(now_ns)
            if disarms:
                self._emission_off(code, now_ns)
            elif self._session_left_ns(now_ns) <= 0:
                self._emission_off(ReasonCode.SESSION_LIMIT, now_ns)
            elif self._budget_lost:
                self._emission_off(ReasonCode.IO_ERROR, now_ns)
                self._off_message = _BUDGET_LOST
            elif code is not ReasonCode.OK:
                self._end_burst(now_ns)
        if self.state is LaserState.ARMING and now_ns >= self._armed_from_ns:
            self._used_ns = now_ns
            self.state = LaserState.COOLDOWN
        if self.state is LaserState.FIRING:
            self._advance(now_ns)
        if self.state is LaserState.COOLDOWN and now_ns >= self._cooldown_until_ns:
            self.state = LaserState.ARMED
        if self.state is LaserState.ARMED and now_ns - self._used_ns >= _ns(self._parameters.arm_expiry_s):
            self._emission_off(ReasonCode.ARM_EXPIRED, now_ns)
        on = self._firing is not None and self._firing.on_since_ns is not None and not self._parameters.dry_run
        return Lines(self._power if on else 0.0, self.state not in (LaserState.OFF, LaserState.FAULT))

    def next_ns(self, now_ns: int) -> int | None:
        """Return when the next tick is needed to keep the length of a pulse or pause; None = there is none."""
        firing = self._firing
        if firing is None:
            return None
        if firing.on_since_ns is None:
            return firing.edge_ns
        return min(firing.edge_ns, now_ns + self._duty_left_ns(now_ns))

    def snapshot(self, now_ns: int) -> LaserSnapshot:
        """Return the state of the laser for reports."""
        code, message = self._not_ready(now_ns)
        armed = self.state in (LaserState.ARMED, LaserState.COOLDOWN, LaserState.FIRING)
        firing = self._firing is not None and self._firing.on_since_ns is not None
        return LaserSnapshot(
            state=self.state,
            emitting=firing and not self._parameters.dry_run,
            indicator=self.state not in (LaserState.OFF, LaserState.FAULT),
            session_remaining_s=(
                _s(self._session_left_ns(now_ns)) if self._parameters.class2_play else math.nan),
            power=self._power,
            arming_remaining_s=_s(self._armed_from_ns - now_ns) if self.state is LaserState.ARMING else 0.0,
            arm_remaining_s=(
                _s(self._used_ns - now_ns) + self._parameters.arm_expiry_s if armed else 0.0),
            cooldown_remaining_s=_s(max(0, self._cooldown_until_ns - now_ns)),
            duty=self._duty_ns(now_ns) / _DUTY_WINDOW_NS,
            fire_count=self._fire_count, dry_fire_count=self._dry_fire_count, code=code, message=message)

    # Rules

    def _check_permit(self, permit: Permit | None, now_ns: int) -> None:
        code = laser_code(permit, now_ns)
        if code is ReasonCode.OK:
            return
        if permit is not None and code is not ReasonCode.PERMIT_STALE and permit.reasons:
            code = _known(permit.reasons[0])
        raise TurretError(code, f'emission is inhibited: {code.name}')

    def _inhibited(self, now_ns: int) -> tuple[ReasonCode, bool]:
        """Return why an armed laser may not emit now (OK = it may) and whether that disarms it."""
        permit, armed_by = self._permits.newest, self._armed_by
        code = laser_code(permit, now_ns)
        if permit is None or armed_by is None:
            return code, True
        if permit.epoch != armed_by.epoch:
            return ReasonCode.PERMIT_EPOCH, True
        if permit.estop_count != armed_by.estop_count:  # one that this process missed
            return ReasonCode.ESTOP_PRESSED, True
        if permit.stop_count != armed_by.stop_count:
            return ReasonCode.SOFTWARE_STOP, True
        if permit.lease_digest != armed_by.lease_digest:
            return ReasonCode.OPERATOR_CHANGED if permit.lease_digest else ReasonCode.NO_OPERATOR, True
        reasons = [_known(reason) for reason in permit.reasons]
        for reason in reasons:
            if reason not in INHIBITS:
                return reason, True
        if code is ReasonCode.FIRE_NOT_PERMITTED and reasons:
            return reasons[0], False
        return code, code is not ReasonCode.OK

    def _begin(
            self, burst: Burst, now_ns: int, granted_until_ns: int | None = None, hold: bool = False,
            number: tuple[int, int] | None = None) -> None:
        refusals = {
            LaserState.OFF: ReasonCode.NOT_ARMED, LaserState.FAULT: self._off_code,
            LaserState.ARMING: ReasonCode.ARMING, LaserState.FIRING: ReasonCode.BUSY,
            LaserState.COOLDOWN: ReasonCode.COOLDOWN}
        if self.state in refusals:
            raise TurretError(refusals[self.state], f'the laser is {self.state.name.lower()}')
        self._check_permit(self._permits.newest, now_ns)
        if self._power <= 0.0:
            raise TurretError(ReasonCode.POWER_ZERO, 'the power is zero: nothing would be emitted')
        wanted_ns = 1 if hold else _ns(burst.pulses * burst.pulse_s)
        left_ns = self._duty_left_ns(now_ns)
        if wanted_ns > left_ns:
            raise TurretError(
                ReasonCode.DUTY_EXCEEDED, f'only {_s(left_ns):.2f} s of emission are left for now')
        self._firing = _Firing(burst, burst.pulses, now_ns, granted_until_ns, hold, number)
        self.state = LaserState.FIRING

    def _advance(self, now_ns: int) -> None:
        """Switch the beam of the burst under way, or finish the burst."""
        firing = self._firing
        assert firing is not None
        expired = firing.granted_until_ns is not None and now_ns >= firing.granted_until_ns
        if expired or self._duty_left_ns(now_ns) <= 0:
            self._end_burst(now_ns)
            self._expired = expired
        elif now_ns >= firing.edge_ns:
            if firing.on_since_ns is None:
                self._begin_pulse(firing, now_ns)
            elif firing.pulses_left:
                self._end_pulse(firing, now_ns)
                firing.edge_ns = now_ns + _ns(firing.burst.gap_s)
            else:
                self._end_burst(now_ns)

    def _begin_pulse(self, firing: _Firing, now_ns: int) -> None:
        firing.on_since_ns = now_ns
        firing.edge_ns = now_ns + _ns(firing.burst.pulse_s)
        firing.pulses_left -= 1
        if self._parameters.dry_run:
            self._dry_fire_count += 1
        else:
            self._fire_count += 1

    def _end_pulse(self, firing: _Firing, now_ns: int) -> None:
        if firing.on_since_ns is not None:
            self._emissions.append((firing.on_since_ns, now_ns))
            self.budget.add(firing.on_since_ns, now_ns)
            firing.on_since_ns = None
        while self._emissions and self._emissions[0][1] <= now_ns - _DUTY_WINDOW_NS:
            self._emissions.popleft()

    def _end_burst(self, now_ns: int) -> None:
        firing = self._firing
        if firing is None:
            return
        self._end_pulse(firing, now_ns)
        self._firing = None
        self._needs_release = firing.hold
        self._expired = False
        self._used_ns = now_ns
        self._cooldown_until_ns = now_ns + _ns(self._parameters.cooldown_s)
        self.state = LaserState.COOLDOWN

    def _emission_off(self, code: ReasonCode, now_ns: int) -> None:
        self._end_burst(now_ns)
        if self.state is not LaserState.FAULT:
            self.state = LaserState.OFF
            self._off_code, self._off_message = code, code.words

    def _duty_ns(self, now_ns: int) -> int:
        """Return the emission time within the duty window that ends now."""
        start_ns = now_ns - _DUTY_WINDOW_NS
        spans = list(self._emissions)
        if self._firing is not None and self._firing.on_since_ns is not None:
            spans.append((self._firing.on_since_ns, now_ns))
        return sum(off - max(on, start_ns) for on, off in spans if off > start_ns)

    def _duty_left_ns(self, now_ns: int) -> int:
        if self._parameters.class2_play:
            return self._session_left_ns(now_ns)
        return self._duty_cap_ns() - self._duty_ns(now_ns)

    def _duty_cap_ns(self) -> int:
        return round(self._parameters.duty_cap * _DUTY_WINDOW_NS)

    def _session_left_ns(self, now_ns: int) -> int:
        """Return the emission time that is left in this hour under the class 2 profile."""
        left_ns = self.budget.left_ns(now_ns)  # also forgets what is older
        if self._firing is not None and self._firing.on_since_ns is not None:
            left_ns -= now_ns - self._firing.on_since_ns
        return left_ns if self._parameters.class2_play else HOURLY_NS

    def _not_ready(self, now_ns: int) -> tuple[ReasonCode, str]:
        """Return why a fire request would be refused now, or why emission was switched off; OK when neither."""
        parameters = self._parameters
        if self.state in (LaserState.OFF, LaserState.FAULT):
            return self._off_code, self._off_message
        if self.state is LaserState.ARMING:
            return ReasonCode.ARMING, ''
        code, _ = self._inhibited(now_ns)
        if code is not ReasonCode.OK:
            return code, f'emission is inhibited: {code.words}'
        if self._power <= 0.0:
            return ReasonCode.POWER_ZERO, 'the power is zero'
        if self.state is LaserState.COOLDOWN:
            return _EXPIRED if self._expired else (ReasonCode.COOLDOWN, '')
        if self.state is LaserState.FIRING:
            return ReasonCode.BUSY, ''
        if _ns(parameters.burst_count * parameters.pulse_s) > self._duty_left_ns(now_ns):
            return ReasonCode.DUTY_EXCEEDED, 'the duty cap is reached'
        if self._needs_release:
            return _EXPIRED if self._expired else _NEEDS_RELEASE
        return ReasonCode.OK, ''


def _known(code: int) -> ReasonCode:
    """Return a reason code from a message; an unknown number forbids emission."""
    return ReasonCode(code) if code in _CODES else ReasonCode.FIRE_NOT_PERMITTED


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _s(nanoseconds: int) -> float:
    return nanoseconds * 1e-9
