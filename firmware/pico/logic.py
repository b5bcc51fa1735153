# SPDX-License-Identifier: Apache-2.0
"""What the Pico decides: motion, limit switches, emergency stop, laser caps and the watchdog.

No hardware is used here and time is an argument [us], so that this file also runs under CPython and the Unix port of
MicroPython. The hardware is in main.py.
"""

import protocol

WATCHDOG_US = 50_000    # without a valid frame this long, everything is switched off
_LATE_US = 20_000       # a loop that takes longer may have missed something: everything is switched off
_BUCKETS = 100          # of the window of the duty cap
MAX_RATE = 100_000      # steps/s, which the state machines can make in time


class Axis:
    """A stepper: counts the steps that it plans.

    Attributes:
        position: steps since power-up.
        velocity: steps/s.
        lower, upper: limit switches are pressed; the axis does not move towards one.
    """

    def __init__(self):
        self.position = 0
        self.velocity = 0.0
        self.lower = self.upper = False
        self._order = (0, 0, 1)
        self._part = 0.0  # of a step that is still to be made

    def order(self, target, speed, acceleration):
        """Go to a position [steps] at no more than a speed [steps/s] with an acceleration [steps/s^2]."""
        self._order = (target, min(speed, MAX_RATE), max(1, acceleration))

    def halt(self):
        """Stand at once, as without current."""
        self.velocity = self._part = 0.0
        self._order = (0, 0, self._order[2])

    def plan(self, dt_us):
        """Return the steps of the next period, negative ones towards the lower end."""
        dt = 1e-6 * dt_us
        target, speed, acceleration = self._order
        distance = target - self.position - self._part
        change = acceleration * dt
        # The speed from which the distance is enough to brake: one period at it, then constant deceleration.
        braking = (change * change + 2.0 * acceleration * abs(distance)) ** 0.5 - change
        goal = min(speed, braking) * (1 if distance > 0 else -1)
        self.velocity += max(-change, min(change, goal - self.velocity))
        if (self.velocity > 0 and self.upper) or (self.velocity < 0 and self.lower):
            self.velocity = self._part = 0.0
            return 0
        self._part += self.velocity * dt
        steps = int(self._part + (0.5 if self._part > 0 else -0.5)) if abs(self._part) >= 0.5 else 0
        if speed == 0 and abs(self.velocity) < 1e-6:
            self.velocity = self._part = 0.0
        self._part -= steps
        self.position += steps
        return steps


class Laser:
    """The laser line with its caps.

    Attributes:
        level: 0 to 255, as the line is driven.
        reason: why it is off although it was asked for.
    """

    def __init__(self, pulse_cap_us, duty_cap, window_us):
        self.level = 0
        self.reason = protocol.LASER_FREE
        self._pulse_cap_us = pulse_cap_us
        self._duty_us = int(duty_cap * window_us)
        self._bucket_us = window_us // _BUCKETS
        self._buckets = [0] * (_BUCKETS + 1)
        self._bucket = 0
        self._pulse_us = 0

    def step(self, wanted, dt_us, now_us):
        """Decide the level for the next period; what was on until now counts."""
        bucket = now_us // self._bucket_us
        while self._bucket < bucket:
            if bucket - self._bucket > _BUCKETS:
                self._bucket = bucket - _BUCKETS - 1
            self._bucket += 1
            self._buckets[self._bucket % (_BUCKETS + 1)] = 0
        if self.level:
            self._pulse_us += dt_us
            self._buckets[bucket % (_BUCKETS + 1)] += dt_us
        if not wanted:
            self.level = self._pulse_us = 0
            self.reason = protocol.LASER_FREE
            return
        if self._pulse_us + dt_us > self._pulse_cap_us:
            self.reason = protocol.PULSE_CAP  # until it is not asked for any more
        elif sum(self._buckets) + dt_us > self._duty_us:
            self.reason = protocol.DUTY_CAP
        self.level = 0 if self.reason else wanted


class Machine:
    """The whole state. :meth:`step` is called about every millisecond, :meth:`receive` with what arrived before.

    After a restart everything stays off until a frame asks for nothing, as after everything was switched off.

    Attributes:
        pan, tilt: the axes.
        laser: the laser line.
        motors: the motors are powered.
        indicator: the emission indicator is on.
        reason: why everything was switched off; it stays off until a frame asks for nothing.
    """

    def __init__(self, config):
        """Start with everything off; ``config`` is the module config.py, or has its names."""
        self.pan, self.tilt = Axis(), Axis()
        self.laser = Laser(config.PULSE_CAP_US, config.DUTY_CAP, config.DUTY_WINDOW_US)
        self.motors = self.indicator = False
        self.reason = protocol.RESTARTED
        self._config = config
        self._fitted = config.FITTED
        self._input = bytearray()
        self._deadline_us = None  # until which the newest frame is valid
        self._seq = None
        self._wanted = 0
        self._lost = 0
        self._time_us = None
        self._switches = 0
        self._estop = False
        self._longest_us = 0
        self._asked = False  # for anything that can be switched off

    def receive(self, data, now_us):
        """Take bytes from the host; return what is sent back."""
        self._input.extend(data)
        answers = b''
        while True:
            frame = protocol.take_frame(self._input)
            if frame is None:
                return answers
            kind, seq, payload = frame
            if kind == protocol.HELLO:
                self._seq = None  # a new host begins
                self._off(protocol.NONE)
                answers += protocol.encode(protocol.IDENTITY, seq, protocol.pack_identity(
                    protocol.VERSION, WATCHDOG_US // 1000, self._config.PULSE_CAP_US // 1000,
                    int(1000 * self._config.DUTY_CAP), self._config.DUTY_WINDOW_US // 1000, self._fitted,
                    min(65535, self._longest_us)))
            elif kind == protocol.DRIVE:
                drive = protocol.unpack_drive(payload)
                if drive is None or (self._seq is not None and not protocol.is_newer(seq, self._seq)):
                    continue  # repeated, or older than what is in force
                if self._seq is not None:
                    self._lost += ((seq - self._seq) & 0xFFFF) - 1
                self._seq = seq
                self._drive(drive, now_us)
                answers += protocol.encode(protocol.STATE, seq, self._state(now_us))

    def step(self, now_us, switches, estop):
        """Decide the outputs of the next period.

        Args:
            now_us: time, which does not overflow.
            switches: bits of the pressed switches, as in STATE.
            estop: the emergency stop is pressed, or cannot be read.

        Returns:
            Steps of pan and tilt to make in the next millisecond.
        """
        dt_us = 1000 if self._time_us is None else now_us - self._time_us
        self._time_us = now_us
        self._longest_us = max(self._longest_us, dt_us)
        self._switches, self._estop = switches & self._fitted, estop
        self.pan.lower, self.pan.upper = bool(switches & protocol.PAN_LOWER), bool(switches & protocol.PAN_UPPER)
        self.tilt.lower, self.tilt.upper = bool(switches & protocol.TILT_LOWER), bool(switches & protocol.TILT_UPPER)
        if estop:
            self._off(protocol.ESTOP_PRESSED)
        elif self._deadline_us is not None and now_us >= self._deadline_us:
            self._off(protocol.FRAMES_STOPPED)
        elif dt_us > _LATE_US and self._asked:
            self._off(protocol.LATE)
        self.laser.step(self._wanted, dt_us, now_us)
        if not self.motors:
            return 0, 0
        return self.pan.plan(1000), self.tilt.plan(1000)

    def _drive(self, drive, now_us):
        expiry_ms, flags, level, pan, tilt = drive
        self._deadline_us = now_us + min(WATCHDOG_US, 1000 * expiry_ms)
        self._asked = bool(flags & (protocol.MOTORS | protocol.LASER))
        if not self._asked:
            self.reason = protocol.NONE  # the host has noticed it
        if self.reason or self._estop:
            return
        self.indicator = bool(flags & protocol.INDICATOR)
        self._wanted = level if flags & protocol.LASER else 0
        motors = bool(flags & protocol.MOTORS)
        if motors != self.motors:
            self.pan.halt()
            self.tilt.halt()
            self.motors = motors
        if motors:
            self.pan.order(*pan)
            self.tilt.order(*tilt)

    def _off(self, reason):
        """Switch everything off; for a reason it stays off until the host asks for nothing."""
        if self.motors:
            self.pan.halt()
            self.tilt.halt()
        if (self._asked or reason == protocol.ESTOP_PRESSED) and reason:
            self.reason = reason
        self._asked = False
        self.motors = self.indicator = False
        self._wanted = 0
        self._deadline_us = None

    def _state(self, now_us):
        flags = (
            protocol.MOTORS_ON * self.motors | protocol.LASER_ON * (self.laser.level > 0)
            | protocol.TRIPPED * (self.reason != protocol.NONE) | protocol.ESTOP * self._estop)
        return protocol.pack_state(
            now_us & 0xFFFFFFFF, flags, self.reason, self.laser.reason, self._switches, self.pan.position,
            int(self.pan.velocity), self.tilt.position, int(self.tilt.velocity), self._lost & 0xFFFF)
