# SPDX-License-Identifier: Apache-2.0
"""Hook of MkDocs: the pages of the site that are made from the code when it is built.

Commands (the help of each), errors (every text with which the program refuses something), and the API (docstrings).
"""

from __future__ import annotations

import argparse
import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from turret_bringup.cli import parser

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ('turret_common', 'turret_camera', 'turret_vision', 'turret_control', 'turret_web', 'turret_bringup')
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


class Refusal(NamedTuple):
    """A text with which the program refuses something; an ellipsis stands for a value."""

    text: str
    module: str


def _words(node: ast.expr) -> str | None:
    """Return a text or format string with an ellipsis for each value; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return ''.join(
            str(part.value) if isinstance(part, ast.Constant) else '…' for part in node.values)
    return None


def refusals() -> dict[str, list[Refusal]]:
    """Return the texts of each reason code, found where the code raises ``TurretError``."""
    found: dict[str, set[Refusal]] = defaultdict(set)
    for package in PACKAGES:
        for path in sorted((ROOT / package / package).rglob('*.py')):
            for node in ast.walk(ast.parse(path.read_text())):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                        and node.func.id.endswith('Error') and len(node.args) >= 2):
                    continue
                code, text = node.args[0], _words(node.args[1])
                if isinstance(code, ast.Attribute) and text and text.strip('…') and code.attr.isupper():
                    found[code.attr].add(Refusal(text, f'{package}.{path.stem}'))
    return {code: sorted(texts) for code, texts in sorted(found.items())}


def _meanings() -> dict[str, str]:
    """Return what ReasonCode.msg says of each code."""
    text = (ROOT / 'turret_msgs' / 'msg' / 'ReasonCode.msg').read_text()
    return dict(re.findall(r'^uint16 (\w+)=\d+\s*#\s*(.*)$', text, re.MULTILINE))


def errors_page() -> str:
    """Return the page of all errors."""
    meanings = _meanings()
    lines = [
        '# Errors', '', 'Every text with which the turret refuses something, by reason code; an ellipsis stands for a '
        'value. Search this site for the words that you see. [Troubleshooting](troubleshooting.md) has remedies.', '']
    for code, texts in refusals().items():
        lines += [f'## {code}', '', meanings.get(code, ''), '', '| text | from |', '|---|---|']
        for text, module in texts:
            shown = ' '.join(text.split()).replace('|', '\\|').replace('<', '&lt;').replace('`', '')
            lines.append(f'| {shown} | `{module}` |')
        lines.append('')
    return '\n'.join(lines)


def _choices(command: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in command._actions:  # noqa: SLF001  argparse has no public list
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  likewise
            yield from action.choices.items()


def commands_page() -> str:
    """Return the page of all commands."""
    lines = ['# Commands', '']
    for name, command in _choices(parser()):
        lines += [f'## ./turret {name}', '', '```text', command.format_help().rstrip(), '```', '']
        for inner_name, inner in _choices(command):
            lines += [f'### ./turret {name} {inner_name}', '', '```text', inner.format_help().rstrip(), '```', '']
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
    for name, page in (('commands', commands_page), ('errors', errors_page), ('api', api_page)):
        files.append(File.generated(config, f'{name}.md', content=page()))
    return files
