# SPDX-License-Identifier: Apache-2.0
"""From a pile of parts to a checked parameter file, step by step.

The wizard lists what is plugged in, asks how the head is driven, finds and sets up bus servos, writes the parameter
file of the build, and runs the hardware checks in their order. Nothing moves without a "yes", and no laser is switched
on: the file leaves the laser simulated or in ``dry_run``, which only the owner changes, by hand, after docs/safety.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from turret_bringup.hardware import found
from turret_bringup.hardware.bus import describe
from turret_bringup.settings import configuration
from turret_bringup.settings.graph import GRAPH
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.drivers.driver import Dialog
from turret_control.drivers.registry import DRIVERS
from turret_control.laser.lines.registry import LINES
from turret_control.servo_bus.bus import COUNTS_PER_REVOLUTION, FoundServo, ServoBus, scan
from turret_control.servo_bus.protocols import PROTOCOLS
from turret_control.servo_bus.wire import SerialWire

_ANSWER_S = 0.03
_IDS = range(21)
_BAUD = 1_000_000
_MOVED = 100            # counts by which a servo that was moved by hand differs
_END_MARGIN = 0.05      # rad between an end position and the soft limit
_MIN_TRAVEL = 0.2       # rad; ends that are nearer to the middle were not shown
_RAD = 2.0 * math.pi / COUNTS_PER_REVOLUTION

#: Ways to drive the head: what they are called here, and the packaged example of those on pins.
HEADS = {
    'feetech': 'two Feetech STS3215 / Waveshare ST3215 bus servos on a USB adapter',
    'dynamixel': 'two Dynamixel X bus servos on a USB adapter',
    'usb_pico.yaml': 'two steppers on a Raspberry Pi Pico with the firmware of this project (USB)',
    'pi5_step_dir.yaml': 'two steppers with STEP/DIR drivers on GPIO pins',
    'pi4_tmc2209.yaml': 'two steppers with TMC2209 drivers on GPIO pins and a UART',
    'pi_pca9685.yaml': 'two hobby servos on a PCA9685 board (I2C)',
    'pi_servo_gpio.yaml': 'two hobby servos on GPIO pins',
    'ros2_control.yaml': 'a head that another ROS node drives, such as the controllers of ros2_control',
    'onvif_ptz.yaml': 'a PTZ camera in the network (ONVIF), without a laser',
    'sim': 'no head yet: simulate it'}


class CheckStep(NamedTuple):
    """One hardware check as the wizard presents it.

    Attributes:
        name: of the check, as in ``./turret hw NAME``.
        expect: what a good check looks like.
        remedy: what to do when it fails.
    """

    name: str
    expect: str
    remedy: str


CHECKS = {step.name: step for step in (
    CheckStep('plan', 'A list of the pins and devices that the file uses; nothing is opened.',
              'Correct the parameter that is named, then run the check again.'),
    CheckStep('pins', 'Your pins are listed without another user.',
              'Stop the program that uses the pin, or take another pin in the parameter file.'),
    CheckStep('switches', 'Each switch and the emergency stop change when you press them; the motors are off.',
              'A switch that reads "pressed" untouched has a broken wire or is normally open: see docs/hardware.md.'),
    CheckStep('uart', 'Every register of both drivers has a value; the motors are off.',
              'Check the wiring of PDN_UART, the addresses (MS1, MS2) and that the serial console is off.'),
    CheckStep('servos', 'Both servos show their supply, and the angles follow your hand; the motors are off.',
              'Check the supply of the servos and their plugs; "./turret hw bus scan" shows who answers.'),
    CheckStep('pico', 'The Pico shows its caps, and its watchdog acts without frames; the motors are off.',
              'Copy firmware/pico to the Pico (docs/pico.md), and close other programs that use its port.'),
    CheckStep('axis', 'After your "yes" the head rotates 5 degrees to the left and back, then up and back.',
              'Wrong direction: change "invert" of this axis in the file. No motion: check the supply of the motors.'),
    CheckStep('laser', 'Nothing is emitted; the indicator lights for 5 s, and the watchdog acts.',
              'Check the wiring in docs/hardware.md (pins) or docs/pico.md, and the resistors that hold it low.'))}
#: Checks of each driver, in their order.
ORDER = {
    'feetech': ('plan', 'servos', 'axis'), 'dynamixel': ('plan', 'servos', 'axis'),
    'step_dir': ('plan', 'pins', 'switches', 'axis'), 'tmc2209': ('plan', 'pins', 'switches', 'uart', 'axis'),
    'servo': ('plan', 'pins', 'switches', 'axis'), 'pca9685': ('plan', 'pins', 'switches', 'axis'),
    'pico': ('plan', 'pico', 'switches', 'axis'), 'ros': ('plan', 'axis'), 'onvif': ('plan', 'axis'), 'sim': ('plan',)}
#: What is asked of heads in the network: words of the question, and the parameter of the driver that is answered.
_NETWORK = {
    'ros': (('topic of its joint states', 'joint_states'), ('topic of its commands', 'command'),
            ('joint of pan', 'pan.joint'), ('joint of tilt', 'tilt.joint')),
    'onvif': (('address of its device service', 'url'), ('user', 'user'),
              ('file with its password (mode 600)', 'password_file'))}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the wizard's arguments."""
    parser.add_argument('--output', type=Path, default=Path('my_turret.yaml'), metavar='FILE',
                        help='parameter file to write (default my_turret.yaml)')
    parser.add_argument('--port', help='serial port of the servo bus or the Pico, also one that is not listed')


@dataclasses.dataclass
class Wizard:
    """The questions and answers of one run.

    Attributes:
        dialog: connection to the person; answers may be paths.
        check: runs a hardware check by name with the parameter file; returns whether it passed.
        port: serial port of the servo bus or of the Pico that drives the head; empty to ask for it.
    """

    dialog: Dialog
    check: Callable[[str, Path], bool]
    port: str = ''

    def run(self, output: Path) -> bool:
        """Write the parameter file and run the checks; return whether all passed.

        Raises:
            TurretError: NOT_READY, the person gave up; nothing was written.
        """
        self._show_found()
        heads = list(HEADS)
        head = heads[self._choose('How is the head driven?', HEADS.values())]
        values = self._example(head) if head.endswith('.yaml') else self._head(head)
        driver = str(values['/**/gimbal']['driver'])
        if DRIVERS[driver].carries_laser:
            values['/**/laser'] = self._laser(values['/**/laser'])
        values['/**/camera'] = self._stream() if driver == 'onvif' else self._camera()
        self._write(output, values)
        checks = [*ORDER[driver], *(['laser'] if LINES[values['/**/laser']['driver']].hardware else [])]
        failed = [name for name in checks if not self._run_check(CHECKS[name], output)]
        self._say('')
        if failed:
            self._say(f'Failed: {", ".join(failed)}. Repeat one with:  ./turret hw {failed[0]} --params {output}')
            return False
        self._say(f'All checks passed. Start the turret:  ./turret up --params {output}')
        self._say('Home the head from the panel with a hand at the emergency stop, then switch tracking on.')
        self._say('The laser stays off: docs/safety.md and docs/hardware.md describe what it needs first.')
        return True

    # Talking

    def _say(self, line: str) -> None:
        self.dialog.say(line)

    def _yes(self, question: str) -> bool:
        return self.dialog.ask(f'{question} [yes/no] ').strip().lower() == 'yes'

    def _choose(self, question: str, options: Iterable[str]) -> int:
        """Return the index of the chosen option."""
        texts = list(options)
        self._say('')
        for number, text in enumerate(texts, 1):
            self._say(f'  {number}  {text}')
        for _ in range(10):
            answer = self.dialog.ask(f'{question} [1 to {len(texts)}] ').strip()
            if answer.isdigit() and 1 <= int(answer) <= len(texts):
                return int(answer) - 1
        raise TurretError(ReasonCode.NOT_READY, 'no answer: nothing was written')

    def _show_found(self) -> None:
        self._say('Plugged into this computer (nothing was opened):')
        for kind, devices in (
                ('serial ports', found.serial_ports()), ('I2C buses', found.i2c_buses()),
                ('GPIO chips', found.gpio_chips()), ('cameras', found.cameras())):
            self._say(f'  {kind}: {"" if devices else "none"}')
            for device in devices:
                self._say(f'    {device.path}  {device.description}')

    # The parts

    def _example(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the values of a packaged example, without its camera."""
        text = configuration.packaged_or(Path(name)).read_text()
        document = yaml.safe_load(text)
        self._say(f'The values are those of {name}, see docs/hardware.md; change the file where your build differs.')
        values = {node: dict(entry['ros__parameters']) for node, entry in document.items() if node != '/**/camera'}
        gimbal = values['/**/gimbal']
        if gimbal['driver'] == 'pico':
            gimbal['pico'] = {**gimbal['pico'], 'port': self._serial_port('Which serial port is the Pico?', self.port)}
        group = gimbal.get(gimbal['driver'], {})
        for words, key in _NETWORK.get(gimbal['driver'], ()):
            *inside, last = key.split('.')
            place = group[inside[0]] if inside else group
            place[last] = self.dialog.ask(f'The {words} [{place[last]}]: ').strip() or place[last]
        return values

    def _head(self, name: str) -> dict[str, dict[str, Any]]:
        gimbal = {'driver': 'sim'} if name == 'sim' else self._bus_servos(name)
        return {
            '/**/gimbal': gimbal, '/**/laser': {'driver': 'sim'}, '/**/safety': {'estop_driver': 'sim'}}

    def _laser(self, example: dict[str, Any]) -> dict[str, Any]:
        """Return the laser of the example, or one on a Pico that does not emit yet."""
        if not self._yes('Is a laser on a Raspberry Pi Pico of its own, with the firmware of this project?'):
            return example
        port = self._serial_port('Which serial port is the Pico of the laser?', '')
        return {'driver': 'pico', 'dry_run': True, 'pico': {'port': port}}

    def _stream(self) -> dict[str, Any]:
        return {'source': 'stream', 'url': self.dialog.ask('Address of its stream (rtsp://...): ').strip()}

    def _camera(self) -> dict[str, Any]:
        cameras = found.cameras()
        chosen = self._choose('Which camera?', [
            *(f'{camera.description}  {camera.path}' for camera in cameras), 'none yet: simulate it'])
        if chosen < len(cameras):
            return {'source': 'v4l2', 'device': cameras[chosen].path}
        return {'source': 'sim'}

    def _write(self, output: Path, values: Mapping[str, Mapping[str, Any]]) -> None:
        if output.exists() and not self._yes(f'{output} exists. Replace it?'):
            raise TurretError(ReasonCode.ALREADY_EXISTS, f'{output} exists and was left as it is')
        nodes = {node: {'ros__parameters': dict(parameters)} for node, parameters in values.items()}
        if values['/**/camera']['source'] == 'sim':
            nodes['/**/vision'] = {'ros__parameters': {'method': 'balloon'}}  # what the simulated camera shows
        text = '# Written by ./turret hw wizard. What the parameters mean: docs/parameters.md\n'
        text += yaml.safe_dump(nodes, sort_keys=False, default_flow_style=None, width=110)
        configuration.check([configuration.parse_layer(text, str(output))], 'turret', GRAPH)
        try:
            output.write_text(text)
        except OSError as error:
            raise TurretError(ReasonCode.IO_ERROR, f'cannot write {output}: {error.strerror}') from error
        self._say('')
        self._say(f'Written: {output}')

    def _run_check(self, step: CheckStep, output: Path) -> bool:
        while True:
            self._say('')
            self._say(f'Check "{step.name}". Expect: {step.expect}')
            try:
                if self.check(step.name, output):
                    return True
                self._say('This check failed.')
            except TurretError as error:
                self._say(f'This check failed: {error.message}')
            self._say(f'What to do: {step.remedy}')
            if not self._yes('Repeat the check?'):
                return False

    # Bus servos

    def _bus_servos(self, name: str) -> dict[str, Any]:
        """Find both servos, set their IDs and baud rate, and measure where the head points and ends."""
        port = self._serial_port('Which serial port is the adapter of the servos?', self.port)
        bus_type = PROTOCOLS[name].bus

        def open_bus(baud: int) -> ServoBus:
            return bus_type(SerialWire(port, baud), _ANSWER_S)

        servos = self._find(open_bus, bus_type)
        bus = open_bus(_BAUD)
        try:
            bus.set_torque(servos, False)
            axes = self._measure(bus, servos)
        finally:
            bus.close()
        return {
            'driver': name,
            **{axis: {
                'reference': 'absolute', 'limit_switches': False, 'lower': round(values['lower'] + _END_MARGIN, 3),
                'upper': round(values['upper'] - _END_MARGIN, 3), 'max_velocity': 2.5, 'max_acceleration': 15.0}
               for axis, values in axes.items()},
            name: {'port': port, 'baud': _BAUD, **axes}}

    def _serial_port(self, question: str, given: str) -> str:
        if given:
            return given
        ports = found.serial_ports()
        texts = [f'{port.description}  {port.path}' for port in ports]
        chosen = self._choose(question, [*texts, 'another: type its path'])
        return ports[chosen].path if chosen < len(ports) else self.dialog.ask('Path of the port: ').strip()

    def _find(self, open_bus: Callable[[int], ServoBus], bus_type: type[ServoBus]) -> list[int]:
        """Return the IDs of two servos that answer at 1 Mbit/s."""
        while True:
            self._say('')
            self._say('Looking for servos at every baud rate; nothing is written ...')
            servos = scan(open_bus, bus_type.bauds.values(), _IDS, lambda servo: self._say(f'  {describe(servo)}'))
            if len(servos) == 2 and all(servo.baud == _BAUD for servo in servos):
                return [servo.servo for servo in servos]
            slow = next((servo for servo in servos if servo.baud != _BAUD), None)
            if slow is not None:
                self._speed_up(open_bus, slow)
            elif len(servos) == 1:
                self._only_one(open_bus, servos[0])
            elif len(servos) > 2:
                if not self._yes('More than two servos answer. Disconnect all but pan and tilt. Look again?'):
                    raise TurretError(ReasonCode.NOT_READY, 'nothing was written')
            elif not self._yes('No servo answers. Is their supply on, and the adapter set to USB? Look again?'):
                raise TurretError(ReasonCode.NOT_READY, 'no servo answers: nothing was written')

    def _speed_up(self, open_bus: Callable[[int], ServoBus], servo: FoundServo) -> None:
        self._change(f'Give servo {servo.servo} the baud rate {_BAUD}?', open_bus, servo,
                     lambda bus: bus.set_baud(servo.servo, _BAUD))

    def _only_one(self, open_bus: Callable[[int], ServoBus], servo: FoundServo) -> None:
        self._say('One servo answers. New servos all have ID 1: two with the same ID are heard as one or none.')
        if servo.servo == 1:
            self._change('Is it alone on the bus, and the tilt servo? Then it gets ID 2.', open_bus, servo,
                         lambda bus: bus.set_id(1, 2))
        self.dialog.ask('Connect the other servo too, then press Enter: ')

    def _change(
            self, question: str, open_bus: Callable[[int], ServoBus], servo: FoundServo,
            change: Callable[[ServoBus], None]) -> None:
        if not self._yes(question):
            raise TurretError(ReasonCode.NOT_READY, 'nothing was written')
        bus = open_bus(servo.baud)
        try:
            change(bus)
        finally:
            bus.close()

    def _measure(self, bus: ServoBus, servos: Sequence[int]) -> dict[str, dict[str, Any]]:
        """Let the head be moved by hand to learn which servo is which, its direction, center and ends."""
        def positions() -> dict[int, int]:
            return {servo: bus.get(servo, 'position') for servo in servos}

        def placed(where: str) -> dict[int, int]:
            self.dialog.ask(f'{where}, then press Enter: ')
            return positions()

        self._say('')
        self._say('The motors are off. Move the head by hand; without a head, press Enter each time.')
        center = placed('Point the head straight ahead and level')
        left = placed('Rotate the head to the left end of its travel')
        moved = {servo: abs(left[servo] - center[servo]) for servo in servos}
        pan = max(servos, key=lambda servo: moved[servo])
        tilt = next(servo for servo in servos if servo != pan)
        if moved[pan] < _MOVED:
            pan, tilt = servos
            self._say(f'Neither servo moved: taken for pan is ID {pan}. The check "axis" will show it.')
        right, up, down = (placed(f'Rotate the head to the {where} end') for where in ('right', 'upper', 'lower'))
        return {
            'pan': _axis(pan, center[pan], left[pan], right[pan], (-1.5, 1.5)),
            'tilt': _axis(tilt, center[tilt], up[tilt], down[tilt], (-0.7, 0.9))}


def _axis(servo: int, center: int, positive: int, negative: int, default: tuple[float, float]) -> dict[str, Any]:
    """Return the parameters of a servo from its positions in the middle and at both ends.

    Args:
        servo: ID.
        center: counts straight ahead.
        positive: counts at the left or upper end.
        negative: counts at the right or lower end.
        default: lower and upper end [rad] where the ends were not shown.
    """
    invert = positive < negative
    sign = -_RAD if invert else _RAD
    lower, upper = sign * (negative - center), sign * (positive - center)
    lower = lower if lower < -_MIN_TRAVEL else default[0]
    upper = upper if upper > _MIN_TRAVEL else default[1]
    reach = sorted((sign * (0 - center), sign * (COUNTS_PER_REVOLUTION - 1 - center)))
    return {
        'id': servo, 'center': center, 'invert': invert, 'lower': round(max(lower, reach[0] + _RAD, -3.14), 3),
        'upper': round(min(upper, reach[1] - _RAD, 3.14), 3)}
