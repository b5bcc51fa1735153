# SPDX-License-Identifier: Apache-2.0
"""Functions of the launch files: arguments, checked configuration, and checks before the start."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration

from turret_bringup.run import inputs
from turret_bringup.run.launch_arguments import Argument
from turret_bringup.settings import configuration
from turret_bringup.settings.configuration import Configuration
from turret_bringup.settings.graph import groups_named
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: Packages of a distribution that rviz with the turret's configuration needs.
VIEW_PACKAGES = ('robot_state_publisher', 'rviz2')


def declared(arguments: Iterable[Argument]) -> list[DeclareLaunchArgument]:
    """Return the declarations of arguments."""
    return [
        DeclareLaunchArgument(
            argument.name, default_value=argument.default, description=argument.description,
            choices=list(argument.choices) or None)
        for argument in arguments]


def given(context: LaunchContext, arguments: Iterable[Argument]) -> dict[str, str]:
    """Return the values of arguments in a running launch."""
    return {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in arguments}


def composed(
        values: Mapping[str, str], arguments: Iterable[Argument], simulation: bool | None = None,
        more: Iterable[str] = (), panel_port: int | None = None) -> Configuration:
    """Return the checked configuration that arguments describe.

    Args:
        values: of the arguments by name.
        arguments: those that may stand for parameters.
        simulation: as for :func:`turret_bringup.settings.configuration.compose`.
        more: further ``node.name=value``.
        panel_port: as for :func:`turret_bringup.settings.configuration.compose`.
    """
    stand_for = [
        text.format(values[argument.name])
        for argument in arguments if values[argument.name] for text in argument.parameters]
    return configuration.compose(
        values['namespace'], files=[Path(name) for name in values['params_file'].split(':') if name],
        assignments=[*stand_for, *more, *shlex.split(values['set'])], simulation=simulation,
        groups=groups_named(values.get('only', '')), panel_port=panel_port)


def require_inputs(values: Mapping[str, str], config: Configuration) -> None:
    """Refuse image sources that cannot be used, and real operation without real hardware.

    Args:
        values: arguments of ``turret.launch.py`` by name.
        config: made from them.

    Raises:
        TurretError: with one sentence that names the argument.
    """
    if values['video_file']:
        inputs.require_footage(Path(values['video_file']))
    if values['camera']:
        inputs.require_camera(Path(values['camera']))
    if values['sim'] == 'false' and config.simulated():
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, f'sim:=false, but {" and ".join(config.simulated())} would be simulated: set '
            'their drivers in a file given with params_file:=')


def require_package(package: str, argument: str) -> None:
    """Refuse an argument that needs a package which is not installed.

    Raises:
        TurretError: NOT_FOUND, with the command that installs it.
    """
    try:
        get_package_prefix(package)
    except PackageNotFoundError:
        raise TurretError(
            ReasonCode.NOT_FOUND, f'{argument} needs the package {package}, which is not installed: '
            f'sudo apt install ros-$ROS_DISTRO-{package.replace("_", "-")}') from None
