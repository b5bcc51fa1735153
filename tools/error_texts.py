# SPDX-License-Identifier: Apache-2.0
"""Every text with which the program refuses something, warns or reports a problem, found in its sources.

The page "Errors" of the documentation site is made of them, so that a search for the words on a screen finds their
reason code and its remedy.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ('turret_common', 'turret_camera', 'turret_vision', 'turret_control', 'turret_web', 'turret_bringup')
#: The folder whose texts users of the turret do not see, and the one whose texts are results unless they are errors.
TESTS, MEASUREMENTS = 'testing', 'bench'
#: Calls whose texts are descriptions, prompts or results, which other pages show or no one looks up.
DESCRIPTIONS = re.compile(
    r'(?:^|_)(?:param|add_argument|add_parser|Argument|Topic|Service|Action|ArgumentParser|of_bag|of_part|in_folder|'
    r'compile|find|findall|search|match|sub)$')
ERROR = re.compile(r'(?:Error|[Rr]efuse|[Rr]efusal|refused|fatal|Finding)$')
#: Templates and regular expressions, which are not messages.
_CODE = re.compile(r'xmlns|</|<!|^<[A-Z]|\[Unit\]|Content-|\(\?|^for .*:$|max-age|-src ')
NO_CODE = 'Without a reason code, or with one of several'
OTHER = 'Other messages'
#: Remedies of the codes for which the panel shows none (`reasons` in turret_web/panel/src/text/en.ts).
REMEDIES = {
    'INVALID_ARGUMENT': 'Correct the value that the message names; [Parameters](parameters.md) and '
                        '[Interfaces](interfaces.md) have the allowed ones.',
    'NOT_FINITE': 'Send a finite number; NaN and infinity are never accepted.',
    'OUT_OF_RANGE': 'Use a value within the range that the message states.',
    'UNKNOWN_NAME': 'Use one of the names that the message lists, or the similar one that it suggests.',
    'NOT_READY': 'Wait some seconds after the start; otherwise `./turret status` shows which node does not report.',
    'BUSY': 'Wait until the operation that is named is done, or cancel it.',
    'TIMED_OUT': '`./turret status` shows whether the node still reports; on a busy machine repeat it.',
    'IO_ERROR': 'The message has the reason of the operating system: look at the file, device or network; '
                '`./turret doctor` checks permissions.',
    'NOT_SUPPORTED': 'Install what the message names, or choose another driver, source or method.',
    'CANCELLED': 'Nothing: it was requested.',
    'INTERNAL_ERROR': 'Report it, with the log: `~/.local/state/turret/NAMESPACE/turret.log`, or the terminal of '
                      '`./turret up`.',
    'READ_ONLY': 'Set it in a parameter file or with `--set`, and start again: safety values cannot be changed while '
                 'the turret runs.',
    'NOT_FOUND': 'Check the name; lists of what exists: `./turret bag list`, `camera/list_media`, `./turret status`.',
    'ALREADY_EXISTS': 'Choose another name, or delete the existing thing first.',
    'STALE_INPUT': 'The source of the input is slow or silent: `./turret status` shows the ages.',
    'CLOCK_JUMPED': 'Nothing, once; if it repeats, set up chrony or another time service.',
    'STORAGE_FULL': 'Delete or move bags and videos, or choose another folder (`bag.bag_dir`, `camera.media_dir`).',
    'WRONG_MODE': 'Change the mode first, usually to manual (`controller/set_mode`).',
    'DAMAGED': 'For a bag: `./turret bag recover BAG`. For a settings file: it was set aside; set the values again.',
    'LEASE_TAKEN': 'Ask the operator to release control, or take over.',
    'WRONG_SECRET': 'Read the operator secret again: it changes when the safety node starts.',
    'HEARTBEAT_REPLAYED': 'Echo the newest nonce in each heartbeat; two programs may be using one lease.',
    'SECOND_PUBLISHER': 'Stop the other program: a second node publishes on a topic that has a single owner.',
    'BACKEND_MIXED': 'Use a real camera and gimbal with a real laser, or `dry_run`.',
    'PERMIT_EPOCH': 'Arm again: the safety node was restarted.',
    'MOTION_NOT_PERMITTED': '`./turret status` lists what inhibits motion.',
    'FIRE_NOT_PERMITTED': '`./turret status` lists what inhibits emission.',
    'NO_FLOOR_REGION': 'Set allowed zones, all of them on the floor: [Safety](safety.md).',
    'NOT_ARMED': 'Arm the laser first.',
    'ARMING': 'Wait for the emission delay.',
    'PULSE_CAP': 'Release the trigger; the pulse has its maximum length.',
    'POWER_CAP': 'Reduce the power below `laser.max_power`.',
    'GRANT_EXPIRED': 'Release the trigger and press it again.',
    'GUARDIAN_LOST': 'The laser node starts again by itself; report it if it repeats.',
    'DISARMED': 'Nothing: it was requested.',
    'COMMAND_STALE': 'The controller was late: look for a busy machine (`./turret doctor`).',
    'SOFT_LIMIT': 'Choose a target within the limits of the axis.',
    'LIMIT_SWITCH': 'Move away from the switch; if the axis is not there, check its wiring: a broken wire counts as '
                    'pressed.',
    'SWITCH_UNREADABLE': 'Check the wiring and the pin: `./turret hw switches --params my.yaml`.',
    'HOMING_FAILED': 'Check the switches (`./turret hw switches`) and that the head moves freely '
                     '(`./turret hw axis`).',
    'CALIBRATION_FAILED': 'Repeat it as the message says; lens: flat board, good light, all corners of the image.',
    'DRIVER_FAULT': 'Check supply, cables and the emergency stop, then home again; `./turret hw` has a check for '
                    'each driver.',
    'CAMERA_LOST': 'Check the cable or the stream; the camera is opened again by itself.',
    'CAMERA_ABSENT': 'Check the device, its permissions and the parameter `camera.source`: `./turret doctor`.',
    'NO_FRAMES': 'The camera is open and delivers nothing: check its resolution and rate, plug it in again.',
    'DETECTOR_FAILED': 'The message names the cause; the previous detector remains in use.',
    'TRACK_LOST': 'Select another target.',
    'NO_CALIBRATION': 'Calibrate first: [Calibrate](how_to/calibrate.md).',
    'NO_POSE': 'The gimbal does not report, or the clocks of two hosts differ.',
    'RECORDING_FAILED': 'Check the disk and the folder; what was written remains readable.',
    'NOT_SIGNED_IN': 'Sign in with a token: `./turret token show`.',
    'NOT_ALLOWED': 'Sign in as an operator, or use a name that the access lists contain.',
    'RATE_LIMITED': 'Send fewer requests.',
    'TOO_LARGE': 'Send less at once, or raise the limit that the message names.',
    'NODE_SILENT': 'The supervisor restarts it; its log has the reason.',
    'NODE_RESTARTED': 'Look into the log for why it stopped.',
    'CLOCK_OFFSET': 'Synchronize both hosts with chrony: [Several hosts](several.md).',
}


class Message(NamedTuple):
    """A text of the program, an ellipsis for each value, and the module that has it."""

    text: str
    module: str


def _words(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return ''.join(str(part.value) if isinstance(part, ast.Constant) else '…' for part in node.values)
    return None


def _is_sentence(text: str) -> bool:
    return len(re.findall(r'[A-Za-z]{2,}', text)) >= 3 and ' ' in text.strip() and not _CODE.search(text)


def _named(node: ast.AST) -> set[str]:
    return {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name)
            and part.value.id == 'ReasonCode' and part.attr.isupper()} - {'OK'}


def _codes(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> set[str]:
    """Return the reason codes that a call, tuple or return names, or the local variable that is its first value."""
    codes = _named(node)
    if codes or not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Name)):
        return codes
    name, function = node.args[0].id, parents[node]
    while not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
        function = parents[function]
    values = [part.value for part in ast.walk(function)
              if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == name]
    return {code for value in values for code in _named(value)}


def _context(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> tuple[set[str], bool] | None:
    """Return the sections of a text and whether it is passed to an error; None for what is not a message."""
    if isinstance(parents[node], ast.Expr | ast.JoinedStr):  # a docstring, or a part of a text
        return None
    sections: set[str] = set()
    is_error = False
    while not isinstance(node, ast.stmt):
        node = parents[node]
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition('.')[2]
            if DESCRIPTIONS.search(name):
                return None
            is_error = is_error or bool(ERROR.search(name))
        if isinstance(node, ast.Call | ast.Tuple | ast.Return) and not sections:
            sections = _codes(node, parents)
    return sections or {NO_CODE if is_error else OTHER}, is_error or bool(sections)


def _of_module(path: Path) -> Iterator[tuple[str, Message]]:
    tree = ast.parse(path.read_text())
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    module = '.'.join(path.relative_to(ROOT).with_suffix('').parts[1:])
    for node in ast.walk(tree):
        text = _words(node) if isinstance(node, ast.expr) else None
        context = _context(node, parents) if text and text.strip('… ') else None
        if text and context:
            sections, is_error = context
            if _is_sentence(text) or (is_error and ' ' in text.strip() and not _CODE.search(text)):
                yield from ((section, Message(' '.join(text.split()), module)) for section in sections)


def _of_set_up() -> Iterator[Message]:
    """Give the texts that ``./turret`` prints before Python starts."""
    script = re.sub(r'\\\n\s*', '', (ROOT / 'turret').read_text())
    script = re.sub(r'\$\{[^}]*\}|\$\((?:[^()]|\([^()]*\))*\)|(?<!\\)\$\w+', '…', script)
    for words in re.findall(r'\b(?:die|say) ((?:"[^"]*"|\'[^\']*\'|[ ])+)', script):
        text = ' '.join(part[1:-1] for part in re.findall(r'"[^"]*"|\'[^\']*\'', words)).replace('\\$', '$')
        if _is_sentence(text):
            yield Message(text, 'turret')


def _of_panel() -> Iterator[Message]:
    """Give the sentences of the panel."""
    texts = (ROOT / 'turret_web' / 'panel' / 'src' / 'text' / 'en.ts').read_text()
    for text in re.findall(r"'([^'\n]+)'|`([^`]+)`", re.sub(r'/\*\*.*?\*/', '', texts)):
        shown = re.sub(r'\$\{[^}]*\}', '…', ''.join(text))
        if _is_sentence(shown):
            yield Message(shown, 'panel')


def messages() -> dict[str, list[Message]]:
    """Return the texts of each section: reason codes, errors without a fixed one, set-up, panel, other messages."""
    found: dict[str, set[Message]] = defaultdict(set)
    found['Set-up'], found['Panel'] = set(_of_set_up()), set(_of_panel())
    for package in PACKAGES:
        for path in sorted((ROOT / package / package).rglob('*.py')):
            for section, message in _of_module(path) if TESTS not in path.parts else ():
                if section != OTHER or MEASUREMENTS not in path.parts:
                    found[section].add(message)
    return {section: sorted(texts) for section, texts in found.items()}


def meanings() -> dict[str, str]:
    """Return what ReasonCode.msg says of each code but OK."""
    text = (ROOT / 'turret_msgs' / 'msg' / 'ReasonCode.msg').read_text()
    return dict(re.findall(r'^uint16 (\w+)=[1-9]\d*\s*#\s*(.*)$', text, re.MULTILINE))


def remedies() -> dict[str, str]:
    """Return what to do about each code, in the words of the panel where it has some."""
    panel = (ROOT / 'turret_web' / 'panel' / 'src' / 'text' / 'en.ts').read_text()
    reasons = panel.partition('reasons: {')[2].partition('\n  }')[0]
    return {**REMEDIES, **dict(re.findall(r"^\s+([A-Z_0-9]+): '(.*)',$", reasons, re.MULTILINE))}


def page() -> str:
    """Return the page of all errors."""
    found, remedy = messages(), remedies()
    lines = [
        '# Errors', '', 'Every text with which the turret refuses something, warns, or reports a problem; an ellipsis '
        'stands for a value. Search this site for the words that you see, without names and numbers. '
        '[Troubleshooting](troubleshooting.md) describes symptoms without a text.', '']
    titles = {
        'Set-up': 'Of `./turret` itself, before anything is started. Each text names what to do.',
        **{code: f'{text[0].upper()}{text[1:]}.\n\n**Do:** {remedy[code]}' for code, text in meanings().items()},
        NO_CODE: 'Of parameters, files and programs around the turret. The text names what is wrong; '
                 '[Parameters](parameters.md) has the allowed values.',
        'Panel': 'Texts of the panel itself.',
        OTHER: 'Warnings, questions, results of checks and commands, log messages, and parts of the texts above.',
    }
    for section, title in titles.items():
        lines += [f'## {section}', '', title, '']
        if found.get(section):
            lines += ['| text | from |', '|---|---|']
        for text, module in found.get(section, ()):
            shown = re.sub(r'([\\|`*_\[\]#{}])', r'\\\1', text).replace('&', '&amp;').replace('<', '&lt;')
            lines.append(f'| {shown} | `{module}` |')
        lines.append('')
    return '\n'.join(lines)
