#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../.venv/bin/python" "$0" "$@"'
# SPDX-License-Identifier: Apache-2.0
"""Prove that the tests guard the guards: break the safety cores in every small way, and see a test fail each time.

In a copy of the source each comparison is flipped, each condition forced, each operand of ``and`` and ``or`` dropped,
each check, refusal and change of state deleted, each limit moved; a variable is taken for another one of its type, a
clock for another, a unit for another, two arguments are swapped, a call is left out, a lock is not taken. A mutant that
no test notices survives; survivors that make no difference are listed in ``ACCEPTED`` with the reason. Exit code 1 when
another one survives. The tests that run the changed line come first, and the quick ones of them before the slow ones.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import ctypes
import itertools
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import hypothesis.stateful  # noqa: F401  these are imported once, for all the processes that are forked
import numpy  # noqa: F401
import psutil
import pytest

_PR_SET_CHILD_SUBREAPER = 36
ROOT = Path(__file__).resolve().parent.parent
_CORE, _TEST = 'turret_control/turret_control', 'turret_control/test'
_LIMITS = f'{_TEST}/test_gimbal_parameters.py'
_EYES, _EYES_TEST = 'turret_vision/turret_vision', 'turret_vision/test'
#: Each module under test and the tests that must notice, the quick ones first.
SUITES: dict[str, tuple[str, ...]] = {
    'turret_common/turret_common/permit.py': ('turret_common/test/test_permit.py',),
    f'{_CORE}/safety/lease.py': (f'{_TEST}/safety/test_lease.py', f'{_TEST}/safety/test_interlocks.py'),
    f'{_CORE}/safety/zones.py': (f'{_TEST}/safety/test_zones.py', f'{_TEST}/safety/test_class2_play.py'),
    f'{_CORE}/safety/interlocks.py': tuple(f'{_TEST}/safety/test_{name}.py' for name in (
        'interlocks', 'auto_fire', 'person_exclusion', 'class2_play')),
    f'{_CORE}/safety/person_exclusion.py': (f'{_TEST}/safety/test_person_exclusion.py',),
    f'{_CORE}/safety/stop_file.py': (f'{_TEST}/safety/test_stop_file.py',),
    f'{_CORE}/safety/estop.py': (f'{_TEST}/safety/test_estop.py',),
    f'{_CORE}/safety_parameters.py': (f'{_TEST}/test_safety_parameters.py',),
    f'{_CORE}/laser/state_machine.py': tuple(f'{_TEST}/laser/test_{name}.py' for name in (
        'state_machine', 'laser_class2', 'laser_rules')),
    f'{_CORE}/laser/emission_budget.py': (f'{_TEST}/laser/test_laser_class2.py',),
    f'{_CORE}/laser/thread.py': (f'{_TEST}/laser/test_thread.py',),
    f'{_CORE}/laser/guardian.py': (f'{_TEST}/laser/test_guardian.py',),
    f'{_CORE}/laser/lines/pico.py': (f'{_TEST}/laser/test_pico_lines.py',),
    f'{_CORE}/laser_parameters.py': (f'{_TEST}/test_laser_parameters.py',),
    f'{_CORE}/gimbal/axis.py': (f'{_TEST}/gimbal/test_gimbal.py', f'{_TEST}/gimbal/test_homing.py'),
    f'{_CORE}/gimbal/gimbal.py': tuple(f'{_TEST}/gimbal/test_{name}.py' for name in (
        'gimbal', 'homing', 'gimbal_rules')),
    f'{_CORE}/gimbal/homing.py': (f'{_TEST}/gimbal/test_homing.py',),
    f'{_CORE}/devices/motion_profile.py': (
        f'{_TEST}/devices/test_motion_profile.py', f'{_TEST}/drivers/test_driver.py'),
    f'{_CORE}/devices/pca9685.py': (f'{_TEST}/drivers/test_servo_driver.py',),
    f'{_CORE}/devices/tmc2209.py': (f'{_TEST}/devices/test_tmc2209.py', f'{_TEST}/drivers/test_tmc2209_driver.py'),
    f'{_CORE}/drivers/stepping.py': (f'{_TEST}/drivers/test_stepping.py', f'{_TEST}/drivers/test_step_dir_driver.py'),
    f'{_CORE}/drivers/threaded.py': (f'{_TEST}/drivers/test_threaded_driver.py',),
    **{f'{_CORE}/drivers/{name}.py': (
        _LIMITS, f'{_TEST}/drivers/test_{name}_driver.py', f'{_TEST}/drivers/test_driver.py')
       for name in ('servo', 'step_dir', 'tmc2209', 'bus_servo', 'pico', 'onvif', 'ros_head')},
    f'{_CORE}/drivers/pca9685.py': (_LIMITS, f'{_TEST}/drivers/test_servo_driver.py'),
    f'{_CORE}/drivers/dynamixel.py': (_LIMITS, f'{_TEST}/drivers/test_bus_servo_driver.py'),
    f'{_CORE}/drivers/ros/head.py': (
        _LIMITS, f'{_TEST}/drivers/test_joint_states.py', f'{_TEST}/drivers/test_ros_head_driver.py'),
    f'{_CORE}/drivers/ros/head_link.py': (f'{_TEST}/ros/test_ros_head_link.py',),
    **{f'{_CORE}/servo_bus/{name}.py': (
        f'{_TEST}/servo_bus/test_servo_bus.py', f'{_TEST}/drivers/test_bus_servo_driver.py')
       for name in ('bus', 'wire', 'feetech', 'dynamixel')},
    **{f'{_CORE}/pico/{name}.py': (
        f'{_TEST}/pico/test_pico_firmware.py', f'{_TEST}/laser/test_pico_lines.py',
        f'{_TEST}/drivers/test_pico_driver.py') for name in ('protocol', 'link')},
    f'{_CORE}/devices/onvif.py': (f'{_TEST}/devices/test_onvif.py', f'{_TEST}/drivers/test_onvif_driver.py'),
    f'{_CORE}/axis_parameters.py': (_LIMITS, f'{_TEST}/gimbal/test_gimbal.py'),
    f'{_CORE}/gimbal_parameters.py': (_LIMITS, f'{_TEST}/gimbal/test_gimbal.py'),
    'turret_common/turret_common/messages/run_key.py': ('turret_common/test/messages/test_run_key.py',),
    'turret_common/turret_common/threads/output.py': ('turret_common/test/threads/test_output.py',),
    'turret_common/turret_common/ros/permit_feed.py': ('turret_common/test/ros/test_permit_feed.py',),
    **{f'{_CORE}/{name}_node.py': (f'{_TEST}/ros/test_{name}_node.py',) for name in ('safety', 'gimbal')},
    f'{_CORE}/laser_driver_node.py': (f'{_TEST}/ros/test_laser_node.py',),
    f'{_CORE}/gimbal/ros_messages.py': (f'{_TEST}/ros/test_gimbal_messages.py',),
    f'{_CORE}/laser/ros_messages.py': (f'{_TEST}/ros/test_laser_messages.py',),
    f'{_CORE}/safety/ros_messages.py': (f'{_TEST}/ros/test_safety_messages.py',),
    f'{_EYES}/detectors/person.py': (f'{_EYES_TEST}/detectors/test_person.py',),
}
#: Mutants that change nothing that matters: module, line as it stands, what became of it, and why that is so.
_OVERWRITTEN = 'overwritten by the first heartbeat or lease, before it can be read'
_FOR_THE_TYPE_CHECKER = 'a missing permit was refused by the age already; repeated for the type checker'
_ONE_NS = 'a nanosecond'
_EXACTLY = 'a value that is exactly the limit'
_ANEW = 'the next image is of another target, or far later, and starts over'
_FIRST_PULSE = 'overwritten by the first pulse, which is always sent'
_FIRST_IMAGE = 'overwritten by the first image, before it is read'
ACCEPTED: dict[tuple[str, str, str], str] = {
    **{('threaded.py', '_NO_ORDER = (stand_still(1.0), stand_still(1.0), 0)', change): 'an axis that stands already'
       for change in ('0 -> 1', '1.0 -> 3.0')},
    **{('threaded.py', line, change): 'overwritten when it opens, before which it is not read'
       for line, change in (
           ('self._enabled = False', 'False -> True'), ('self._enabled = False', 'self._enabled = False -> pass'),
           ('self._order = _NO_ORDER', 'self._order = _NO_ORDER -> pass'),
           ('self._taken = False', 'self._taken = False -> pass'),
           ('self._powered = False  # perhaps: a motor that did not confirm that it is off counts as powered',
            'False -> True'),
           ('self._powered = False  # perhaps: a motor that did not confirm that it is off counts as powered',
            'self._powered = False -> pass'))},
    ('threaded.py', 'if self._enabled:', 'self._enabled -> True'): 'enabling ends the order',
    ('dynamixel.py', "self._data = b''  # has arrived and is not taken", "self._data = b'' -> pass"):
        'the SDK clears the port before it reads',
    ('head_link.py', 'self._spinning.close()', 'self._spinning.close() -> pass'):
        'the end of its context ends the thread, too',
    ('head_link.py',
     "self._node = Node('gimbal_head', namespace=namespace, context=self._context, start_parameter_services=False)",
     'False -> True'): 'services of a node without parameters change nothing',
    ('head_link.py', 'self._context.try_shutdown()', 'self._context.try_shutdown() -> pass'):
        'a context without a node has nothing that is left',
    ('head.py', 'last_ns, last = (t_ns, (pan, tilt)) if before is None else (before.t_ns, before.positions)',
     't_ns -> stamp_ns'): 'without a last position nothing has moved',
    ('head.py', 'for i, now, then in zip(indices, (pan, tilt), last, strict=True)]', 'True -> False'): 'each has two',
    ('head.py', 'self._stamp_ns = 0  # of the newest joint states', '0 -> 1'): 'no state is as old',
    **{('gimbal_node.py', 'if sample is None or not (view.pan.homed and view.tilt.homed):', change):
       'both axes have a reference or neither, and without a sample neither' for change in (
           'sample is None or not (view.pan.homed and view.tilt.homed) -> '
           '(not (view.pan.homed and view.tilt.homed))',
           'view.pan.homed and view.tilt.homed -> (view.tilt.homed)',
           'view.pan.homed and view.tilt.homed -> (view.pan.homed)')},
    ('threaded.py', 'self._thread = None', 'self._thread = None -> pass'): 'a thread that has ended is joined again',
    **{('threaded.py', 'if isinstance(self._clock, MonotonicClock):',
        f'isinstance(self._clock, MonotonicClock) -> {value}'): 'priority among the threads of this machine'
       for value in (True, False)},
    ('threaded.py', 'wake_on_time()', 'wake_on_time() -> pass'): 'priority among the threads of this machine',
    ('bus_servo.py', 'return self._sample if self._sample.known else self._sample._replace(enabled=self._enabled)',
     'self._sample.known -> False'): 'what is known was measured with the motors powered',
    ('bus_servo.py', 'if abs(profile.position - axis.angle(self._states[axis.id].position)) > _MAX_LEAD:',
     'abs(profile.position - axis.angle(self._states[axis.id].position)) > _MAX_LEAD -> '
     '(abs(profile.position - axis.angle(self._states[axis.id].position)) >= _MAX_LEAD)'): _EXACTLY,
    ('bus_servo.py', 'if not starting and self._lost[i] >= _LOST_ANSWERS and silent_s > self._parameters.silence_s:',
     'silent_s > self._parameters.silence_s -> (silent_s >= self._parameters.silence_s)'): _EXACTLY,
    ('bus_servo.py', 'value: int | None = 0', '0 -> 1'): 'only whether there is one is looked at',
    **{('bus_servo.py', line, 'True -> False'): 'both have two elements' for line in (
        'missing = [name for name, answered_ns in zip(_AXES, self._answered_ns, strict=True) if not answered_ns]',
        'for i, (axis, profile, motion) in enumerate(zip(self._servos, self._profiles, motions, strict=True)):',
        'for i, (name, axis) in enumerate(zip(_AXES, self._servos, strict=True)):',
        'for axis, profile, speed in zip(self._servos, self._profiles, self._speeds, strict=True):',
        'for name, axis in zip(_AXES, self._servos, strict=True):',
        'for name, low, high in zip(_AXES, lowest, highest, strict=True):',
        'return {name: self._states[axis.id] for name, axis in zip(_AXES, self._servos, strict=True)}')},
    **{('bus_servo.py', line, change): 'overwritten by the first answers, which opening waits for'
       for line, change in (
           ('self._answered_ns = [0, 0]  # when each answered last', 'self._answered_ns = [0, 0] -> pass'),
           ('self._answered_ns = [0, 0]  # when each answered last', '0 -> 1'),
           ('self._lost = [0, 0]  # answers in a row', '0 -> 1'))},
    **{('pico.py', line, change): 'overwritten when it opens, before it is read'
       for line, change in (
           ('self._fitted = 0', 'self._fitted = 0 -> pass'), ('self._fitted = 0', '0 -> 1'),
           ('self._answered_ns = 0', 'self._answered_ns = 0 -> pass'), ('self._answered_ns = 0', '0 -> 1'))},
    ('pico.py', 'if self._link is not None:', 'self._link is not None -> True'):
        'only what was taken is released; for the type checker',
    ('pico.py', 'self._link = self._sample = None', 'self._link = self._sample = None -> pass'):
        'a driver that is not open uses neither',
    ('ros_head.py',
     'if max(map(abs, reading.positions)) > _MAX_ANGLE or max(map(abs, reading.velocities)) > _MAX_RATE:',
     'max(map(abs, reading.velocities)) > _MAX_RATE -> (max(map(abs, reading.velocities)) >= _MAX_RATE)'): _EXACTLY,
    ('ros_head.py',
     'for profile, joint, position in zip(self._profiles, self._joints, reading.positions, strict=True):',
     'True -> False'): 'both have two elements',
    ('ros_head.py', 'reading = None if self._link is None else self._link.reading()', 'self._link is None -> False'):
        'only an open driver is read; for the type checker',
    ('ros_head.py', 'if reading is None or age_s > self._parameters.state_timeout_s:',
     'reading is None or age_s > self._parameters.state_timeout_s -> (age_s > self._parameters.state_timeout_s)'):
        'the age is infinite without a reading; for the type checker',
    ('ros_head.py', 'if self._link is not None:', 'self._link is not None -> True'):
        'only what was taken is released; for the type checker',
    ('zones.py', 'math.ceil((-_TURN - pan_high) / _TURN), math.floor((_TURN - pan_low) / _TURN) + 1)]',
     '1 -> 3'): 'more full turns are compared than can ever match',
    ('interlocks.py', 'self._ns = 0', '0 -> 1'): _OVERWRITTEN,
    ('interlocks.py', 'if gimbal is None or not self._homed(gimbal):',
     'gimbal is None or not self._homed(gimbal) -> (not self._homed(gimbal))'):
        'no gimbal is not homed; for the type checker',
    ('interlocks.py', 'self._auto_fire_until_ns = 0', 'self._auto_fire_until_ns = 0 -> pass'):
        'overwritten when automatic fire is switched on, before it is read',
    ('interlocks.py', 'self._confirmed_ns = 0', '0 -> 1'): _OVERWRITTEN,
    ('interlocks.py', 'self._confirmed_ns = 0', 'self._confirmed_ns = 0 -> pass'): _OVERWRITTEN,
    ('interlocks.py', 'self._image.update(True, now_ns - round(stamp_age_s * 1e9))',
     'True -> False'): 'only its time is looked at',
    ('interlocks.py',
     'ReasonCode.BEAM_STILL: play and laser is not None and laser.ready and self._beam_still(now_ns),',
     'play and laser is not None and laser.ready and self._beam_still(now_ns) -> '
     '(play and laser.ready and self._beam_still(now_ns))'): 'it is a laser\'s profile; for the type checker',
    ('interlocks.py', 'recent = [pose for at_ns, pose in self._poses if at_ns > now_ns - _STILL_NS]',
     'at_ns > now_ns - _STILL_NS -> (at_ns >= now_ns - _STILL_NS)'): _ONE_NS,
    ('interlocks.py', 'while self._poses and self._poses[0][0] < now_ns - 2 * _STILL_NS:', '2 -> 5'):
        'bounds the memory only',
    ('interlocks.py', 'while self._poses and self._poses[0][0] < now_ns - 2 * _STILL_NS:',
     'self._poses and self._poses[0][0] < now_ns - 2 * _STILL_NS -> False'): 'bounds the memory only',
    ('interlocks.py', 'return math.hypot(across, max(tilts) - min(tilts)) < _STILL_ANGLE',
     'math.hypot(across, max(tilts) - min(tilts)) < _STILL_ANGLE -> '
     '(math.hypot(across, max(tilts) - min(tilts)) <= _STILL_ANGLE)'): 'an angle that is exactly the minimum',
    ('interlocks.py', 'while self._poses and self._poses[0][0] < now_ns - 2 * _STILL_NS:',
     'self._poses[0][0] < now_ns - 2 * _STILL_NS -> (self._poses[0][0] <= now_ns - 2 * _STILL_NS)'): _ONE_NS,
    ('interlocks.py', "self._aimed: tuple[str, int, int] = ('', 0, 0)  # track, time of the newest image in ns, good "
     'images in a row', '0 -> 1'): _ANEW,
    ('interlocks.py', "self._aimed = ('', 0, 0)", '0 -> 1'): _ANEW,
    ('interlocks.py', 'if track_id != last_id or image_ns - last_ns > self._parameters.vision_timeout_s * 1e9:',
     'image_ns - last_ns > self._parameters.vision_timeout_s * 1e9 -> '
     '(image_ns - last_ns >= self._parameters.vision_timeout_s * 1000000000.0)'): _ONE_NS,
    ('interlocks.py', 'ready: bool = False', 'False -> True'): 'the node always says it',
    ('person_exclusion.py', 'return not clear >= self._margin  # also when it is not a number',
     'clear >= self._margin -> (clear > self._margin)'): 'an angle that is exactly the margin',
    ('state_machine.py', 'self._armed_from_ns = 0', 'self._armed_from_ns = 0 -> pass'): _OVERWRITTEN,
    ('state_machine.py', 'self._used_ns = 0', 'self._used_ns = 0 -> pass'): _OVERWRITTEN,
    ('state_machine.py', 'self._armed_from_ns = 0', '0 -> 1'): _OVERWRITTEN,
    ('state_machine.py', 'self._used_ns = 0', '0 -> 1'): _OVERWRITTEN,
    **{('state_machine.py',
        'self._expired = False  # the newest burst ended because its grant was not renewed', change):
        'overwritten at the end of each burst, and read only after one'
       for change in ('self._expired = False -> pass', 'False -> True')},
    ('state_machine.py', 'wanted_ns = 1 if hold else _ns(burst.pulses * burst.pulse_s)',
     '1 -> 3'): _ONE_NS,
    ('state_machine.py', 'if expired or self._duty_left_ns(now_ns) <= 0:', '0 -> 1'): _ONE_NS,
    ('state_machine.py', 'if self._session_left_ns(now_ns) <= 0:', '0 -> 1'): _ONE_NS,
    ('state_machine.py', 'elif self._session_left_ns(now_ns) <= 0:', '0 -> 1'): _ONE_NS,
    ('emission_budget.py', 'return cls((on_ns, off_ns) for on_ns, off_ns in pulses if on_ns <= off_ns <= now_ns)',
     'on_ns <= off_ns <= now_ns -> (on_ns < off_ns <= now_ns)'): 'a pulse of no length emits nothing',
    ('person.py', 'self._since = 0.0', 'self._since = 0.0 -> pass'): _FIRST_IMAGE,
    ('person.py', 'self._since = 0.0', '0.0 -> 1.0'): _FIRST_IMAGE,
    ('person.py', 'if self._image is None or not np.array_equal(self._image, image):',
     'self._image is None or not np.array_equal(self._image, image) -> (not np.array_equal(self._image, image))'):
        'no image is never equal to one; for the type checker',
    ('state_machine.py', 'while self._emissions and self._emissions[0][1] <= now_ns - _DUTY_WINDOW_NS:',
     'self._emissions[0][1] <= now_ns - _DUTY_WINDOW_NS -> (self._emissions[0][1] < now_ns - _DUTY_WINDOW_NS)'):
        _ONE_NS,
    ('state_machine.py', 'return sum(off - max(on, start_ns) for on, off in spans if off > start_ns)',
     'off > start_ns -> (off >= start_ns)'): 'adds nothing',
    ('state_machine.py', 'self._begin(Burst(1, self._parameters.max_pulse_s, 0.0), now_ns, until_ns, hold=True)',
     '0.0 -> 1.0'): 'one pulse has no pause',
    **{('state_machine.py', 'if permit is None or armed_by is None:',
        f'permit is None or armed_by is None -> {change}'):
        'an armed laser has both; for the type checker'
       for change in ('False', '(permit is None)', '(armed_by is None)')},
    ('state_machine.py', 'return code, True', 'return code, True -> pass'):
        'an armed laser has both; for the type checker',
    ('state_machine.py', 'return code, True', 'True -> False'): 'an armed laser has both; for the type checker',
    ('state_machine.py', 'self._grant_order = (0, 0)', '0 -> 1'): 'no safety process is that old',
    ('state_machine.py', 'self._cooldown_until_ns = 0', '0 -> 1'): 'one nanosecond after the start of the computer',
    ('state_machine.py', 'while self._emissions and self._emissions[0][1] <= now_ns - _DUTY_WINDOW_NS:',
     'self._emissions and self._emissions[0][1] <= now_ns - _DUTY_WINDOW_NS -> False'): 'bounds the memory only',
    ('guardian.py', '_START_S = 60.0', '60.0 -> 121.0'): 'a driver that has not started yet drives no line',
    ('guardian.py', '_TAKE_S = 0.5', '0.5 -> 2.0'): 'tries for longer',
    ('guardian.py', '_LOOK_S, _REAP_S = 0.2, 0.002', '0.2 -> 1.4'):
        'a driver that drives no line yet, and does not stop on SIGTERM, has a second more',
    ('guardian.py', 'self._armed = False', 'self._armed = False -> pass'): _FIRST_PULSE,
    ('guardian.py', 'self._armed = False', 'False -> True'): _FIRST_PULSE,
    ('guardian.py', 'self._pulse_ns = 0', '0 -> 1'): _FIRST_PULSE,
    ('guardian.py', 'if self._chip < 0:', 'self._chip < 0 -> (self._chip <= 0)'): 'opens it twice where that gives 0',
    ('guardian.py', 'time.sleep(_REAP_S)', 'time.sleep(_REAP_S) -> pass'): 'tries more often',
    ('guardian.py', 'while (problem := self._drive_low()) and time.monotonic() < end_by:',
     'time.monotonic() < end_by -> (time.monotonic() <= end_by)'): _ONE_NS,
    ('guardian.py', 'return 1', 'return 1 -> pass'): 'a driver that was killed counts as 1 below',
    **{('guardian.py', line, '1 -> 3'): 'as little a descriptor' for line in ('self._fd = -1', 'self._chip = -1')},
    **{('guardian.py', line, '4096 -> 8193'): 'how much is read at once'
       for line in ('if self._connection.recv(4096):', 'data = connection.recv(4096)')},
    **{('guardian.py', line, change): 'a descriptor of 0 is the standard input'
       for line, change in (('if self._fd >= 0:', '0 -> 1'), ('if self._chip < 0:', '0 -> 1'))},
    **{('guardian.py', line, f'{left} >= {right} -> ({left} > {right})'): _ONE_NS for line, left, right in (
        ('if time.monotonic() - heard >= silence:', 'time.monotonic() - heard', 'silence'),
        ('if time.monotonic() >= end_by:', 'time.monotonic()', 'end_by'),
        ('if self._end_by is not None and time.monotonic() >= self._end_by:', 'time.monotonic()', 'self._end_by'))},
    ('guardian.py', 'if self._fd >= 0:', 'self._fd >= 0 -> (self._fd > 0)'): 'takes it twice where that gives 0',
    **{('guardian.py', 'self._pid = 0', change): 'overwritten when it runs'
       for change in ('self._pid = 0 -> pass', '0 -> 1')},
    **{('guardian.py', line, f'{line} -> pass'): 'what is written, not what is done'
       for line in ('sys.stdout.flush()', 'sys.stderr.flush()')},
    ('thread.py', "super().__init__(name='laser', daemon=True)", 'True -> False'): 'its node stops it first',
    ('thread.py', 'self._retry_ns = now_ns + (_RETRY_NS if driven is None else 0)  # the first time at the next '
     'tick', '0 -> 1'): _ONE_NS,
    ('thread.py', '_CALL_TIMEOUT_S = 0.5', '0.5 -> 2.0'): 'who asks waits longer',
    ('thread.py', 'if not guarded and not faulty:', 'not guarded and not faulty -> (not guarded)'):
        'a fault that is present already is reported once more',
    ('thread.py', 'elif guarded and faulty and self._driven is not None:',
     'guarded and faulty and self._driven is not None -> (guarded and self._driven is not None)'):
        'without a fault there is nothing to clear',
    ('thread.py', 'if due and (self._driven is not None or now_ns >= self._retry_ns):',
     'self._driven is not None or now_ns >= self._retry_ns -> (now_ns >= self._retry_ns)'):
        'pins that could be driven were tried when that was due',
    ('thread.py', '_RETRY_NS = 100_000_000', '100_000_000 -> 200000001'): 'tries less often; it is a fault already',
    ('thread.py', 'self._retry_ns = 0', '0 -> 1'): _ONE_NS,
    ('thread.py', 'for _ in range(2):  # the second attempt for a connection that had failed', '2 -> 5'):
        'tries more often',
    ('thread.py', 'wake_on_time()', 'wake_on_time() -> pass'): 'how punctual it is, which the benches measure',
    ('permit.py', 'return (*self[:6], *self.reasons, self.stop_count, self.estop_count)', '6 -> 13'):
        'the last fields are covered twice',
    ('run_key.py', "own = path.with_name(f'.{path.name}.{os.getpid()}.{secrets.token_hex(4)}')", '4 -> 9'):
        'a longer name of a file that lasts a moment',
    ('motion_profile.py', 'return AxisMotion(0.0, 0.0, acceleration)', '0.0 -> 1.0'):
        'without speed a target is not used',
    ('pca9685.py', '_MAX_FRAME_S = 0.05', '0.05 -> 1.1'): 'waits longer',
    **{('pca9685.py', '_WAKE_S = 0.001', change): 'waits longer' for change in ('0.001 -> 1.0', '0.001 -> 1.002')},
    ('stepping.py', 'self._since = -math.inf', 'self._since = -math.inf -> pass'): 'overwritten by the first reading',
    ('stepping.py', 'direction = 1 if round(after) > self.count else -1',
     'round(after) > self.count -> (round(after) >= self.count)'): 'no steps, no direction',
    ('lease.py', 'trigger: bool = False', 'False -> True'): _OVERWRITTEN,
    ('lease.py', "self._last_lease_id = ''", "self._last_lease_id = '' -> pass"): _OVERWRITTEN,
    ('permit.py', 'if permit is None or code is not ReasonCode.OK:',
     'permit is None or code is not ReasonCode.OK -> (code is not ReasonCode.OK)'): _FOR_THE_TYPE_CHECKER,
    ('permit.py', 'if code is ReasonCode.OK and not (permit and permit.motion_ok):',
     'permit and permit.motion_ok -> (permit.motion_ok)'): _FOR_THE_TYPE_CHECKER,
    ('permit.py', 'if code is ReasonCode.OK and not (permit and permit.laser_ok):',
     'permit and permit.laser_ok -> (permit.laser_ok)'): _FOR_THE_TYPE_CHECKER,
}

_FLIPPED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}
#: Maximum time of a suite [s] without any change; with a mutant it is so many times what that took, and more.
_UNCHANGED_TIMEOUT_S, _TIMES, _MORE_S = 600.0, 5.0, 20.0


class Mutant(NamedTuple):
    """One small change of one module."""

    module: str
    line_number: int
    line: str
    change: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it in ``ACCEPTED``, also after lines have moved."""
        return Path(self.module).name, self.line, self.change


def mutants(module: str) -> Iterator[Mutant]:
    """Give every mutant of a module."""
    source = (ROOT / module).read_text()
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    data = source.encode()
    for node, text in _changes(ast.parse(source)):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        mutated = data[:begin] + text.encode() + data[end:]
        before = ' '.join(data[begin:end].decode().split())
        yield Mutant(module, node.lineno, lines[node.lineno - 1].strip(), f'{before} -> {text}', mutated.decode())


def _changes(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, str]]:  # noqa: C901, PLR0912  one kind a branch
    """Give each node that can be changed with the text that takes its place.

    Decorators of classes are not guards, nor is the line that starts a process, without which there is none.
    """
    decorated = {
        child for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list for child in ast.walk(decorator)}
    variables, fields = _variables(tree), _fields(tree)
    entry = {
        child for node in ast.walk(tree) if isinstance(node, ast.If) and '__main__' in ast.unparse(node.test)
        for child in ast.walk(node)}
    for node in ast.walk(tree):
        if node in decorated or node in entry:
            continue
        yield from _mix_ups(node, variables, fields)
        if isinstance(node, ast.Compare):
            for i, operator in enumerate(node.ops):
                for flipped in _FLIPPED[type(operator)]:
                    mutated = copy.deepcopy(node)
                    mutated.ops[i] = flipped()
                    yield node, f'({ast.unparse(mutated)})'
        elif isinstance(node, ast.BoolOp):
            for i in range(len(node.values)):
                rest = node.values[:i] + node.values[i + 1:]
                mutated_bool = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
                yield node, f'({ast.unparse(mutated_bool)})'
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node, f'({ast.unparse(node.operand)})'
        elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
            for forced in ('False',) if ast.unparse(node.test) == 'True' else ('True', 'False'):
                yield node.test, forced
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield node, str(not node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            yield node, repr(node.value * 2 + 1)
        elif _deletable(node):
            assert isinstance(node, ast.stmt)
            yield node, 'pass'


#: Clocks and what each may be taken for; units and conversions alike.
_CLOCKS = {'monotonic_ns': 'time_ns', 'time_ns': 'monotonic_ns', 'monotonic': 'time', 'time': 'monotonic'}
_CONVERSIONS = frozenset({'degrees', 'radians', '_ns', '_s', 'abs', 'round', 'float'})
#: Their arguments may be swapped.
_COMMUTATIVE = frozenset({'min', 'max', 'compare_digest', 'hypot', 'isclose', 'approx'})
_UNITS = {1e9: '1e6', 1e-9: '1e-6', 1e3: '1.0', 1e-3: '1.0'}


def _mix_ups(
        node: ast.AST, variables: dict[ast.AST, str], fields: dict[str, str]) -> Iterator[tuple[ast.expr, str]]:
    """Give each expression that can be taken for another one, with the other one."""
    if node in variables:
        assert isinstance(node, ast.Name)
        yield node, variables[node]
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        other = node.attr in _CLOCKS and isinstance(node.value, ast.Name) and node.value.id == 'time'
        attribute = _CLOCKS[node.attr] if other else fields.get(node.attr)
        if attribute:
            yield node, f'{ast.unparse(node.value)}.{attribute}'
    elif isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value in _UNITS:
        yield node, _UNITS[node.value]
    elif isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition('.')[2]
        for i in range(len(node.args) - 1 if name not in _COMMUTATIVE else 0):
            swapped = copy.deepcopy(node)
            swapped.args[i:i + 2] = [swapped.args[i + 1], swapped.args[i]]
            if ast.unparse(swapped) != ast.unparse(node):
                yield node, ast.unparse(swapped)
        if name in _CONVERSIONS or name in ('min', 'max'):
            yield node, f'({ast.unparse(node.args[0])})'
    elif isinstance(node, ast.withitem) and ast.unparse(node.context_expr).endswith(('lock', '_power')):
        yield node.context_expr, "__import__('contextlib').nullcontext()"


def _variables(tree: ast.Module) -> dict[ast.AST, str]:
    """Return for each use of a parameter the name of another parameter of the same type, where there is one."""
    other: dict[ast.AST, str] = {}
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        parameters = {
            argument.arg: ast.unparse(argument.annotation)
            for argument in (*function.args.args, *function.args.kwonlyargs) if argument.annotation}
        for node in (node for statement in function.body for node in ast.walk(statement)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in parameters:
                same = [name for name, kind in parameters.items() if kind == parameters[node.id] and name != node.id]
                if same:
                    other[node] = same[0]
    return other


def _fields(tree: ast.Module) -> dict[str, str]:
    """Return for each annotated field of a class the next field of the same type, where there is one."""
    other: dict[str, str] = {}
    for cls in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        kinds: dict[str, list[str]] = {}
        for field in cls.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                kinds.setdefault(ast.unparse(field.annotation), []).append(field.target.id)
        for names in kinds.values():
            if len(names) > 1:
                other |= dict(zip(names, names[1:] + names[:1], strict=True))
    return other


def _deletable(node: ast.AST) -> bool:
    """Return whether deleting a statement is worth a trial: calls, refusals, changes of state."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    if isinstance(node, (ast.Assign, ast.AugAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(target, ast.Attribute) for target in targets)
    return isinstance(node, (ast.Raise, ast.Return)) and (isinstance(node, ast.Raise) or node.value is not None)


class Recorder:
    """A plugin of pytest that writes down how long each test took and which lines of a module it ran."""

    def __init__(self, module: Path, output: Path) -> None:
        """Prepare it.

        Args:
            module: the file whose lines count.
            output: where to write, as JSON: seconds and lines by the name of the test.
        """
        self._module = str(module)
        self._output = output
        self._lines: set[int] = set()
        self._tests: dict[str, tuple[float, list[int]]] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Run one test under the tracer; threads that it starts are traced too."""
        self._lines.clear()
        begun = time.monotonic()
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        yield
        sys.settrace(None)
        self._tests[item.nodeid] = time.monotonic() - begun, sorted(self._lines)

    def pytest_sessionfinish(self) -> None:
        """Write what was recorded."""
        self._output.write_text(json.dumps(self._tests))

    def _trace(self, frame: FrameType, _: str, __: Any) -> Any:
        if frame.f_code.co_filename != self._module:
            return None
        self._lines.add(frame.f_lineno)
        return self._trace


class Sorter:
    """A plugin of pytest that begins with the tests that run a line, the quick ones first."""

    def __init__(self, recorded: Path, line: int) -> None:
        self._tests: dict[str, tuple[float, list[int]]] = json.loads(recorded.read_text())
        self._line = line

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort the tests."""
        def order(item: pytest.Item) -> tuple[bool, float]:
            seconds, lines = self._tests.get(item.nodeid, (0.0, []))
            return self._line not in lines, seconds
        items.sort(key=order)


def survives(tree: Path, mutant: Mutant, recorded: Path, timeout_s: float) -> bool:
    """Return whether no test of the module notices a mutant; one that takes longer than ``timeout_s`` is noticed."""
    path = tree / mutant.module
    original = path.read_text()
    path.write_text(mutant.source)
    try:
        return _tests_pass(tree, SUITES[mutant.module], timeout_s, Sorter(recorded, mutant.line_number))
    finally:
        path.write_text(original)


def _tests_pass(tree: Path, tests: tuple[str, ...], timeout_s: float, plugin: object) -> bool:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.chdir(tree)
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        os._exit(pytest.main(['-x', '-q', '-p', 'no:cacheprovider', *tests], [plugin]))
    deadline = time.monotonic() + timeout_s
    try:
        while time.monotonic() < deadline:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status) == 0
            time.sleep(0.01)
        return False  # a mutant that hangs is noticed
    finally:
        _end_children()


def _end_children() -> None:
    """Kill all that tests left behind; this process is the parent of what lost its own."""
    while children := psutil.Process().children(recursive=True):
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(children, timeout=1.0)


def _not_source(folder: str, names: list[str]) -> list[str]:
    """Return what is not copied: caches, and pipes and sockets, which killed tests leave behind."""
    return [
        name for name in names if name in ('__pycache__', 'node_modules')
        or not ((path := Path(folder) / name).is_file() or path.is_dir())]


def _part(text: str) -> tuple[int, int]:
    number, _, of = text.partition('/')
    part = int(number), int(of)
    if not 1 <= part[0] <= part[1]:
        raise ValueError
    return part


def main() -> int:
    """Run the mutants and report the survivors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('module', nargs='*', help='only modules whose path ends so, for example guardian.py')
    parser.add_argument('--sample', type=int, metavar='N', help='only so many mutants, the same ones each time')
    parser.add_argument('--part', type=_part, default=(1, 1), metavar='K/N', help='only every N-th, from the K-th on')
    parser.add_argument('--list', action='store_true', help='only count them')
    args = parser.parse_args()
    chosen = [module for module in SUITES if not args.module or module.endswith(tuple(args.module))]
    todo = [mutant for module in chosen for mutant in mutants(module)]
    if args.sample is not None and args.sample < len(todo):
        chosen_ones = random.Random(1).sample(range(len(todo)), args.sample)
        todo = [todo[i] for i in sorted(chosen_ones)]  # those of a module stay together
    todo = todo[args.part[0] - 1::args.part[1]]
    if args.list:
        sys.stdout.write(f'{len(todo)} mutants\n')
        return 0
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    sys.dont_write_bytecode = True
    os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'  # plugins that no test here needs take most of the time
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in ('turret_common', 'turret_control', 'turret_vision', 'firmware'):
            shutil.copytree(ROOT / name, tree / name, ignore=_not_source)
        for name in ('conftest.py', 'pyproject.toml'):
            shutil.copy(ROOT / name, tree / name)
        for module, of_module in itertools.groupby(todo, lambda mutant: mutant.module):
            recorded = tree / 'recorded.json'
            began = time.monotonic()
            if not _tests_pass(tree, SUITES[module], _UNCHANGED_TIMEOUT_S, Recorder(tree / module, recorded)):
                sys.stderr.write(f'the tests of {module} fail before anything is changed\n')
                return 2
            timeout_s = _TIMES * (time.monotonic() - began) + _MORE_S
            for mutant in of_module:
                if mutant.key not in ACCEPTED and survives(tree, mutant, recorded, timeout_s):
                    survivors.append(mutant)
                    sys.stdout.write(f'survived: {mutant.module}:{mutant.line_number}: {mutant.change}\n')
                    sys.stdout.flush()
    accepted = sum(mutant.key in ACCEPTED for mutant in todo)
    sys.stdout.write(
        f'{len(todo)} mutants, {len(todo) - accepted - len(survivors)} noticed, {accepted} accepted, '
        f'{len(survivors)} survived\n')
    return 1 if survivors else 0


if __name__ == '__main__':
    raise SystemExit(main())
