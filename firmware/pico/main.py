# SPDX-License-Identifier: Apache-2.0
"""The hardware of the Pico around logic.py: pins, step pulses by PIO, USB serial and the chip's own watchdog.

The loop runs about every millisecond. It feeds the hardware watchdog, which restarts the chip when the loop hangs for
50 ms; all pins are inputs then, and the resistors switch laser and motors off.
"""

import sys
import time

import config
import logic
import machine
import micropython
import rp2
import select

_PERIOD_US = 1000
_PIO_HZ = 1_000_000
_SPREAD_US = 950     # over which the steps of a period are spread, so that they are made before the next one
_STEP_CYCLES = 8     # of a step in the PIO program beside the pause


@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def step_pulses():
    """Make as many pulses as the first word says, plus one, with a pause of the second word [us] after each."""
    pull(block)
    mov(y, osr)
    pull(block)
    label('step')
    set(pins, 1)[3]
    set(pins, 0)
    mov(x, osr)
    label('wait')
    jmp(x_dec, 'wait')
    jmp(y_dec, 'step')


class Motor:
    """STEP by a state machine, DIR and ENABLE by pins."""

    def __init__(self, number, step, direction, enable, invert):
        self._invert = invert
        self._enable = machine.Pin(enable, machine.Pin.OUT, value=config.ENABLE_ACTIVE_LOW)
        self._direction = machine.Pin(direction, machine.Pin.OUT, value=0)
        self._pulses = rp2.StateMachine(number, step_pulses, freq=_PIO_HZ, set_base=machine.Pin(step))
        self._pulses.active(1)

    def power(self, on):
        self._enable.value(on != config.ENABLE_ACTIVE_LOW)

    def make(self, steps):
        """Spread steps over the next period."""
        if steps:
            self._direction.value((steps > 0) != self._invert)
            count = abs(steps)
            self._pulses.put(count - 1)
            self._pulses.put(max(0, _SPREAD_US // count - _STEP_CYCLES))


def contact(pin):
    """Return an input with a pull-up; None where there is none."""
    return None if pin is None else machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP)


def main():
    """Run the loop."""
    laser = machine.PWM(machine.Pin(config.LASER), freq=config.LASER_PWM_HZ, duty_u16=0)
    indicator = machine.Pin(config.INDICATOR, machine.Pin.OUT, value=0)
    motors = (
        Motor(0, config.PAN_STEP, config.PAN_DIR, config.PAN_ENABLE, config.PAN_INVERT),
        Motor(4, config.TILT_STEP, config.TILT_DIR, config.TILT_ENABLE, config.TILT_INVERT))
    contacts = [contact(pin) for pin in (
        config.PAN_LOWER, config.PAN_UPPER, config.PAN_HOME, config.TILT_LOWER, config.TILT_UPPER, config.TILT_HOME)]
    estop = contact(config.ESTOP)
    state = logic.Machine(config)
    micropython.kbd_intr(-1)  # bytes of frames are not Ctrl-C
    port = select.poll()
    port.register(sys.stdin, select.POLLIN)
    watchdog = machine.WDT(timeout=50)
    now_us, then = 0, time.ticks_us()
    while True:
        ticks = time.ticks_us()
        elapsed = time.ticks_diff(ticks, then)
        if elapsed < _PERIOD_US:
            continue
        now_us, then = now_us + elapsed, ticks
        data = b''
        while port.poll(0) and len(data) < 256:
            data += sys.stdin.buffer.read(1)
        answer = state.receive(data, now_us)
        switches = 0
        for i, pin in enumerate(contacts):
            if pin is not None and pin.value():  # open: pressed, or its wire is broken
                switches |= 1 << i
        steps = state.step(now_us, switches, estop is not None and bool(estop.value()))
        laser.duty_u16(state.laser.level * 257)
        indicator.value(state.indicator)
        for motor, count in zip(motors, steps):
            motor.power(state.motors)
            motor.make(count)
        if answer:
            sys.stdout.buffer.write(answer)
        watchdog.feed()


main()
