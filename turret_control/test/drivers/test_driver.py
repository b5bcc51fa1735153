# SPDX-License-Identifier: Apache-2.0
"""What every gimbal driver promises, checked on each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from i2c_bus import FakeBus
from imitated_head import ImitatedHead
from pico_firmware import FirmwareWire
from tmc_bus import FakePort
from wired_pins import WIRING, Lockstep, SteppedDriver, WiredFactory, WiredMotor

from turret_common.errors import TurretError
from turret_common.host.minimum_versions import require
from turret_common.plant_client import PlantLink
from turret_common.reason_codes import ReasonCode
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.driver import GimbalDriver, PositionSource
from turret_control.drivers.dynamixel import DynamixelDriver, DynamixelParameters
from turret_control.drivers.feetech import FeetechDriver, FeetechParameters
from turret_control.drivers.onvif import OnvifDriver, OnvifParameters
from turret_control.drivers.pca9685 import Pca9685Driver, Pca9685Parameters
from turret_control.drivers.pico import PicoDriver, PicoParameters
from turret_control.drivers.registry import DRIVERS
from turret_control.drivers.ros.head import RosParameters
from turret_control.drivers.ros_head import RosHeadDriver
from turret_control.drivers.servo import ServoAxis, ServoDriver, ServoParameters
from turret_control.drivers.simulation import SimDriver
from turret_control.drivers.tmc2209 import Tmc2209Driver, Tmc2209Parameters
from turret_control.plant.interface import PlantPort
from turret_control.plant.plant import Hidden, Plant
from turret_control.plant_parameters import PlantParameters
from turret_control.servo_bus.emulated_dynamixel import EmulatedDynamixelBus
from turret_control.servo_bus.emulated_feetech import EmulatedFeetechBus
from turret_control.servo_bus.emulator import EmulatedBus, EmulatedWire


class Bench:
    """A driver, its hardware's time, and a way to look at what it did."""

    driver: GimbalDriver
    speed_step = 0.0  # resolution of measured speeds [rad/s]
    has_registers = False

    def wait(self, seconds: float) -> None:
        """Let time pass for the driver and what it drives."""
        raise NotImplementedError

    def powered(self) -> bool:
        """Whether the motors have current."""
        raise NotImplementedError


class SimBench(Bench):
    def __init__(self) -> None:
        self.now_ns = 0
        self.plant = Plant(PlantParameters(actuation_delay_s=0.0), 0, Hidden())
        self.driver = SimDriver(PlantPort(self.plant, lambda: self.now_ns))

    def wait(self, seconds: float) -> None:
        self.now_ns += round(1e9 * seconds)

    def powered(self) -> bool:
        return self.plant.enabled


class StepDirBench(Bench):
    def __init__(self) -> None:
        self.factory = WiredFactory()
        self.motors = [WiredMotor(self.factory, pins, WIRING, (-600, 600)) for pins in (WIRING.pan, WIRING.tilt)]
        for motor in self.motors:
            motor.press()
        self.driver = self.make_driver()

    def make_driver(self) -> GimbalDriver:
        return SteppedDriver(WIRING, self.factory)

    def wait(self, seconds: float) -> None:
        self.driver.lockstep.go_on(seconds)

    def powered(self) -> bool:
        return any(motor.powered for motor in self.motors)


class SteppedChips(Lockstep, Tmc2209Driver):
    """The driver of steppers with chips on a UART."""


class ChipBench(StepDirBench):
    has_registers = True

    def make_driver(self) -> GimbalDriver:
        return SteppedChips(WIRING, Tmc2209Parameters(), self.factory, open_uart=lambda parameters: FakePort())


class SteppedServos(Lockstep, ServoDriver):
    """The servo driver."""


class SteppedBoard(Lockstep, Pca9685Driver):
    """The driver of the servo board."""


class ServoBench(Bench):
    def __init__(self) -> None:
        require('GPIO pins')
        self.factory = MockFactory(pin_class=MockPWMPin)
        self.driver = SteppedServos(ServoParameters(ServoAxis(pin=12), ServoAxis(pin=13)), self.factory)

    def wait(self, seconds: float) -> None:
        self.driver.lockstep.go_on(seconds)

    def powered(self) -> bool:
        return any(self.factory.pin(pin).state > 0.0 for pin in (12, 13))


class BoardBench(Bench):
    def __init__(self) -> None:
        self.bus = FakeBus()
        self.driver = SteppedBoard(ServoParameters(), Pca9685Parameters(), self.bus)

    def wait(self, seconds: float) -> None:
        self.driver.lockstep.go_on(seconds)

    def powered(self) -> bool:
        return any(self.bus.width_s(channel) for channel in (0, 1))


class SteppedFeetech(Lockstep, FeetechDriver):
    """The driver of Feetech servos."""


class FeetechBench(Bench):
    has_registers = True

    def __init__(self) -> None:
        self.emulated: EmulatedBus = EmulatedFeetechBus()
        self.driver = SteppedFeetech(FeetechParameters(), self.open_wire)

    def open_wire(self, port: str, baud: int) -> EmulatedWire:
        return EmulatedWire(self.emulated, self.driver.lockstep, baud)

    def wait(self, seconds: float) -> None:
        self.driver.lockstep.go_on(seconds)

    def powered(self) -> bool:
        return any(servo.shaft.powered for servo in self.emulated.servos)


class SteppedDynamixel(Lockstep, DynamixelDriver):
    """The driver of Dynamixel servos."""


class DynamixelBench(FeetechBench):
    speed_step = 0.024

    def __init__(self) -> None:
        pytest.importorskip('dynamixel_sdk')
        self.emulated = EmulatedDynamixelBus()
        self.driver = SteppedDynamixel(DynamixelParameters(), self.open_wire)


class SteppedHead(Lockstep, RosHeadDriver):
    """The driver of a head that another node drives."""


class HeadBench(Bench):
    output = 'trajectory'

    def __init__(self) -> None:
        parameters = RosParameters(period_s=0.01, output=self.output)
        self.driver = SteppedHead(parameters, 'turret', self.open_link)
        self.head = ImitatedHead(self.driver.lockstep, 0.01, self.output)

    def open_link(self, parameters: RosParameters, namespace: str) -> ImitatedHead:
        return self.head

    def wait(self, seconds: float) -> None:
        self.driver.lockstep.go_on(seconds)

    def powered(self) -> bool:
        return self.head.commanded


class VelocityHeadBench(HeadBench):
    output = 'velocity'


class PositionHeadBench(HeadBench):
    output = 'position'


class SteppedCamera(Lockstep, OnvifDriver):
    """The driver of a PTZ camera."""


class CameraBench(HeadBench):
    """The camera without its network, which tests of its own have."""

    def __init__(self) -> None:
        self.driver = SteppedCamera(OnvifParameters(period_s=0.01), 'turret', lambda parameters, namespace: self.head)
        self.head = ImitatedHead(self.driver.lockstep, 0.01, 'velocity')


class AbsoluteCameraBench(CameraBench):
    """A camera that goes to positions far away by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.head.can_go = True


class SteppedPico(Lockstep, PicoDriver):
    """The driver of the Pico."""


class PicoBench(Bench):
    def __init__(self) -> None:
        self.driver = SteppedPico(PicoParameters(), lambda port, baud: self.pico)
        self.pico = FirmwareWire(self.driver.lockstep)

    def wait(self, seconds: float) -> None:
        self.driver.lockstep.go_on(seconds)
        self.pico.run()

    def powered(self) -> bool:
        return bool(self.pico.machine.motors)


@pytest.fixture(params=[
    SimBench, StepDirBench, ChipBench, ServoBench, BoardBench, FeetechBench, DynamixelBench, HeadBench,
    VelocityHeadBench, PositionHeadBench, CameraBench, AbsoluteCameraBench,
    PicoBench])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    make: Callable[[], Bench] = request.param
    bench = make()
    bench.driver.open()
    yield bench
    bench.driver.close()


def test_every_driver_is_checked() -> None:
    makers = (SimDriver, SteppedDriver, SteppedChips, SteppedServos, SteppedBoard, SteppedFeetech, SteppedDynamixel,
              SteppedHead, SteppedCamera, SteppedPico)
    assert {maker.name for maker in makers} == set(DRIVERS.names)


def test_every_driver_but_the_simulated_one_moves_hardware() -> None:
    assert [name for name in DRIVERS.names if not DRIVERS[name].hardware] == ['sim']


NEVER = 2**62  # no order expires
STILL = stand_still(30.0)


def test_opening_takes_current_from_the_motors(bench: Bench) -> None:
    assert not bench.powered()
    assert not bench.driver.read().enabled
    bench.driver.enable(True)
    bench.driver.open()
    assert not bench.powered()


def power_up(bench: Bench) -> None:
    """Power the motors and wait until they hold the head at known positions."""
    bench.driver.enable(True)
    for _ in range(300):
        if bench.driver.read().known:
            return
        bench.wait(0.01)
    raise AssertionError('the positions stay unknown')


def test_power_can_be_switched(bench: Bench) -> None:
    power_up(bench)
    assert bench.powered()
    assert bench.driver.read().enabled
    bench.driver.enable(False)
    assert not bench.powered()


def test_it_goes_to_its_target_within_its_speed_and_stays(bench: Bench) -> None:
    power_up(bench)
    begin = bench.driver.read()
    goal_pan, goal_tilt = begin.pan.position + 0.3, begin.tilt.position - 0.1
    for _ in range(200):
        bench.driver.command(AxisMotion(goal_pan, 0.5, 10.0), AxisMotion(goal_tilt, 0.4, 10.0), NEVER)
        bench.wait(0.01)
        sample = bench.driver.read()
        assert abs(sample.pan.velocity) <= 0.5 * 1.001 + bench.speed_step
        assert abs(sample.tilt.velocity) <= 0.4 * 1.001 + bench.speed_step
    assert sample.pan.position == pytest.approx(goal_pan, abs=4e-3)
    assert sample.tilt.position == pytest.approx(goal_tilt, abs=4e-3)
    assert sample.pan.velocity == pytest.approx(0.0, abs=1e-6)


def test_it_counts_a_motion_that_is_cut_short(bench: Bench) -> None:
    power_up(bench)
    begin = bench.driver.read().pan.position
    bench.driver.command(AxisMotion(begin + 1.0, 0.5, 10.0), STILL, NEVER)
    bench.wait(0.5)
    bench.driver.command(STILL, STILL, NEVER)
    bench.wait(0.3)
    stopped = bench.driver.read().pan
    assert stopped.velocity == pytest.approx(0.0, abs=1e-6)
    assert stopped.position - begin == pytest.approx(0.25, abs=0.05)
    bench.wait(0.3)
    assert bench.driver.read().pan.position == stopped.position


def test_without_power_nothing_moves_then_or_later(bench: Bench) -> None:
    begin = bench.driver.read()
    bench.driver.command(AxisMotion(begin.pan.position + 1.0, 0.5, 10.0), STILL, NEVER)
    bench.wait(0.3)
    assert bench.driver.read().pan.position == begin.pan.position
    power_up(bench)
    bench.wait(0.3)
    assert bench.driver.read().pan.position == begin.pan.position


def test_losing_power_ends_the_motion(bench: Bench) -> None:
    power_up(bench)
    begin = bench.driver.read().pan.position
    bench.driver.command(AxisMotion(begin + 1.0, 0.5, 10.0), STILL, NEVER)
    bench.wait(0.3)
    bench.driver.enable(False)
    at = bench.driver.read().pan.position
    bench.driver.enable(True)
    bench.wait(0.3)
    assert bench.driver.read().pan.position == pytest.approx(at, abs=4e-3)


def test_readings_grow_older_in_order(bench: Bench) -> None:
    first = bench.driver.read().t_ns
    bench.wait(0.05)
    assert bench.driver.read().t_ns >= first + 40_000_000


def test_it_closes_without_current_and_more_than_once(bench: Bench) -> None:
    bench.driver.enable(True)
    bench.driver.close()
    assert not bench.powered()
    bench.driver.close()


def test_it_says_where_its_positions_come_from(bench: Bench) -> None:
    assert bench.driver.position_source is not PositionSource.UNKNOWN
    assert bench.driver.name


def test_registers_are_refused_where_there_are_none(bench: Bench) -> None:
    if bench.has_registers:
        assert bench.driver.registers()
        return
    for use in (bench.driver.registers, lambda: bench.driver.write_register('pan', 0, 0)):
        with pytest.raises(TurretError) as refusal:
            use()  # type: ignore[operator]
        assert refusal.value.code is ReasonCode.NOT_SUPPORTED


def test_a_lost_plant_is_a_driver_fault(tmp_path: object) -> None:
    driver = SimDriver(PlantLink(tmp_path / 'nothing.sock'))  # type: ignore[operator]
    with pytest.raises(TurretError) as refusal:
        driver.open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    driver.close()


def test_an_order_that_is_not_renewed_expires(bench: Bench) -> None:
    power_up(bench)
    begin = bench.driver.read()
    bench.driver.command(
        AxisMotion(begin.pan.position + 2.0, 0.5, 10.0), AxisMotion(begin.tilt.position + 2.0, 0.5, 10.0),
        begin.t_ns + 100_000_000)
    bench.wait(0.08)
    assert bench.driver.read().pan.velocity > 0.3
    bench.wait(0.1)  # 50 ms of braking
    stopped = bench.driver.read()
    assert (stopped.pan.velocity, stopped.tilt.velocity) == (pytest.approx(0.0, abs=1e-6),) * 2
    bench.wait(0.5)
    assert bench.driver.read().pan.position == stopped.pan.position
    assert stopped.pan.position - begin.pan.position < 0.5 * 0.1 + 0.5**2 / 20.0 + 0.011  # one servo frame more


def test_an_order_that_expired_on_its_way_moves_nothing(bench: Bench) -> None:
    power_up(bench)
    begin = bench.driver.read()
    bench.driver.command(AxisMotion(begin.pan.position + 2.0, 0.5, 10.0), STILL, begin.t_ns)
    bench.wait(0.3)
    assert bench.driver.read().pan.position == pytest.approx(begin.pan.position, abs=4e-3)
