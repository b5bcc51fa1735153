# SPDX-License-Identifier: Apache-2.0
"""Hook of MkDocs: the pages of the site that are made from the code when it is built.

Commands (the help of each), errors (every text with which the program refuses something), and the API (docstrings).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import error_texts
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from turret_bringup.cli import parser
from turret_bringup.commands import bench, hw
from turret_bringup.hardware import bus

#: Modules that programs outside of the turret import.
PUBLIC = {
    'Python client': ('turret_bringup.client.ros_client', 'turret_bringup.client.ros_status'),
    'Parts of your own': (
        'turret_common.registry', 'turret_common.params', 'turret_vision.detectors.detector',
        'turret_vision.detectors.detection', 'turret_camera.sources.source', 'turret_control.drivers.driver',
        'turret_control.laser.lines.line'),
    'Errors': ('turret_common.errors',),
    'Geometry and aiming': (
        'turret_common.geometry', 'turret_control.aiming.pid', 'turret_control.aiming.predictor'),
}


def _choices(command: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in command._actions:  # noqa: SLF001  argparse has no public list
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  likewise
            yield from action.choices.items()


def _helps() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Give each command with its parser, those included that parse arguments of their own."""
    for name, command in _choices(parser()):
        yield name, command
        own = {
            'bench': {benchmark: bench.parser_of(benchmark) for benchmark in bench.BENCHMARKS},
            'hw': {'wizard': hw.wizard_parser(), 'bus': bus.parser()}}
        for inner_name, inner in [*_choices(command), *own.get(name, {}).items()]:
            yield f'{name} {inner_name}', inner
            yield from ((f'{name} {inner_name} {action}', innermost) for action, innermost in _choices(inner))


def commands_page() -> str:
    """Return the page of all commands."""
    lines = ['# Commands', '', '```text', parser().format_help().rstrip(), '```', '']
    for name, command in _helps():
        level = '#' * min(3, len(name.split()) + 1)
        lines += [f'{level} ./turret {name}', '', '```text', command.format_help().rstrip(), '```', '']
    return '\n'.join(lines)


def api_page() -> str:
    """Return the page of the public modules, which mkdocstrings fills in."""
    lines = ['# Python API', '']
    for title, modules in PUBLIC.items():
        lines += [f'## {title}', '']
        for module in modules:
            lines += [f'::: {module}', '    options: {heading_level: 3}', '']
    return '\n'.join(lines)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for name, page in (('commands', commands_page), ('errors', error_texts.page), ('api', api_page)):
        files.append(File.generated(config, f'{name}.md', content=page()))
    return files
