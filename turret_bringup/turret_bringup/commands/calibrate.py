# SPDX-License-Identifier: Apache-2.0
"""Calibrate a running turret: lens, delays, gains, boresight.

  ./turret calibrate boresight --arm --range 1 --range 2 --range 4
  ./turret calibrate board board.png && ./turret calibrate camera
  ./turret calibrate check
  ./turret calibrate delay
  ./turret calibrate gains pan

Results are applied immediately. Delays and gains are saved for the next start with: ./turret call
controller/save_parameters
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from turret_bringup.commands.options import add_namespace
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_BOARDS = ('charuco', 'chessboard')
_ARMED_S = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    tasks = parser.add_subparsers(title='tasks', metavar='TASK', required=True, dest='task')
    boresight = tasks.add_parser(
        'boresight', help='find the laser dot in the image at one or more distances of a surface')
    boresight.add_argument(
        '--range', type=float, action='append', dest='ranges', metavar='M', required=True,
        help='distance of the surface; with several distances the position of the laser is estimated too')
    boresight.add_argument('--power', type=float, default=0.2, help='laser power, 0 to 1 (default: %(default)s)')
    boresight.add_argument(
        '--move', type=float, metavar='S', help='time to move the surface (default: 10; 1 in simulation)')
    boresight.add_argument(
        '--arm', action='store_true', required=True,
        help='confirm that the allowed region is safe, and arm the laser for the calibration')
    camera = tasks.add_parser('camera', help='calibrate the lens with a board held in front of the camera')
    board = tasks.add_parser('board', help='write the image of the board, to be printed and glued to a flat surface')
    board.add_argument('file', type=Path, metavar='FILE', help='image file to write, for example board.png')
    for parser_ in (camera, board):
        parser_.add_argument(
            '--board', choices=_BOARDS, default=_BOARDS[0],
            help='kind of board (default: %(default)s)')
        parser_.add_argument('--columns', type=int, default=9, help='squares across (default: %(default)s)')
        parser_.add_argument('--rows', type=int, default=6, help='squares down (default: %(default)s)')
        parser_.add_argument(
            '--marker', type=float, default=0.75, help='marker size relative to a square (default: %(default)s)')
    camera.add_argument('--views', type=int, default=20, help='number of different views (default: %(default)s)')
    check = tasks.add_parser('check', help='compare the bearing of a static target all over the image')
    delay = tasks.add_parser('delay', help='measure delays and backlash with a static target in view')
    gains = tasks.add_parser('gains', help='find the PID gains of an axis by a small oscillation')
    gains.add_argument('axis', choices=('pan', 'tilt'))
    for parser_ in (check, delay, gains):
        parser_.add_argument('--travel', type=float, default=0.0, metavar='DEG', help='maximum excursion')
    for name, parser_ in tasks.choices.items():
        if name != 'board':
            add_namespace(parser_)


def run(args: argparse.Namespace) -> int:
    """Run one calibration; return 1 when it fails."""
    if args.task == 'board':
        return _draw_board(args)

    from turret_bringup.client.ros_client import TurretClient
    with TurretClient(args.namespace) as client:
        result = _boresight(client, args) if args.task == 'boresight' else client.run(*_goal(args), _show)
    sys.stdout.write((_result_text(args.task, result) if result['success'] else f'failed: {result["message"]}') + '\n')
    return int(not result['success'])


def _goal(args: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    if args.task == 'camera':
        return 'camera/calibrate', {
            'board': _BOARDS.index(args.board), 'columns': args.columns, 'rows': args.rows, 'marker': args.marker,
            'views': args.views}
    travel = {'travel': math.radians(args.travel)}
    goals: dict[str, tuple[str, dict[str, Any]]] = {
        'check': ('controller/check_bearings', travel),
        'delay': ('controller/measure_delay', travel),
        'gains': ('controller/auto_tune', {**travel, 'axis': getattr(args, 'axis', ''), 'apply': True}),
    }
    return goals[args.task]


def _boresight(client: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Find the laser dot; in simulation the targets are removed and the wall moves to each distance."""
    simulated = next(client.messages('laser/state')).driver == 'sim'

    scene = client.parameters('plant', ['scenario', 'wall_range']) if simulated else {}
    move_s = args.move or (1.0 if simulated else 10.0)

    def bring_wall(range_m: float) -> None:
        if simulated:
            client.set_parameter('plant', 'wall_range', range_m)

    def prompt(feedback: dict[str, Any]) -> None:
        _show(feedback)
        bring_wall(args.ranges[feedback['measured']])

    if simulated:
        client.set_parameter('plant', 'scenario', 'empty')  # the beam must land on the wall
    try:
        bring_wall(args.ranges[0])
        return _with_laser(client, args.power, 'controller/calibrate_boresight',
                           {'ranges': args.ranges, 'move_s': move_s}, prompt)
    finally:
        for name, value in scene.items():
            client.set_parameter('plant', name, value)


def _with_laser(client: Any, power: float, action: str, goal: dict[str, Any],
                report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Run an action with the head at rest and the laser armed; disarm the laser afterwards."""
    with client.operator():
        for service, values in (
                ('controller/set_mode', {'mode': 1}), ('safety/confirm_region', {}),
                ('laser/set_power', {'power': power}), ('laser/arm', {})):
            client.command(service, **values)
        try:
            sys.stderr.write('arming\n')
            _wait_until_armed(client)
            result: dict[str, Any] = client.run(action, goal, report)
            return result
        finally:
            client.call('laser/disarm', {})


def _wait_until_armed(client: Any) -> None:
    try:
        client.wait_for('laser/state', lambda state: state.state == state.STATE_ARMED, _ARMED_S)
    except TurretError as error:
        message = next(client.messages('laser/state')).message
        raise TurretError(error.code, f'the laser was not armed: {message or error.message}') from error


def _show(feedback: dict[str, Any]) -> None:
    done = feedback.get('progress')
    text = feedback.get('prompt') or feedback.get('phase') or ''
    sys.stderr.write(('' if done is None else f'{100.0 * done:3.0f} %  ') + f'{text}\n')


def _result_text(task: str, result: dict[str, Any]) -> str:
    """Return a result as text, angles in degrees."""
    def degrees(name: str, digits: int = 3) -> str:
        value = result[name]
        return 'not measured' if value is None else f'{math.degrees(value):.{digits}f} degrees'

    def milliseconds(name: str) -> str:
        return 'not measured' if result[name] is None else f'{1e3 * result[name]:.1f} ms'

    text = {
        'boresight': lambda: f'boresight set, residual {degrees("residual")}',
        'camera': lambda: f'residual {result["rms"]:.2f} px, field of view {degrees("horizontal_fov", 1)}, '
                          f'written to {result["file"]}',
        'check': lambda: f'spread of the bearing {degrees("rms")}, worst {degrees("worst")} in {result["images"]} '
                         f'images; best fit: focal length x {result["scale"]:.3f}, roll {degrees("roll")}',
        'delay': lambda: f'camera {milliseconds("camera_s")}, image to track {milliseconds("processing_s")}, '
                         f'command to motion {milliseconds("actuator_s")}',
        'gains': lambda: f'kp {result["kp"]:.2f}, ki {result["ki"]:.2f}, kd {result["kd"]:.3f}',
    }[task]()
    return f'{text}; {result["message"]}' if result['message'] else text


def _draw_board(args: argparse.Namespace) -> int:
    import cv2

    from turret_camera.lens.calibrator import Board
    image = Board(_BOARDS.index(args.board), args.columns, args.rows, args.marker).draw(200)
    try:
        written = cv2.imwrite(str(args.file), image)
    except cv2.error:  # unknown file extension
        written = False
    if not written:
        raise TurretError(ReasonCode.IO_ERROR, f'cannot write the image {args.file}')
    sys.stdout.write(f'{args.file}: print it as large as possible, without stretching it\n')
    return 0
