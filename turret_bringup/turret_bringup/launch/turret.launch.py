"""Start the turret with ros2 launch: the same graph, and the same check of parameters, as ./turret up."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import IncludeLaunchDescription, LogInfo, OpaqueFunction, Shutdown
from launch.events.process import ProcessExited
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

from turret_bringup.run import stock_servers
from turret_bringup.run.launch_arguments import COMMON, TURRET
from turret_bringup.run.ros_launch import VIEW_PACKAGES, composed, declared, given, require_package
from turret_bringup.run.supervisor import REFUSED, RESPAWN_S
from turret_bringup.settings import configuration
from turret_bringup.settings.configuration import Configuration
from turret_bringup.settings.environment import node_environment
from turret_common.paths import runtime_dir
from turret_control import wiring


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the nodes of the graph."""
    return LaunchDescription([*declared(TURRET), OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    values = given(context, TURRET)
    config = composed(values, TURRET, {'true': True, 'false': False}.get(values['sim']))
    wiring.require_devices(*config.hardware())
    config = _with_secret_upstream(config)
    files = config.write(runtime_dir(config.namespace) / 'parameters')
    nodes = [
        Node(
            package=spec.package, executable=spec.name, name=spec.name, namespace=config.namespace,
            parameters=[str(files[spec.name])], arguments=['--ros-args', '--log-level', values['log_level']],
            additional_env=node_environment(spec), output='screen', emulate_tty=True,
            respawn=True, respawn_delay=RESPAWN_S, on_exit=_end_when_refused)
        for spec in config.nodes]
    lines = [LogInfo(msg=line) for line in [*config.notes, configuration.announcement(config)]]
    return [*lines, *nodes, *_stock_servers(config), *_view(values)]


def _with_secret_upstream(config: Configuration) -> Configuration:
    """Return the configuration in which the stock bridge, if it is used, has a path that only the front door knows."""
    web = config.effective['web']
    if web.bridge != 'rosbridge_suite':
        return config
    changes = {'bridge_upstream': stock_servers.secret_upstream(web.bridge_upstream)}
    return dataclasses.replace(
        config, values={**config.values, 'web': {**config.values['web'], **changes}},
        effective={**config.effective, 'web': dataclasses.replace(web, **changes)})


def _stock_servers(config: Configuration) -> list[Node]:
    web = config.effective['web']
    stock = [('bridge:=rosbridge_suite', server) for server in stock_servers.bridge_nodes(web, config.namespace)]
    stock += [('video:=web_video_server', server) for server in stock_servers.video_nodes(web)]
    for argument, server in stock:
        require_package(server.package, argument)
    return [
        Node(package=server.package, executable=server.executable, name=server.name, parameters=[server.parameters],
             output='screen', respawn=True, respawn_delay=RESPAWN_S)
        for _, server in stock]


def _view(values: dict[str, str]) -> list[IncludeLaunchDescription]:
    if values['rviz'] != 'true':
        return []
    for package in VIEW_PACKAGES:  # before anything starts
        require_package(package, 'rviz:=true')
    source = PythonLaunchDescriptionSource(str(Path(__file__).with_name('view.launch.py')))
    return [IncludeLaunchDescription(
        source, launch_arguments=[(argument.name, values[argument.name]) for argument in COMMON])]


def _end_when_refused(event: ProcessExited, _: LaunchContext) -> list[Shutdown]:
    """A node that refuses to start has said why; nothing else then goes on."""
    return [Shutdown(reason=f'{event.process_name} refuses to start')] if event.returncode == REFUSED else []
