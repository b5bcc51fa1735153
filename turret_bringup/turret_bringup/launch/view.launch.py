# SPDX-License-Identifier: Apache-2.0
"""Look at a running turret: transforms and robot model, markers, rviz or rqt."""

from __future__ import annotations

import dataclasses

from launch import LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from turret_bringup.run.launch_arguments import COMMON, VIEW
from turret_bringup.run.ros_launch import composed, declared, given, require_package
from turret_bringup.settings.description import robot_description
from turret_bringup.settings.environment import environment
from turret_bringup.settings.graph import VIEWERS
from turret_bringup.settings.viewer_files import adapted
from turret_common.paths import state_dir
from turret_control.boresight.boresight import Boresight
from turret_control.boresight.store import boresight_file


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and what looks at the turret."""
    return LaunchDescription([*declared(VIEW), OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list[Node]:
    values = given(context, VIEW)
    config = composed(values, COMMON)
    namespace, folder = config.namespace, state_dir(config.namespace) / 'view'
    prefix = config.effective['markers'].frame_prefix
    files = dataclasses.replace(config, nodes=VIEWERS).write(folder)
    sim_time = {'use_sim_time': values['use_sim_time'] == 'true'}
    on_base = config.effective['camera'].camera_mount == 'base'
    urdf = robot_description(
        config.effective['gimbal'], boresight_file(namespace).load() or Boresight(),
        config.effective['controller'].base_camera if on_base else None)
    require_package('robot_state_publisher', 'view.launch.py')
    common = {'namespace': namespace, 'additional_env': environment(namespace), 'output': 'screen'}
    nodes = [
        Node(package='robot_state_publisher', executable='robot_state_publisher', parameters=[
            {'robot_description': ParameterValue(urdf, value_type=str), 'frame_prefix': prefix}, sim_time], **common),
        *(Node(package=spec.package, executable=spec.name, name=spec.name, parameters=[str(files[spec.name])],
               **common) for spec in VIEWERS)]
    if values['rviz'] == 'true':
        require_package('rviz2', 'rviz:=true')
        nodes.append(Node(
            package='rviz2', executable='rviz2', parameters=[sim_time],
            arguments=['-d', str(adapted('turret.rviz', folder, namespace, prefix))], **common))
    if values['rqt'] == 'true':
        require_package('rqt_gui', 'rqt:=true')
        nodes.append(Node(
            package='rqt_gui', executable='rqt_gui', parameters=[sim_time],
            arguments=['--perspective-file', str(adapted('turret.perspective', folder, namespace, prefix))], **common))
    return nodes
