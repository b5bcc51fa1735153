# SPDX-License-Identifier: Apache-2.0
"""Run the turret as a systemd service that starts with the machine.

  ./turret service show --params my.yaml       print the unit file
  ./turret service install --params my.yaml    write, enable and start it (asks for the password of sudo)
  ./turret service status
  ./turret service remove

systemd restarts the service after a failure, and when the status stops or no permit is issued for 5 s (watchdog).
Stopping the service switches the laser off. Logs: journalctl -u turret-NAMESPACE
"""

from __future__ import annotations

import argparse
import getpass
import grp
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from turret_bringup.commands.options import add_namespace
from turret_bringup.run.prepared import ROOT
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: Groups that own the devices of a turret; those that exist on the machine are given to the service.
_GROUPS = ('video', 'gpio', 'i2c', 'spi', 'dialout', 'audio')
_UNIT = """\
[Unit]
Description=Pan-tilt turret, namespace {namespace}
After=network.target

[Service]
Type=notify
NotifyAccess=all
User={user}
WorkingDirectory={root}
ExecStart={command}
Environment={home}
SupplementaryGroups={groups}
# The first start may have to install packages.
TimeoutStartSec=900
WatchdogSec=5
Restart=on-failure
RestartSec=2
# The supervisor stops the nodes, the laser first; what is left after the timeout is killed.
KillMode=mixed
KillSignal={stop_signal}
TimeoutStopSec=15
LimitRTPRIO=20
LimitMEMLOCK=infinity
NoNewPrivileges=yes
ProtectSystem=full

[Install]
WantedBy=multi-user.target
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument('action', choices=('show', 'install', 'remove', 'status'))
    parser.add_argument(
        '--params', type=Path, action='append', default=[], metavar='FILE', help='parameter file (repeatable)')
    parser.add_argument('--host', metavar='ADDRESS', help='address that the panel listens on (default: 127.0.0.1)')
    parser.add_argument('--port', metavar='PORT', help='port that the panel listens on (default: 8000)')
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Show, install, remove or examine the service."""
    name = unit_name(args.namespace)
    if args.action == 'show':
        sys.stdout.write(unit(args))
        return 0
    if not shutil.which('systemctl'):
        raise TurretError(ReasonCode.NOT_SUPPORTED, 'systemctl was not found: this machine does not use systemd')
    path = Path('/etc/systemd/system') / name
    if args.action == 'status':
        return subprocess.run(['systemctl', 'status', '--no-pager', name], check=False).returncode
    if args.action == 'remove':
        _as_root('systemctl', 'disable', '--now', name)
        _as_root('rm', '-f', str(path))
        _as_root('systemctl', 'daemon-reload')
        return 0
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / name
        draft.write_text(unit(args))
        _as_root('install', '-m', '644', str(draft), str(path))
    _as_root('systemctl', 'daemon-reload')
    _as_root('systemctl', 'enable', '--now', name)
    sys.stdout.write(f'started {name}; logs: journalctl -u {name}\n')
    return 0


def unit_name(namespace: str) -> str:
    """Return the name of the unit of a namespace."""
    base = namespace.replace('/', '-')
    return 'turret.service' if base == 'turret' else f'turret-{base}.service'


def unit(args: argparse.Namespace) -> str:
    """Return the text of the unit."""
    words = [str(ROOT / 'turret'), 'up', '--namespace', args.namespace]
    for path in args.params:
        words += ['--params', str(path.resolve() if path.exists() else path)]
    for option in ('host', 'port'):
        if getattr(args, option) is not None:
            words += [f'--{option}', getattr(args, option)]
    command = ' '.join(map(_quoted, words))
    distribution = os.environ.get('ROS_DISTRO')
    if distribution:
        script = f'source /opt/ros/{distribution}/setup.bash && exec "$@"'
        command = f'/bin/bash -c {_quoted(script)} turret {command}'
    user = os.environ.get('SUDO_USER') or getpass.getuser()  # not root, where the command was typed after sudo
    existing = {group.gr_name for group in grp.getgrall()}
    return _UNIT.format(
        namespace=args.namespace, user=user, root=str(ROOT).replace('%', '%%'), command=command,
        home=_assignment('HOME', pwd.getpwnam(user).pw_dir),
        groups=' '.join(group for group in _GROUPS if group in existing),
        stop_signal='SIGINT' if distribution else 'SIGTERM')


def _quoted(word: str) -> str:
    """Return a word of ExecStart: systemd expands % and $, and splits at spaces that are not quoted."""
    escaped = word.replace('\\', '\\\\').replace('"', '\\"').replace('%', '%%').replace('$', '$$')
    return escaped if escaped and not set(escaped) & set(' \t\'"\\;') else f'"{escaped}"'


def _assignment(name: str, value: str) -> str:
    """Return a quoted assignment of Environment=, where systemd expands % but not $ (systemd.exec)."""
    escaped = value.replace('\\', '\\\\').replace('"', '\\"').replace('%', '%%')
    return f'"{name}={escaped}"'


def _as_root(*command: str) -> None:
    prefix = [] if os.geteuid() == 0 else ['sudo']
    if subprocess.run([*prefix, *command], check=False).returncode:
        raise TurretError(ReasonCode.IO_ERROR, f'failed: {" ".join([*prefix, *command])}')
