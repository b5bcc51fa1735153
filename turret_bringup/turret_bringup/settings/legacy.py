# SPDX-License-Identifier: Apache-2.0
"""Settings of the turret that this one replaces (its ``laserturret.conf`` and two calibration files), as ours.

Its steps are microsteps, its pixels those of an image of 1920x1080. Its pan is positive to the right, ours to the
left; its tilt positions are positive downwards, ours upwards. On both axes its CW is the direction with DIR low; CW is
right and up. So our pan rises with DIR high, our tilt with DIR low.
"""

from __future__ import annotations

import configparser
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_range

#: Parameter values by node and dotted name.
Values = dict[str, dict[str, Any]]

_HALF_WIDTH_PX = 960.0
_DEFAULT_FOV = 1.047
_DEFAULT_STEPS_PER_PIXEL = 0.1
_MARGIN = 0.05  # as gimbal.pan.margin
_MICROSTEP_LEVELS = {1: (0, 0, 0), 2: (1, 0, 0), 4: (0, 1, 0), 8: (1, 1, 0), 16: (1, 1, 1)}
_METHODS = {'haar': 'haar', 'tflite': 'tflite', 'roboflow': 'remote'}


@dataclass
class Imported:
    """What came out of the files.

    Attributes:
        values: for a parameter file.
        boresight: where the laser points, azimuth and elevation [rad]; None if no file has it.
        notes: what was left out, and what is to be done by hand; one sentence each.
    """

    values: Values = field(default_factory=dict)
    boresight: tuple[float, float] | None = None
    notes: list[str] = field(default_factory=list)

    def set(self, node: str, name: str, value: Any) -> None:
        """Set one parameter."""
        self.values.setdefault(node, {})[name] = value


def _integer(text: str) -> int:
    return int(text, 10)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError('not finite')
    return value


def _boolean(text: str) -> bool:
    return configparser.ConfigParser.BOOLEAN_STATES[text.lower()]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(',') if word.strip()]


#: Keys that become one parameter each: how to read them, node, name, and what to do with the value.
_PLAIN: dict[str, tuple[Callable[[str], Any], str, str, Callable[[Any], Any]]] = {
    f'{section}.{key}': (read, node, name, convert)
    for section, node, rows in (
        ('GPIO', 'gimbal', (
            ('x_ccw_limit_pin', _integer, 'step_dir.pan.upper_switch_pin', int),
            ('x_cw_limit_pin', _integer, 'step_dir.pan.lower_switch_pin', int),
            ('y_ccw_limit_pin', _integer, 'step_dir.tilt.lower_switch_pin', int),
            ('y_cw_limit_pin', _integer, 'step_dir.tilt.upper_switch_pin', int))),
        ('MQTT', 'controller', (
            ('broker', str, 'mqtt_joy.host', str), ('port', _integer, 'mqtt_joy.port', int),
            ('topic', str, 'mqtt_joy.topic', str))),
        ('Motor', 'gimbal', (
            ('x_dir', _integer, 'step_dir.pan.direction_pin', int), ('x_step', _integer, 'step_dir.pan.step_pin', int),
            ('x_enable', _integer, 'step_dir.pan.enable_pin', int),
            ('y_dir', _integer, 'step_dir.tilt.direction_pin', int),
            ('y_step', _integer, 'step_dir.tilt.step_pin', int),
            ('y_enable', _integer, 'step_dir.tilt.enable_pin', int),
            ('enable_active_high', _boolean, 'step_dir.enable_active_low', lambda high: not high),
            ('uart_port', str, 'tmc2209.port', str), ('uart_baud', _integer, 'tmc2209.baud', int),
            ('x_uart_address', _integer, 'tmc2209.pan_address', int),
            ('y_uart_address', _integer, 'tmc2209.tilt_address', int))),
        ('Control', 'gimbal', (('idle_timeout_sec', _number, 'idle_release_s', float),)),
        ('Laser', 'laser', (
            ('laser_pin', _integer, 'laser_pin', int),
            ('laser_max_power', _number, 'power_cap', lambda percent: percent / 100))),
        ('Audio', 'camera', (
            ('enabled', _boolean, 'audio.source', lambda on: 'alsa' if on else 'none'),
            ('device', str, 'audio.device', str),
            ('bitrate_kbps', _integer, 'audio.bit_rate', lambda kilobits: 1000 * kilobits))),
        ('Detection', 'vision', (
            ('tflite_confidence', _number, 'tflite.confidence', float),
            ('roboflow_server_url', str, 'remote.url', str), ('roboflow_model_id', str, 'remote.model', str),
            ('roboflow_confidence', _number, 'remote.confidence', float),
            ('balloon_v_threshold', _number, 'balloon.max_dark_value', lambda level: level / 255),
            ('balloon_min_area', _number, 'balloon.min_area', lambda area: max(1, round(area))),
            ('balloon_circularity_min', _number, 'balloon.min_circularity', float),
            ('balloon_fill_ratio_min', _number, 'balloon.min_fill', float),
            ('balloon_aspect_ratio_min', _number, 'balloon.min_aspect', float),
            ('balloon_aspect_ratio_max', _number, 'balloon.max_aspect', float))),
    ) for key, read, name, convert in rows}

#: Keys that are read together with others, by how to read them.
_JOINT: dict[str, Callable[[str], Any]] = {
    'Motor.ms1_pin': _integer, 'Motor.ms2_pin': _integer, 'Motor.ms3_pin': _integer, 'Motor.microsteps': _integer,
    'Motor.steps_per_rev': _integer, 'Motor.use_uart': _boolean, 'Detection.detection_method': str,
    'Detection.tflite_filter_classes': _words, 'Detection.roboflow_class_filter': _words}

#: Keys without a parameter here, and why.
LEFT_OUT = {
    **dict.fromkeys(
        ('Control.max_steps_per_update', 'Control.speed_scaling', 'Control.step_delay', 'Motor.rpi_tx_pin',
         'Motor.rpi_rx_pin', 'Motor.not_connected', 'Camera.width', 'Camera.height', 'Camera.format',
         'Camera.buffer_count'), 'the legacy turret never used it'),
    'Control.deadzone': 'the handset has a dead zone of its own here',
    'Control.acceleration_steps': 'that of the calibration file is taken',
    'Audio.sample_rate': 'the device decides', 'Audio.channels': 'the device decides',
    'Detection.tflite_model': 'give the file of the model as vision.tflite.model',
    'Detection.use_coral': 'not supported',
    'Detection.roboflow_api_key': 'write the key into a file of mode 600 and name it as vision.remote.key_file'}

#: Every key that is known, as section.key.
KNOWN_KEYS = (*_PLAIN, *_JOINT, *LEFT_OUT)


def import_config(text: str, into: Imported) -> None:
    """Read ``laserturret.conf``.

    Raises:
        TurretError: INVALID_ARGUMENT, it is not such a file, or a value is not valid.
    """
    parser = configparser.ConfigParser(inline_comment_prefixes=('#', ';'), interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise _wrong(str(error).splitlines()[0]) from error
    if not parser.sections():
        raise _wrong('it has no sections')
    joint: dict[str, Any] = {}
    for name, value in _entries(parser, into):
        if name in _PLAIN:
            read, node, parameter, convert = _PLAIN[name]
            into.set(node, parameter, convert(_read(name, value, read)))
        elif name in LEFT_OUT:
            into.notes.append(f'{name}: left out, {LEFT_OUT[name]}')
        else:
            joint[name] = _read(name, value, _JOINT[name])
    _join_motor(joint, into)
    _join_detection(joint, into)
    into.set('camera', 'source', 'picamera2')
    into.set('safety', 'estop_driver', 'none')
    into.set('laser', 'driver', 'sim')
    into.notes.append(
        'laser: simulated until you have built the watchdog of docs/hardware.md and set laser.driver and '
        'laser.watchdog_fitted yourself')


def _entries(parser: configparser.ConfigParser, into: Imported) -> Iterator[tuple[str, str]]:
    by_small = {name.lower(): name for name in KNOWN_KEYS}
    for section in parser.sections():
        for key, value in parser.items(section):
            name = by_small.get(f'{section}.{key}'.lower())
            if name is None:
                into.notes.append(f'{section}.{key}: left out, it is not known')
            elif value:
                yield name, value


def _read(name: str, text: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(text)
    except (ValueError, KeyError) as error:
        raise _wrong(f'{name}: "{text}" is not a valid value') from error


def _join_motor(joint: dict[str, Any], into: Imported) -> None:
    microsteps = joint.get('Motor.microsteps', 8)
    if microsteps not in _MICROSTEP_LEVELS:
        raise _wrong(f'Motor.microsteps: {microsteps} is none of 1, 2, 4, 8, 16')
    into.set('gimbal', 'driver', 'tmc2209' if joint.get('Motor.use_uart', True) else 'step_dir')
    into.set('gimbal', 'step_dir.switches_normally_closed', False)
    for axis, invert in (('pan', False), ('tilt', True)):
        into.set('gimbal', f'step_dir.{axis}.invert', invert)
        into.set('gimbal', f'step_dir.{axis}.microsteps', microsteps)
        into.set('gimbal', f'step_dir.{axis}.steps_per_revolution', joint.get('Motor.steps_per_rev', 200))
        into.set('gimbal', f'{axis}.reference', 'lower_switch')
    pins = [joint[name] for name in ('Motor.ms1_pin', 'Motor.ms2_pin', 'Motor.ms3_pin') if name in joint]
    if pins and not joint.get('Motor.use_uart', True):
        into.set('gimbal', 'step_dir.microstep_pins', pins)
        into.set('gimbal', 'step_dir.microstep_levels', list(_MICROSTEP_LEVELS[microsteps][:len(pins)]))


def _join_detection(joint: dict[str, Any], into: Imported) -> None:
    method = joint.get('Detection.detection_method')
    if method is not None:
        if method not in _METHODS:
            raise _wrong(f'Detection.detection_method: "{method}" is none of {", ".join(_METHODS)}')
        into.set('vision', 'method', _METHODS[method])
        classes = joint.get(
            'Detection.tflite_filter_classes' if method == 'tflite' else 'Detection.roboflow_class_filter', [])
        if method != 'haar' and classes:
            into.set('vision', 'classes', classes)
    into.set('vision', 'balloon.color', 'dark')
    host = urlsplit(into.values['vision'].get('remote.url', '')).hostname
    if host:
        into.set('vision', 'remote.hosts', [host])


def import_camera_calibration(text: str, into: Imported) -> None:
    """Read ``camera_calibration.json``; the configuration has to be read before.

    Raises:
        TurretError: INVALID_ARGUMENT, NOT_FINITE or OUT_OF_RANGE.
    """
    data = _json(text)
    gimbal = into.values.get('gimbal', {})
    turn = gimbal.get('step_dir.pan.steps_per_revolution', 200) * gimbal.get('step_dir.pan.microsteps', 8)
    step = 2 * math.pi / turn  # [rad]

    def number(name: str, default: float, lower: float, upper: float) -> float:
        value = data.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _wrong(f'{name}: "{value}" is not a number')
        require_range(name, value, lower, upper)
        return float(value)

    per_pixel = number('x_steps_per_pixel', _DEFAULT_STEPS_PER_PIXEL, 1e-4, 100.0)
    focal_px = _HALF_WIDTH_PX / math.tan(_DEFAULT_FOV / 2)
    if per_pixel != _DEFAULT_STEPS_PER_PIXEL:  # measured: one pixel in the middle is so many steps
        focal_px = 1.0 / (per_pixel * step)
        into.set('camera', 'horizontal_fov', round(2 * math.atan(_HALF_WIDTH_PX / focal_px), 6))
    into.set('controller', 'aim.dead_zone', round(math.atan(number('dead_zone_pixels', 20, 0, 1000) / focal_px), 6))
    rate = 1.0 / number('step_delay', 0.001, 0.0002, 0.1)
    into.set('gimbal', 'step_dir.max_step_rate', rate)
    ramp = number('acceleration_steps', 50, 0, 1000)
    velocity = rate * step
    for axis in ('pan', 'tilt'):
        into.set('gimbal', f'{axis}.max_velocity', math.floor(1e4 * velocity) / 1e4)  # never above the rate
        if ramp:  # from a third of the velocity to all of it
            into.set('gimbal', f'{axis}.max_acceleration', round(velocity**2 * (8 / 9) / (2 * ramp * step), 4))
    if data.get('is_calibrated') is True:
        ends = {}
        for axis, letter, sign in (('pan', 'x', -1), ('tilt', 'y', 1)):
            half, origin = number(f'{letter}_max_steps', 0, 1, 1e6), number(f'{letter}_origin_offset', 0, -1e6, 1e6)
            ends[axis] = sorted(sign * step * (end - origin) for end in (-half, half))
        for axis, (lower, upper) in ends.items():
            into.set('gimbal', f'{axis}.reference_angle', round(lower, 6))
            into.set('gimbal', f'{axis}.lower', round(min(0.0, lower + _MARGIN), 6))
            into.set('gimbal', f'{axis}.upper', round(max(0.0, upper - _MARGIN), 6))
    else:
        into.notes.append('the turret was not calibrated: measure its range with the action gimbal/calibrate')
    into.notes.append('pid: left out, its gains mean something else here; the action controller/auto_tune finds them')


def import_crosshair(text: str, into: Imported) -> None:
    """Read ``crosshair_calibration.json``; the camera's calibration has to be read before.

    Raises:
        TurretError: INVALID_ARGUMENT, NOT_FINITE or OUT_OF_RANGE.
    """
    data = _json(text)
    offsets = []
    for name in ('x', 'y'):
        value = data.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _wrong(f'{name}: "{value}" is not a number')
        require_range(name, value, -1920, 1920)
        offsets.append(float(value))
    fov = into.values.get('camera', {}).get('horizontal_fov', _DEFAULT_FOV)
    focal_px = _HALF_WIDTH_PX / math.tan(fov / 2)
    into.boresight = (-math.atan(offsets[0] / focal_px), -math.atan(offsets[1] / focal_px))


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise _wrong(f'no JSON: {error}') from error
    if not isinstance(data, dict):
        raise _wrong('it holds no object')
    return data


def _wrong(what: str) -> TurretError:
    return TurretError(ReasonCode.INVALID_ARGUMENT, what)
