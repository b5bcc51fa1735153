# SPDX-License-Identifier: Apache-2.0
"""Start the turret with ros2 launch: the same nodes and the same parameter checks as ./turret up."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import IncludeLaunchDescription, LogInfo, OpaqueFunction, Shutdown
from launch.events.process import ProcessExited
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

from turret_bringup.run import assignment, instance, upstream_servers
from turret_bringup.run.launch_arguments import COMMON, TURRET
from turret_bringup.run.ros_launch import VIEW_PACKAGES, composed, declared, given, require_inputs, require_package
from turret_bringup.run.supervisor import REFUSED, RESPAWN_S
from turret_bringup.settings import configuration
from turret_bringup.settings.configuration import Configuration
from turret_bringup.settings.environment import discovery, node_environment, remember_discovery
from turret_bringup.settings.graph import HARDWARE, groups_named
from turret_common.messages.run_key import renew_run_key
from turret_common.ros.node import LAUNCHER_VARIABLE
from turret_control import wiring
from turret_web.web_parameters import BRIDGE_PATH_VARIABLE


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the nodes of the graph."""
    return LaunchDescription([*declared(TURRET), OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    values = given(context, TURRET)
    # The namespace that an outer launch file has pushed comes before the turret's own.
    pushed = context.launch_configurations.get('ros_namespace', '').strip('/')
    values['namespace'] = f'{pushed}/{values["namespace"]}'.lstrip('/')
    groups = groups_named(values['only'])
    os.environ.update(discovery(values['peers'], values['discovery_server']))
    config = composed(
        values, TURRET, {'true': True, 'false': False}.get(values['sim']),
        panel_port=assignment.panel_port(values['namespace']))
    require_inputs(values, config)
    if HARDWARE in groups:
        wiring.require_devices(*config.hardware())
    # Held until this process exits; ./turret down finds the turret by it.
    context.extend_locals({'turret_lock': instance.hold(config.namespace, signal.SIGINT, groups)})
    joined = assignment.join_domain(config.namespace, groups)
    domain = {'ROS_DOMAIN_ID': str(joined.number)}
    context.extend_locals({'namespace_locks': joined.locks, 'device_locks': assignment.hold_devices(config)})
    bridge_path = upstream_servers.secret_path()
    remember_discovery(config.namespace, {**os.environ, **domain})
    files = config.write(configuration.effective_folder(config.namespace))
    if HARDWARE in groups:
        renew_run_key(config.namespace)
    nodes = [
        Node(
            package=spec.package, executable=spec.name, name=spec.name, namespace=f'/{config.namespace}',
            parameters=[str(files[spec.name])], arguments=['--ros-args', '--log-level', values['log_level']],
            additional_env={
                **node_environment(spec, config.namespace, files[spec.name].parent), **domain,
                **_secrets(spec.name, bridge_path), LAUNCHER_VARIABLE: str(os.getpid())},
            output='screen', emulate_tty=True, respawn=True, respawn_delay=RESPAWN_S, on_exit=_end_when_refused)
        for spec in config.nodes]
    lines = [LogInfo(msg=line) for line in [*joined.notes, *config.notes, configuration.announcement(config)]]
    return [*lines, *nodes, *_upstream_servers(config, bridge_path, domain), *_view(values)]


def _secrets(node: str, bridge_path: str) -> dict[str, str]:
    """Return the environment of a node that holds secrets: every node of the graph can read parameters."""
    return {BRIDGE_PATH_VARIABLE: bridge_path} if node == 'web' else {}


def _upstream_servers(config: Configuration, bridge_path: str, domain: dict[str, str]) -> list[Node]:
    if not config.starts('web'):
        return []
    web = config.effective['web']
    upstream = [('bridge:=rosbridge_suite', server) for server in upstream_servers.bridge_nodes(
        web, config.namespace, bridge_path)]
    upstream += [('video:=web_video_server', server) for server in upstream_servers.video_nodes(web)]
    for argument, server in upstream:
        require_package(server.package, argument)
    return [
        Node(package=server.package, executable=server.executable, name=server.name, parameters=[server.parameters],
             additional_env=domain, output='screen', respawn=True, respawn_delay=RESPAWN_S)
        for _, server in upstream]


def _view(values: dict[str, str]) -> list[IncludeLaunchDescription]:
    if values['rviz'] != 'true':
        return []
    for package in VIEW_PACKAGES:  # before anything starts
        require_package(package, 'rviz:=true')
    source = PythonLaunchDescriptionSource(str(Path(__file__).with_name('view.launch.py')))
    return [IncludeLaunchDescription(
        source, launch_arguments=[(argument.name, values[argument.name]) for argument in COMMON])]


def _end_when_refused(event: ProcessExited, _: LaunchContext) -> list[Shutdown]:
    """Shut the launch down when a node has refused to start, after it has logged the reason."""
    return [Shutdown(reason=f'{event.process_name} refuses to start')] if event.returncode == REFUSED else []
