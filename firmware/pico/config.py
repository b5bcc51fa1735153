# SPDX-License-Identifier: Apache-2.0
"""Pins and caps of this Pico. The host can read the caps but not change them; edit this file and copy it again."""

# GPIO numbers of the Pico; None = not connected.
PAN_STEP, PAN_DIR, PAN_ENABLE, PAN_INVERT = 2, 3, 4, False
TILT_STEP, TILT_DIR, TILT_ENABLE, TILT_INVERT = 6, 7, 8, False
ENABLE_ACTIVE_LOW = True
PAN_LOWER, PAN_UPPER, PAN_HOME = 10, 11, None     # normally closed, to ground
TILT_LOWER, TILT_UPPER, TILT_HOME = 12, 13, None
ESTOP = 14                                        # closed to ground = released
LASER, INDICATOR = 16, 17                         # high = on; pull-down resistors at both
LASER_PWM_HZ = 1000

# Caps of the laser, a little above those of the host (1 s, 20 %), so that they act when those do not.
PULSE_CAP_US = 1_100_000
DUTY_CAP = 0.22
DUTY_WINDOW_US = 10_000_000

#: Bits of the switches that are fitted, as in STATE.
FITTED = sum(1 << i for i, pin in enumerate(
    (PAN_LOWER, PAN_UPPER, PAN_HOME, TILT_LOWER, TILT_UPPER, TILT_HOME)) if pin is not None)
