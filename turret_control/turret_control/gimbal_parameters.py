"""The parameters of the gimbal node."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from turret_common.params import frame_prefix_param, group, param

DRIVERS = ('sim', 'step_dir', 'tmc2209', 'servo', 'pca9685')
REFERENCES = ('flag', 'lower_switch', 'upper_switch', 'absolute', 'declared')


@dataclasses.dataclass(frozen=True)
class GimbalAxis:
    """One axis. Angles are relative to home unless said otherwise."""

    lower: float = param(-1.65, 'Lower soft limit', unit='rad', minimum=-6.3, maximum=0.0, live=True)
    upper: float = param(1.65, 'Upper soft limit', unit='rad', minimum=0.0, maximum=6.3, live=True)
    max_velocity: float = param(3.5, 'Maximum velocity', unit='rad/s', minimum=0.01, maximum=20.0)
    max_acceleration: float = param(30.0, 'Maximum acceleration', unit='rad/s^2', minimum=0.1, maximum=500.0)
    limit_switches: bool = param(True, 'Limit switches fitted at both ends')
    reference: str = param(
        'flag', 'Home reference: edge of a flag over the positive half of the axis, a limit switch, absolute positions '
        'of the driver, or the orientation in which the head is placed by hand', choices=REFERENCES)
    reference_angle: float = param(0.0, 'Angle of the reference', unit='rad', minimum=-6.3, maximum=6.3, live=True)
    homing_velocity: float = param(0.8, 'Velocity of the search for a switch', unit='rad/s', minimum=0.01, maximum=3.0)
    approach_velocity: float = param(
        0.1, 'Velocity of the final approach, which determines the repeatability of home', unit='rad/s', minimum=0.001,
        maximum=0.5)
    back_off: float = param(0.02, 'Travel before the final approach', unit='rad', minimum=0.001, maximum=0.5)
    search_range: float = param(
        4.0, 'Travel after which the search for a switch fails', unit='rad', minimum=0.1, maximum=15.0)
    margin: float = param(
        0.05, 'Travel from a limit switch to the soft limit after calibration', unit='rad', minimum=0.0, maximum=0.5)

    def __post_init__(self) -> None:
        if not self.lower < self.upper:
            raise ValueError('lower must be below upper')
        if max(self.homing_velocity, self.approach_velocity) > self.max_velocity:
            raise ValueError('homing_velocity and approach_velocity must not be above max_velocity')
        if self.reference.endswith('switch') and not self.limit_switches:
            raise ValueError(f'reference "{self.reference}" needs limit_switches')


def _pin(description: str) -> Any:
    return param(-1, description, minimum=-1, maximum=27)


@dataclasses.dataclass(frozen=True)
class StepDirAxis:
    """The stepper of one axis. Pins are BCM numbers; -1 = not connected."""

    step_pin: int = _pin('GPIO (BCM number) of the STEP output; -1 = not connected')
    direction_pin: int = _pin('GPIO (BCM number) of the DIR output; -1 = not connected')
    enable_pin: int = _pin('GPIO (BCM number) of the ENABLE output; -1 = not connected')
    lower_switch_pin: int = _pin('GPIO (BCM number) of the lower limit switch; -1 = not connected')
    upper_switch_pin: int = _pin('GPIO (BCM number) of the upper limit switch; -1 = not connected')
    home_pin: int = _pin('GPIO (BCM number) of the home flag; -1 = not connected')
    invert: bool = param(False, 'Inverted direction: DIR is low for the positive direction')
    steps_per_revolution: int = param(200, 'Full steps per revolution of the motor', minimum=4, maximum=1000)
    microsteps: int = param(16, 'Microsteps per full step, as configured on the driver', minimum=1, maximum=256)
    gear_ratio: float = param(1.0, 'Revolutions of the motor per revolution of the axis', minimum=0.01, maximum=1000.0)

    @property
    def step_angle(self) -> float:
        """Angle of the axis per step [rad]."""
        return 2.0 * math.pi / (self.steps_per_revolution * self.microsteps * self.gear_ratio)


@dataclasses.dataclass(frozen=True)
class StepDirParameters:
    """Two steppers on STEP, DIR and ENABLE pins."""

    pan: StepDirAxis = group(StepDirAxis)
    tilt: StepDirAxis = group(StepDirAxis)
    enable_active_low: bool = param(True, 'ENABLE active low: the motors are powered while it is low')
    switches_normally_closed: bool = param(True, 'Normally closed switches, so that a broken wire counts as pressed')
    debounce_s: float = param(0.003, 'Debounce time of a switch', unit='s', minimum=0.0, maximum=0.05)
    max_step_rate: float = param(
        4000.0, 'Maximum step rate of machine and motor; see "./turret bench steps"', unit='Hz', minimum=10.0,
        maximum=50000.0)
    microstep_pins: tuple[int, ...] = param(
        (), 'GPIOs (BCM numbers) of MS1, MS2, ..., which set the microsteps of both drivers')
    microstep_levels: tuple[int, ...] = param((), 'Levels of microstep_pins, 0 or 1', minimum=0, maximum=1)

    def __post_init__(self) -> None:
        if len(self.microstep_pins) != len(self.microstep_levels):
            raise ValueError('microstep_levels needs one level for each of microstep_pins')

    def check(self, name: str, motor: StepDirAxis, axis: GimbalAxis) -> None:
        """Refuse what an axis needs and does not have.

        Raises:
            ValueError: a pin is missing, or the steps would have to be too fast.
        """
        needed = {'step_pin': motor.step_pin, 'direction_pin': motor.direction_pin, 'enable_pin': motor.enable_pin}
        if axis.limit_switches:
            needed |= {'lower_switch_pin': motor.lower_switch_pin, 'upper_switch_pin': motor.upper_switch_pin}
        if axis.reference == 'flag':
            needed['home_pin'] = motor.home_pin
        missing = [pin for pin, number in needed.items() if number < 0]
        if missing:
            raise ValueError(f'step_dir.{name} needs {" and ".join(missing)}')
        fastest = axis.max_velocity / motor.step_angle
        if fastest > self.max_step_rate:
            raise ValueError(
                f'{name}.max_velocity {axis.max_velocity:g} rad/s takes {fastest:.0f} steps/s, more than '
                f'step_dir.max_step_rate {self.max_step_rate:.0f}')


@dataclasses.dataclass(frozen=True)
class Tmc2209Parameters:
    """Two TMC2209 on one UART; steps come from the pins of ``step_dir``. Currents are in 32nds of the full one."""

    port: str = param('/dev/serial0', 'Serial port of the drivers')
    baud: int = param(115200, 'Baud rate of the serial port', unit='Bd', minimum=9600, maximum=500000)
    echo: bool = param(True, 'Single-wire connection, on which every transmitted byte is received again')
    pan_address: int = param(0, 'Address of the pan driver, set by its pins MS1 and MS2', minimum=0, maximum=3)
    tilt_address: int = param(1, 'Address of the tilt driver, set by its pins MS1 and MS2', minimum=0, maximum=3)
    run_current: int = param(
        16, 'Motor current in motion, in 32nds of full scale minus one (IRUN)', minimum=0, maximum=31)
    hold_current: int = param(8, 'Motor current at standstill (IHOLD); 0 lets a heavy head drop', minimum=0, maximum=31)
    hold_delay: int = param(4, 'Ramp time from run to hold current (IHOLDDELAY)', minimum=0, maximum=15)
    power_down_delay: int = param(
        20, 'Standstill before the current is reduced, in units of 22 ms (TPOWERDOWN)', minimum=2, maximum=255)
    spread_cycle: bool = param(False, 'SpreadCycle mode: more torque at speed, more noise')

    def __post_init__(self) -> None:
        if self.pan_address == self.tilt_address:
            raise ValueError('tmc2209.pan_address and tilt_address must differ')


@dataclasses.dataclass(frozen=True)
class ServoAxis:
    """The servo of one axis."""

    pin: int = _pin('GPIO (BCM number) of the pulse output for driver servo; -1 = not connected')
    min_pulse_s: float = param(0.001, 'Minimum pulse length', unit='s', minimum=0.0003, maximum=0.003)
    max_pulse_s: float = param(0.002, 'Maximum pulse length', unit='s', minimum=0.0003, maximum=0.003)
    travel: float = param(
        1.571, 'Travel between minimum and maximum pulse length', unit='rad', minimum=0.1, maximum=6.3)
    invert: bool = param(False, 'Inverted direction: longer pulses move the axis in the negative direction')

    def __post_init__(self) -> None:
        if not self.min_pulse_s < self.max_pulse_s:
            raise ValueError('min_pulse_s must be below max_pulse_s')


@dataclasses.dataclass(frozen=True)
class ServoParameters:
    """Two servos."""

    pan: ServoAxis = group(ServoAxis)
    tilt: ServoAxis = group(ServoAxis)

    def check(self, name: str, servo: ServoAxis, axis: GimbalAxis, needs_pin: bool) -> None:
        """Refuse what servos cannot do.

        Raises:
            ValueError: a pin is missing, home would need a switch, or the soft limits are beyond the servo's travel.
        """
        if needs_pin and servo.pin < 0:
            raise ValueError(f'servo.{name} needs pin')
        if axis.reference != 'absolute' or axis.limit_switches:
            raise ValueError(f'{name}: a servo needs reference "absolute" and no limit_switches')
        if not abs(axis.reference_angle) + max(-axis.lower, axis.upper) <= 0.5 * servo.travel:
            raise ValueError(f'{name}: the soft limits are beyond the servo\'s travel of {servo.travel:g} rad')


@dataclasses.dataclass(frozen=True)
class Pca9685Parameters:
    """The servo board."""

    bus: int = param(1, 'Number of the I2C bus', minimum=0, maximum=20)
    address: int = param(0x40, 'I2C address of the board', minimum=0x03, maximum=0x77)
    pan_channel: int = param(0, 'Channel of the pan servo', minimum=0, maximum=15)
    tilt_channel: int = param(1, 'Channel of the tilt servo', minimum=0, maximum=15)

    def __post_init__(self) -> None:
        if self.pan_channel == self.tilt_channel:
            raise ValueError('pca9685.pan_channel and tilt_channel must differ')


@dataclasses.dataclass(frozen=True)
class GimbalParameters:
    """What the gimbal node can be told."""

    driver: str = param('sim', 'Gimbal driver', choices=DRIVERS)
    pan: GimbalAxis = group(GimbalAxis)
    tilt: GimbalAxis = group(GimbalAxis, lower=-0.7, upper=0.95)
    step_dir: StepDirParameters = group(StepDirParameters)
    tmc2209: Tmc2209Parameters = group(Tmc2209Parameters)
    servo: ServoParameters = group(ServoParameters)
    pca9685: Pca9685Parameters = group(Pca9685Parameters)
    home_on_start: bool = param(
        False, 'Homing at start as soon as motion is permitted, without an operator, unless a stop comes first; this '
        'powers the motors')
    idle_release_s: float = param(
        600.0, 'Time without motion after which the motors are switched off, which loses home; 0 = never', unit='s',
        minimum=0.0, maximum=86400.0, live=True)
    search_timeout_s: float = param(
        60.0, 'Maximum duration of homing or calibration', unit='s', minimum=1.0, maximum=600.0)
    frame_prefix: str = frame_prefix_param()

    def __post_init__(self) -> None:
        if self.driver in ('step_dir', 'tmc2209'):
            self.step_dir.check('pan', self.step_dir.pan, self.pan)
            self.step_dir.check('tilt', self.step_dir.tilt, self.tilt)
        if self.driver == 'tmc2209':
            for name, motor in (('pan', self.step_dir.pan), ('tilt', self.step_dir.tilt)):
                if motor.microsteps & (motor.microsteps - 1):
                    raise ValueError(f'step_dir.{name}.microsteps must be 1, 2, 4, ... or 256 for a TMC2209')
        if self.driver in ('servo', 'pca9685'):
            self.servo.check('pan', self.servo.pan, self.pan, self.driver == 'servo')
            self.servo.check('tilt', self.servo.tilt, self.tilt, self.driver == 'servo')
