# SPDX-License-Identifier: Apache-2.0
"""Every frame id that the turret publishes begins with its ``frame_prefix``."""

from __future__ import annotations

import importlib
import re
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from rclpy.parameter import Parameter

from turret_bringup.settings.graph import GRAPH, VIEWERS
from turret_common import params
from turret_common.interface import TOPICS
from turret_common.ros import qos as ros_qos
from turret_common.testing.ros_testing import RosHarness, signed
from turret_common.testing.waiting import wait_until
from turret_common.threads.periodic import Periodic
from turret_msgs.msg import SafetyPermit

ROOT = Path(__file__).resolve().parents[3]
#: Parameters of each node of the graph that uses frames; the simulated hardware is the first to start.
SETTINGS: dict[str, dict[str, Any]] = {
    'plant': {}, 'gimbal': {'home_on_start': True},
    'camera': {'source': 'sim', 'width': 320, 'height': 240}, 'vision': {}, 'exclusion': {}, 'controller': {},
    'status': {}, 'markers': {}}


def message_type(name: str) -> Any:
    package, _, kind = name.split('/')
    return getattr(importlib.import_module(f'{package}.msg'), kind)


def frames(message: Any) -> set[str]:
    parts = getattr(message, 'markers', [message])
    return {part.header.frame_id for part in parts if hasattr(part, 'header')} - {''}


def test_every_published_frame_has_the_prefix(ros: RosHarness) -> None:
    permits = ros.probe.create_publisher(SafetyPermit, 'safety/permit', ros_qos.PERMIT)
    heard: dict[str, set[str]] = {topic.name: set() for topic in TOPICS if topic.node in SETTINGS}
    for topic in TOPICS:
        if topic.node in SETTINGS:
            def take(message: Any, name: str = topic.name) -> None:
                heard[name] |= frames(message)
            qos = ros_qos.NEWEST if 'image' in topic.name else getattr(ros_qos, topic.qos)
            ros.probe.create_subscription(message_type(topic.type), topic.name, take, qos)
    for spec in (*GRAPH, *VIEWERS):
        if spec.name in SETTINGS:
            settings = dict(SETTINGS[spec.name])
            if 'frame_prefix' in params.specs(spec.parameters()):
                settings['frame_prefix'] = 'left/'
            kind = getattr(importlib.import_module(spec.module), f'{spec.name.capitalize()}Node')
            ros.add(kind(context=ros.context, namespace='turret', parameter_overrides=[
                Parameter(name, value=value) for name, value in settings.items()]))
    framed = {
        'sim/ground_truth', 'gimbal/state', 'gimbal/command', 'joint_states', 'camera/camera_info', 'camera/image_raw',
        'vision/detections', 'vision/tracks', 'exclusion/people', 'controller/target', 'status', 'markers'}
    numbers = count(1)

    def permit() -> None:
        permits.publish(signed(SafetyPermit(
            epoch=1, seq=next(numbers), monotonic_ns=time.monotonic_ns(), motion_ok=True)))
    permitting = Periodic('permits', 0.02, permit, lambda error: None)
    permitting.start()
    try:
        wait_until(lambda: all(heard[name] for name in framed), 60.0, 'frames on every topic')
    finally:
        permitting.stop()
    assert {frame for names in heard.values() for frame in names} == {'left/base_link', 'left/camera_optical_frame'}


@pytest.mark.parametrize('path', [
    path for path in ROOT.glob('turret_*/turret_*/**/*.py') if 'bench' not in path.parts],
    ids=lambda path: path.name)
def test_no_frame_id_is_written_without_the_prefix(path: Path) -> None:
    assert not re.findall(r'frame_id\s*=\s*f?[\'"]\w', path.read_text())
