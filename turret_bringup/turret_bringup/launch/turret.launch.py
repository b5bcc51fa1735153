"""Start the turret with ros2 launch: the same graph, and the same check of parameters, as ./turret up."""

from __future__ import annotations

import shlex
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from turret_bringup import configuration
from turret_bringup.environment import node_environment
from turret_bringup.graph import DEFAULT_NAMESPACE
from turret_bringup.supervisor import REFUSED, RESPAWN_S
from turret_common.state_dir import runtime_dir

# Name, default and description of each argument.
_ARGUMENTS = (
    ('namespace', DEFAULT_NAMESPACE, 'ROS namespace of the turret'),
    ('sim', 'auto', 'simulated hardware: true, false, or auto: unless params_file names a driver'),
    ('params_file', '', 'parameter files, with a colon between them; later ones win'),
    ('set', '', 'single parameters, node.name=value with a space between them; win over files'),
    ('camera', '', 'a real camera, for example /dev/video0'),
    ('video_file', '', 'footage in place of a camera'),
    ('host', '', 'address that the panel listens on; empty: as the parameters say'),
    ('port', '', 'port that the panel listens on; empty: as the parameters say'),
    ('use_sim_time', 'false', 'take the time from /clock'),
    ('log_level', 'info', 'least severity that the nodes write: debug, info, warn, error, fatal'),
)
# Arguments that stand for parameters: node.name=value for each of them.
_STANDS_FOR = {
    'camera': ('camera.source=v4l2', 'camera.device="{}"'),
    'video_file': ('camera.source=file', 'camera.video_file="{}"'),
    'host': ('web.host="{}"',),
    'port': ('web.port={}',),
    'use_sim_time': ('*.use_sim_time={}',),
}


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the nodes of the graph."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=text) for name, default, text in _ARGUMENTS),
        OpaqueFunction(function=_start),
    ])


def _start(context: LaunchContext) -> list[LogInfo | Node]:
    given = {name: LaunchConfiguration(name).perform(context) for name, _, _ in _ARGUMENTS}
    parameters = [text.format(given[name]) for name, texts in _STANDS_FOR.items() if given[name] for text in texts]
    config = configuration.compose(
        given['namespace'],
        files=[Path(name) for name in given['params_file'].split(':') if name],
        assignments=parameters + shlex.split(given['set']),
        simulation={'true': True, 'false': False}.get(given['sim']))
    files = config.write(runtime_dir(config.namespace) / 'parameters')
    nodes = [
        Node(
            package=spec.package, executable=spec.name, name=spec.name, namespace=config.namespace,
            parameters=[str(files[spec.name])], arguments=['--ros-args', '--log-level', given['log_level']],
            additional_env=node_environment(spec), output='screen', emulate_tty=True,
            respawn=True, respawn_delay=RESPAWN_S, on_exit=_end_when_refused)
        for spec in config.nodes]
    return [*(LogInfo(msg=line) for line in [*config.notes, configuration.announcement(config)]), *nodes]


def _end_when_refused(event: ProcessExited, _: LaunchContext) -> list[Shutdown]:
    """A node that refuses to start has said why; nothing else then goes on."""
    return [Shutdown(reason=f'{event.process_name} refuses to start')] if event.returncode == REFUSED else []
