# SPDX-License-Identifier: Apache-2.0
"""Parameters of the laser node. Ranges are the safety rules: a value beyond one refuses to start."""

from __future__ import annotations

import dataclasses

from turret_common.errors import TurretError
from turret_common.params import ParameterError, param
from turret_common.reason_codes import ReasonCode
from turret_common.registry import with_groups
from turret_control.laser.lines.registry import LINES


@with_groups(LINES)
@dataclasses.dataclass(frozen=True)
class LaserParameters:
    """The laser's driver, its caps and the defaults of a burst.

    Live ones may change only while the laser is disarmed.
    """

    driver: str = param(
        'sim', 'Laser driver; generators that keep running by themselves (hardware PWM, PCA9685) are not allowed',
        choices=LINES.names, unavailable=LINES.failed)
    laser_pin: int = param(
        18, 'GPIO (BCM number) of the fire line, high = on; fit a pull-down resistor', minimum=0, maximum=27)
    indicator_pin: int = param(23, 'GPIO (BCM number) of the emission indicator', minimum=0, maximum=27)
    watchdog_pin: int = param(
        -1, 'GPIO (BCM number) toggled every 5 ms while armed, for a hardware watchdog; -1 = none', minimum=-1,
        maximum=27)
    watchdog_fitted: bool = param(
        False, 'Declaration that an external hardware watchdog cuts the fire line when watchdog_pin stops toggling; '
        'not needed for driver pico, whose watchdog is measured')
    no_watchdog_accepted: bool = param(
        False, 'Permission to run a real laser without an external watchdog; shown permanently as a warning')
    profile: str = param(
        'standard', 'Set of emission limits; class2_play allows longer emission of a class 2 laser onto a floor',
        choices=('standard', 'class2_play'))
    declared_mw: float = param(
        0.0, "Maximum optical power according to the laser's data sheet; 0 = not declared", unit='mW', minimum=0.0,
        maximum=100000.0)
    dry_run: bool = param(False, 'Operation without emission; pulses are counted separately')
    power: float = param(0.0, 'Power at start as a fraction of full power; 0 = emission off', minimum=0.0, maximum=1.0)
    power_cap: float = param(
        1.0, 'Maximum power that can be set, as a fraction of full power', minimum=0.0, maximum=1.0)
    pulse_s: float = param(0.2, 'Default pulse length', unit='s', minimum=0.005, maximum=1.0, live=True)
    burst_count: int = param(3, 'Default number of pulses in a burst', minimum=1, maximum=10, live=True)
    burst_gap_s: float = param(0.1, 'Default pause between pulses', unit='s', minimum=0.02, maximum=2.0, live=True)
    cooldown_s: float = param(1.0, 'Pause after the end of a burst', unit='s', minimum=0.5, maximum=60.0, live=True)
    pulse_cap_s: float = param(1.0, 'Maximum pulse length, hold to fire included', unit='s', minimum=0.005, maximum=1.0)
    duty_cap: float = param(0.2, 'Maximum fraction of any 10 s with emission on', minimum=0.01, maximum=0.2)
    arm_delay_s: float = param(
        3.0, 'Emission delay after arming, with the indicator on', unit='s', minimum=3.0, maximum=30.0)
    arm_expiry_s: float = param(
        30.0, 'Time without use after which the laser is disarmed', unit='s', minimum=5.0, maximum=30.0)

    @property
    def hardware(self) -> bool:
        """Whether a real laser is driven."""
        return LINES[self.driver].hardware

    @property
    def has_watchdog(self) -> bool:
        """Whether a hardware watchdog is declared and fed, or belongs to the lines, which check that it acts."""
        return LINES[self.driver].measured_watchdog or (self.watchdog_fitted and self.watchdog_pin >= 0)

    @property
    def class2_play(self) -> bool:
        """Whether the class 2 profile holds."""
        return self.profile == 'class2_play'

    @property
    def max_pulse_s(self) -> float:
        """The maximum pulse, hold to fire included, in s."""
        return PLAY_PULSE_S if self.class2_play else self.pulse_cap_s

    @property
    def max_duty(self) -> float:
        """The maximum fraction of any 10 s that the laser may be on."""
        return 1.0 if self.class2_play else self.duty_cap

    @property
    def dimmable(self) -> bool:
        """Whether the power can be set between none and full."""
        return LINES[self.driver].dimmable

    def __post_init__(self) -> None:
        if self.hardware and not self.dry_run and not (self.has_watchdog or self.no_watchdog_accepted):
            raise ParameterError(
                ReasonCode.NO_WATCHDOG,
                'a stopped or dead process can leave a pin high: a real laser needs an external hardware watchdog'
                ' (watchdog_fitted, and the watchdog_pin that feeds it), or the word of its owner to go without'
                ' (no_watchdog_accepted)')
        if self.class2_play and not 0.0 < self.declared_mw <= CLASS2_MW:
            raise ValueError(
                f'profile class2_play is for lasers of class 2: declared_mw must be above 0 and at most {CLASS2_MW:g},'
                f' not {self.declared_mw:g}')
        pins = [pin for pin in (self.laser_pin, self.indicator_pin, self.watchdog_pin) if pin >= 0]
        if len(set(pins)) < len(pins):
            raise ValueError('laser_pin, indicator_pin and watchdog_pin must be different pins')
        if not self.dimmable and (self.power_cap < 1.0 or self.power not in (0.0, 1.0)):
            raise ValueError(f'{self.driver} only switches: power_cap must be 1 and power 0 or 1')
        if self.power > self.power_cap:
            raise ValueError(f'power {self.power:g} is above power_cap {self.power_cap:g}')
        if self.pulse_s > self.max_pulse_s:
            raise ValueError(f'pulse_s {self.pulse_s:g} is above pulse_cap_s {self.pulse_cap_s:g}')
        if self.burst_count * self.pulse_s > DUTY_WINDOW_S * self.max_duty:
            raise ValueError(
                f'a burst of {self.burst_count} pulses of {self.pulse_s:g} s is longer than duty_cap {self.duty_cap:g}'
                f' allows in {DUTY_WINDOW_S:g} s')


#: The maximum power of a visible class 2 laser in mW, and the maximum pulse under its profile in s.
CLASS2_MW, PLAY_PULSE_S = 1.0, 60.0
#: The duty cap holds in every window of this length, in s.
DUTY_WINDOW_S = 10.0


def check_start(parameters: LaserParameters, guarded: bool, use_sim_time: bool, in_real_time: bool) -> None:
    """Refuse to drive a real laser without its guards.

    Args:
        parameters: of the laser.
        guarded: a guardian watches this process.
        use_sim_time: the ROS parameter of that name.
        in_real_time: this process may run in real time, with its memory locked.

    Raises:
        TurretError: GUARDIAN_LOST or NOT_SUPPORTED.
    """
    if parameters.hardware and not guarded:
        raise TurretError(ReasonCode.GUARDIAN_LOST, 'a real laser is driven only under its guardian: start laser_node')
    if parameters.hardware and use_sim_time:
        raise TurretError(ReasonCode.NOT_SUPPORTED, 'a real laser does not run on simulated time (use_sim_time)')
    if parameters.hardware and not parameters.dry_run and not in_real_time:
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, 'a real laser needs the permission to run in real time and to lock memory, so '
            'that a busy computer does not delay its guards: see "Permissions" in docs/raspberry_pi.md')
