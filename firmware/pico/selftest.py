# SPDX-License-Identifier: Apache-2.0
"""Checks of protocol and logic for CPython, the Unix port of MicroPython and the Pico: ``micropython selftest.py``."""

import config
import logic
import protocol

STEP_US = 1000
STILL = (0, 0, 1)


def drive(seq, flags, level=0, pan=STILL, tilt=STILL, expiry_ms=50):
    return protocol.encode(protocol.DRIVE, seq, protocol.pack_drive(expiry_ms, flags, level, pan, tilt))


def state_of(answer):
    frame = protocol.take_frame(bytearray(answer))
    return protocol.unpack_state(frame[2])


class Bench:
    """A machine and its time."""

    def __init__(self):
        self.machine = logic.Machine(config)
        self.now_us = 0
        self.seq = 0
        self.machine.receive(drive(0, 0), 0)  # which ends the state after the restart
        self.switches = 0
        self.estop = False
        self.made = 0

    def step(self, count=1):
        for _ in range(count):
            self.now_us += STEP_US
            self.made += self.machine.step(self.now_us, self.switches, self.estop)[0]

    def send(self, flags, level=0, pan=STILL, tilt=STILL, expiry_ms=50):
        self.seq += 1
        return self.machine.receive(drive(self.seq, flags, level, pan, tilt, expiry_ms), self.now_us)

    def hold(self, milliseconds, *args):
        """Send a frame every 10 ms."""
        answer = b''
        for _ in range(milliseconds // 10):
            answer = self.send(*args)
            self.step(10)
        return state_of(answer)


def frames_survive_noise():
    for noise in (b'', b'\xa5', b'\xa5\x03', b'\x00\xa5\xff\xa5', b'\xa5\xa5\x02\x01'):
        data = bytearray(noise + drive(7, 3) + drive(8, 3))
        found = []
        while True:
            frame = protocol.take_frame(data)
            if frame is None:
                break
            found.append(frame[1])
        assert found and found[-1] == 8, (noise, found)
    good = drive(7, 3)
    for i in range(1, len(good)):
        bad = bytearray(good)
        bad[i] ^= 0x10
        frame = protocol.take_frame(bad)
        assert frame is None, i


def numbers_survive():
    values = (2**31, 3, 1, 2, 63, -5, -2**31, 2**31 - 1, 7, 65535)
    assert protocol.unpack_state(protocol.pack_state(*values)) == values
    assert protocol.unpack_state(b'') is None
    assert protocol.crc16(b'123456789') == 0x29B1


def silence_switches_everything_off_within_its_time():
    bench = Bench()
    state = bench.hold(100, protocol.MOTORS | protocol.LASER, 255, (10**6, 1000, 10000))
    assert state[1] & protocol.MOTORS_ON and state[1] & protocol.LASER_ON
    begin = bench.now_us
    bench.send(protocol.MOTORS | protocol.LASER, 255, (10**6, 1000, 10000))
    while bench.machine.motors or bench.machine.laser.level:
        bench.step()
        assert bench.now_us - begin <= logic.WATCHDOG_US + STEP_US
    assert bench.machine.reason == protocol.FRAMES_STOPPED
    state = bench.hold(50, protocol.MOTORS | protocol.LASER, 255)
    assert not state[1] & (protocol.MOTORS_ON | protocol.LASER_ON), 'it stays off'
    assert state[1] & protocol.TRIPPED
    bench.hold(20, 0)
    assert bench.hold(50, protocol.MOTORS)[1] & protocol.MOTORS_ON


def a_shorter_expiry_holds_and_a_longer_one_does_not():
    for expiry_ms, limit_us in ((20, 20000), (255, logic.WATCHDOG_US)):
        bench = Bench()
        bench.send(protocol.MOTORS, 0, STILL, STILL, expiry_ms)
        begin = bench.now_us
        while bench.machine.motors:
            bench.step()
        assert bench.now_us - begin <= limit_us + STEP_US


def repeated_and_old_frames_are_left_out():
    bench = Bench()
    bench.hold(50, protocol.MOTORS)
    frame = drive(bench.seq, protocol.MOTORS)
    for _ in range(10):
        assert bench.machine.receive(frame, bench.now_us) == b''
        bench.step(10)
    assert not bench.machine.motors, 'a stuck host that repeats itself does not feed the watchdog'


def the_emergency_stop_acts_without_the_host():
    bench = Bench()
    bench.hold(50, protocol.MOTORS | protocol.LASER, 255)
    bench.estop = True
    bench.step()
    assert not bench.machine.motors and bench.machine.laser.level == 0
    assert bench.hold(30, protocol.MOTORS)[1] & protocol.ESTOP
    bench.estop = False
    assert not bench.hold(30, protocol.MOTORS)[1] & protocol.MOTORS_ON
    bench.hold(20, 0)
    assert bench.hold(30, protocol.MOTORS)[1] & protocol.MOTORS_ON


def a_limit_switch_stops_its_direction_only():
    bench = Bench()
    bench.hold(200, protocol.MOTORS, 0, (10**6, 1000, 10000))
    bench.switches = protocol.PAN_UPPER
    before = bench.machine.pan.position
    bench.hold(50, protocol.MOTORS, 0, (10**6, 1000, 10000))
    assert bench.machine.pan.position == before
    bench.hold(100, protocol.MOTORS, 0, (-10**6, 1000, 10000))
    assert bench.machine.pan.position < before


def motion_keeps_speed_and_acceleration_and_arrives():
    bench = Bench()
    fastest, last, gain = 0.0, 0.0, 0.0
    for _ in range(150):
        bench.send(protocol.MOTORS, 0, (500, 800, 8000))
        for _ in range(10):
            bench.step()
            speed = bench.machine.pan.velocity
            fastest, gain, last = max(fastest, abs(speed)), max(gain, abs(speed - last)), speed
    assert bench.machine.pan.position == 500 == bench.made
    assert bench.machine.pan.velocity < 1.0
    assert fastest <= 800.1 and gain <= 8000 * 1e-3 * 1.01, (fastest, gain)


def an_order_beyond_reason_takes_no_more_steps_than_can_be_made():
    bench = Bench()
    for _ in range(20):
        bench.send(protocol.MOTORS, 0, (2**31 - 1, 2**32 - 1, 2**32 - 1), (-2**31, 2**32 - 1, 2**32 - 1))
        for _ in range(10):
            bench.now_us += STEP_US
            for steps in bench.machine.step(bench.now_us, 0, False):
                assert abs(steps) <= logic.MAX_RATE * STEP_US // 10**6
    assert bench.machine.tilt.position < 0 < bench.machine.pan.position


def an_order_with_speed_0_brakes():
    bench = Bench()
    bench.hold(300, protocol.MOTORS, 0, (10**6, 1000, 10000))
    assert bench.machine.pan.velocity > 990
    bench.hold(150, protocol.MOTORS, 0, (0, 0, 10000))
    assert bench.machine.pan.velocity == 0.0


def the_laser_keeps_its_caps():
    bench = Bench()
    on_us = max_us = pulse_us = 0
    for _ in range(1500):  # 15 s of asking for it
        bench.send(protocol.LASER, 255)
        for _ in range(10):
            bench.step()
            if bench.machine.laser.level:
                on_us, pulse_us = on_us + STEP_US, pulse_us + STEP_US
                max_us = max(max_us, pulse_us)
            else:
                pulse_us = 0
    assert max_us <= config.PULSE_CAP_US
    assert bench.machine.laser.reason == protocol.PULSE_CAP
    on_us = 0
    for cycle in range(1000):  # pulses of 90 ms every 100 ms for 10 s
        bench.send(protocol.LASER if cycle % 10 else 0, 255)
        for _ in range(10):
            bench.step()
            on_us += STEP_US * (bench.machine.laser.level > 0)
    assert config.DUTY_CAP * config.DUTY_WINDOW_US * 0.9 < on_us <= config.DUTY_CAP * config.DUTY_WINDOW_US, on_us


def a_restart_leaves_everything_off_until_nothing_is_asked_for():
    bench = Bench()
    bench.machine = logic.Machine(config)
    assert not bench.hold(50, protocol.MOTORS)[1] & protocol.MOTORS_ON
    assert bench.machine.reason == protocol.RESTARTED
    bench.hold(20, 0)
    assert bench.hold(50, protocol.MOTORS)[1] & protocol.MOTORS_ON


def a_loop_that_hangs_switches_off():
    bench = Bench()
    bench.hold(50, protocol.MOTORS)
    bench.send(protocol.MOTORS)
    bench.now_us += 30000
    bench.step()
    assert not bench.machine.motors
    assert bench.machine.reason == protocol.LATE


def the_identity_has_the_caps():
    bench = Bench()
    bench.hold(50, protocol.MOTORS)
    frame = protocol.take_frame(bytearray(bench.machine.receive(protocol.encode(protocol.HELLO, 1), bench.now_us)))
    assert frame[0] == protocol.IDENTITY
    identity = protocol.unpack_identity(frame[2])
    assert identity[:5] == (protocol.VERSION, 50, 1100, 220, 10000)
    assert not bench.machine.motors, 'a new host finds everything off'


TESTS = (
    frames_survive_noise, numbers_survive, silence_switches_everything_off_within_its_time,
    a_shorter_expiry_holds_and_a_longer_one_does_not, repeated_and_old_frames_are_left_out,
    the_emergency_stop_acts_without_the_host, a_limit_switch_stops_its_direction_only,
    motion_keeps_speed_and_acceleration_and_arrives, an_order_beyond_reason_takes_no_more_steps_than_can_be_made,
    an_order_with_speed_0_brakes, the_laser_keeps_its_caps,
    a_restart_leaves_everything_off_until_nothing_is_asked_for, a_loop_that_hangs_switches_off,
    the_identity_has_the_caps)


if __name__ == '__main__':
    for test in TESTS:
        test()
        print('good:', test.__name__)
