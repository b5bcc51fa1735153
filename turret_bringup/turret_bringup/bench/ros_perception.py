# SPDX-License-Identifier: Apache-2.0
"""Time from a frame of the camera to its detections, and what seeing costs, in the running turret.

The clock starts when the camera publishes a frame's ``camera_info``, just before the frame itself, and stops when
vision publishes its detections, both as DDS stamps them at the source. The processor time is that of the processes
``camera`` and ``vision``; that of the simulated camera includes painting the image.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_common.bench import Row, percentile
from turret_msgs.msg import DetectionArray

_NODES = ('camera', 'vision')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--seconds', type=float, default=30.0, help='time to measure (default: %(default)s)')
    parser.add_argument('--settle', type=float, default=10.0, help='time before (default: %(default)s)')
    parser.add_argument('--method', default='motion', help='detection method (default: %(default)s)')
    parser.add_argument('--video', metavar='FILE', help='footage in place of the simulated camera')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Give the rows."""
    arguments = ['--set', f'vision.method={args.method}', *(['--video', args.video] if args.video else [])]
    scenario = Path(args.video).name if args.video else 'simulation'
    with tempfile.TemporaryDirectory() as state, scratch_turret(Path(state), arguments) as turret:
        os.environ.update(turret.environment)
        with TurretClient('turret', timeout_s=20.0) as client:
            arrived: dict[str, dict[tuple[int, int], float]] = {'camera': {}, 'vision': {}}
            for name, kind, topic in (('camera', CameraInfo, 'camera/camera_info'),
                                      ('vision', DetectionArray, 'vision/detections')):
                client.node.create_subscription(kind, topic, _note(arrived[name]), QoSProfile(depth=10))
            time.sleep(args.settle)
            for times in arrived.values():
                times.clear()
            loads = _loads(turret, args.seconds)
    delays = [1e3 * (t - arrived['camera'][stamp]) for stamp, t in arrived['vision'].items()
              if stamp in arrived['camera']]
    yield Row(scenario, args.method, 'frames', len(arrived['camera']) / args.seconds, '1/s')
    yield Row(scenario, args.method, 'frames with detections', 100.0 * len(delays) / len(arrived['camera']), '%')
    yield Row(scenario, args.method, 'frame to detections, median', percentile(delays, 0.5), 'ms')
    yield Row(scenario, args.method, 'frame to detections, 95th percentile', percentile(delays, 0.95), 'ms')
    for name, load in loads.items():
        yield Row(scenario, args.method, f'processor, {name}', load, '% of one core')
    yield Row(scenario, args.method, 'processor, both', sum(loads.values()), '% of one core')


def _note(times: dict[tuple[int, int], float]) -> Any:
    def note(message: Any, info: Any) -> None:
        times[message.header.stamp.sec, message.header.stamp.nanosec] = 1e-9 * info['source_timestamp']
    return note


def _loads(turret: ScratchTurret, seconds: float) -> dict[str, float]:
    """Return the processor time of the nodes over some seconds, in percent of one core."""
    processes = {name: psutil.Process(turret.pid(name)) for name in _NODES}
    before = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
    time.sleep(seconds)
    return {
        name: 100.0 * (sum(process.cpu_times()[:2]) - before[name]) / seconds for name, process in processes.items()}
