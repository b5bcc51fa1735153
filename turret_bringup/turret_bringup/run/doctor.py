# SPDX-License-Identifier: Apache-2.0
"""Checks of this machine for common problems, each with its remedy.

Uses the standard library only, because it must work where the set-up has failed.
"""

from __future__ import annotations

import importlib.util
import math
import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

from turret_bringup.run import instance, panel_address, prepared, shared_memory
from turret_bringup.settings.environment import require_supported, turret_domain
from turret_bringup.settings.graph import GROUPS
from turret_common.errors import TurretError
from turret_common.host import minimum_versions
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode
from turret_common.threads.real_time import may_run_in_real_time

_NEEDED_SHM_MB = 50  # measured: 41
_NEEDED_DISK_MB = 500
_SET_UP_DISK_MB = 2500
_STEPS = ('venv', 'installer', 'runtime', 'panel', 'messages', 'packages')
#: Longest wait for the state of vision, which may run on another host.
_VISION_S = 10.0
_UPSTREAM_PORTS = {9090: 'rosbridge_server', 8080: 'web_video_server'}
_DEVICES = ('video*', 'gpiochip*', 'i2c-*', 'spidev*', 'ttyUSB*', 'ttyACM*')


class Verdict(Enum):
    """Meaning of a finding for the turret."""

    FINE = 'ok'
    NOTE = 'note'
    BAD = 'BAD'


@dataclass(frozen=True)
class Finding:
    """Result of one check, with the remedy where it is a problem."""

    verdict: Verdict
    subject: str
    text: str


def examine(namespace: str, port: int, environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Yield the result of every check of this machine.

    Args:
        namespace: of the turret.
        port: of its panel.
        environment: of the shell.
    """
    try:
        running = instance.supervisor_pid(namespace)
    except OSError as error:
        running = None
        yield Finding(Verdict.BAD, 'state', f'the state folder is not usable: {error}')
    yield from _platform()
    yield from _set_up(environment)
    yield from _tools()
    yield from _ros_variables(environment)
    yield Finding(
        Verdict.FINE, 'turret', f'is running in the namespace "{namespace}", process {running}, with '
        f'ROS_DOMAIN_ID {turret_domain(namespace, {})}' if running
        else f'none is running in the namespace "{namespace}"')
    if running is not None:
        yield from _clocks(namespace)
    yield from _ports(port, running is not None)
    yield from _network()
    yield from _firewall()
    yield from _memory()
    yield from _state(namespace)
    yield from _real_time()
    yield from devices()


def _platform() -> Iterator[Finding]:
    suitable = sys.platform == 'linux' and platform.machine() == 'x86_64'
    yield Finding(
        Verdict.FINE if suitable else Verdict.NOTE, 'machine', f'{platform.system()} {platform.machine()}, '
        f'{os.cpu_count()} processors' + ('' if suitable else
                                          '; only full ROS 2 runs here, the Python packages are for x86-64 Linux'))
    version = sys.version_info[:2]
    text = f'{platform.python_version()}'
    if (3, 10) <= version < (3, 14):
        yield Finding(Verdict.FINE, 'python', text)
    else:
        yield Finding(Verdict.BAD, 'python', f'{text}; 3.10 to 3.13 is needed')


def _set_up(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check the steps of the set-up by their results, or what the set-up needs where it was never run."""
    if 'ROS_DISTRO' in environment:
        yield from _distribution()
        return
    if prepared.VENV.exists():
        missing = prepared.missing_in_venv(list(_STEPS))
        for step in _STEPS:
            if step in missing:
                yield Finding(Verdict.BAD, f'set-up: {step}', f'{missing[step]}; run ./turret setup')
            else:
                yield Finding(Verdict.FINE, f'set-up: {step}', 'works')
        return
    yield Finding(Verdict.NOTE, 'set-up', 'not done yet; run ./turret setup')
    headers = Path(sysconfig.get_path('include'), 'Python.h')
    needed = {
        'python3-venv': bool(importlib.util.find_spec('ensurepip') and importlib.util.find_spec('venv')),
        'python3-dev': headers.exists(), 'g++': shutil.which('c++') is not None}
    absent = [name for name, found in needed.items() if not found]
    if absent:
        yield Finding(Verdict.BAD, 'set-up', f'packages are missing: sudo apt install {" ".join(absent)}')
    free_mb = shutil.disk_usage(prepared.ROOT).free // 10**6
    if free_mb < _SET_UP_DISK_MB:
        yield Finding(Verdict.BAD, 'disk', f'{free_mb} MB free, {_SET_UP_DISK_MB} MB are needed for the set-up')
    if not os.access(prepared.ROOT, os.W_OK):
        yield Finding(
            Verdict.BAD, 'clone',
            f'{prepared.ROOT} is not writable: sudo chown -R $USER {shlex.quote(str(prepared.ROOT))}')


def _distribution() -> Iterator[Finding]:
    """Check what a build with colcon needs."""
    for program, package in (('colcon', 'python3-colcon-common-extensions'), ('npm', 'npm'), ('node', 'nodejs')):
        found = shutil.which(program)
        yield Finding(
            Verdict.FINE if found else Verdict.BAD, program, found or f'not found: sudo apt install {package}')
    for feature in minimum_versions.MINIMUM:
        reason = minimum_versions.unmet(feature)
        yield Finding(
            Verdict.FINE if not reason else Verdict.BAD if feature == minimum_versions.BASIS else Verdict.NOTE,
            'packages', reason or f'{feature}: the versions are new enough')
    if not (prepared.ROOT / 'install' / 'setup.bash').exists():
        yield Finding(Verdict.NOTE, 'build', 'not done yet; run ./turret setup or colcon build')


def _tools() -> Iterator[Finding]:
    if not (shutil.which('chromium') or shutil.which('google-chrome')):
        yield Finding(
            Verdict.NOTE, 'chromium', 'not found, so the browser tests are skipped: sudo apt install chromium')


def _real_time() -> Iterator[Finding]:
    """Step pulses and the chain that guards the laser run in real time where that is permitted."""
    if may_run_in_real_time():
        yield Finding(Verdict.FINE, 'real time', 'priority and locked memory are permitted')
    else:
        yield Finding(
            Verdict.NOTE, 'real time',
            'priority, locked memory or both are not permitted: real stepper motors need them, and a real laser does '
            'not start without. See "Permissions" in docs/raspberry_pi.md')


def _ros_variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    names = ('ROS_DISTRO', 'ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_LOCALHOST_ONLY', 'ROS_STATIC_PEERS',
             'ROS_DISCOVERY_SERVER', 'ROS_SECURITY_ENABLE')
    for name in names:
        if name in environment:
            yield Finding(Verdict.NOTE, name, f'is set to "{environment[name]}"')
    if 'ROS_DISTRO' not in environment:
        try:
            require_supported(environment)
        except TurretError as error:
            yield Finding(Verdict.BAD, 'middleware', error.message)
    if environment.get('ROS_PYTHON_CHECK_FIELDS') == '1':
        yield Finding(
            Verdict.BAD, 'ROS_PYTHON_CHECK_FIELDS', 'makes each image cost 60 ms: unset ROS_PYTHON_CHECK_FIELDS')


def _clocks(namespace: str) -> Iterator[Finding]:
    """Ask a running turret for the clock offset of its hosts, where it is split over two."""
    if len(instance.running(namespace)) == len(GROUPS):
        return
    try:
        # Only here, because rclpy is missing where the set-up has failed.
        from turret_bringup.client.ros_client import TurretClient

        with TurretClient(namespace, _VISION_S) as client:
            state = next(client.messages('vision/state'))
    except (ImportError, TurretError) as error:
        yield Finding(Verdict.BAD, 'clocks', f'the offset between the hosts is not known: {error}')
        return
    if math.isnan(state.clock_offset_s):
        yield Finding(
            Verdict.NOTE, 'clocks',
            'vision measures no offset: it is on the host of the camera, or the camera does not answer')
        return
    differ = state.code == ReasonCode.CLOCK_OFFSET
    yield Finding(
        Verdict.BAD if differ else Verdict.FINE, 'clocks', f'that of the host of vision is off by '
        f'{1e3 * state.clock_offset_s:.1f} ms +-{500.0 * state.round_trip_s:.1f} ms' + (
            ', so vision publishes no tracks: synchronize both hosts, for example with chrony' if differ else ''))


def _ports(port: int, running: bool) -> Iterator[Finding]:
    try:
        panel_address.require_free('127.0.0.1', port)
        yield Finding(Verdict.FINE, f'port {port}', 'is free')
    except TurretError as error:
        if running and panel_address.is_reachable('127.0.0.1', port):
            yield Finding(Verdict.FINE, f'port {port}', 'is the panel of the running turret')
        else:
            yield Finding(Verdict.BAD, f'port {port}', error.message)
    for number, program in _UPSTREAM_PORTS.items():
        try:
            panel_address.require_free('127.0.0.1', number)
        except TurretError:
            yield Finding(Verdict.NOTE, f'port {number}', f'is in use; {program} needs it')


def _network() -> Iterator[Finding]:
    """ROS nodes on one machine find each other by multicast over the loopback interface."""
    group = ('239.255.0.1', 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        try:
            receiver.bind(('', 0))
            membership = socket.inet_aton(group[0]) + socket.inet_aton('127.0.0.1')
            receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            receiver.settimeout(0.5)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('127.0.0.1'))
            sender.sendto(b'turret', (group[0], receiver.getsockname()[1]))
            receiver.recv(16)
            yield Finding(Verdict.FINE, 'multicast', 'works on the loopback interface')
        except OSError as error:
            yield Finding(
                Verdict.BAD, 'multicast', f'does not work on the loopback interface ({error}), so nodes may not find '
                'each other: sudo ip link set lo multicast on')


def _firewall() -> Iterator[Finding]:
    ufw = Path('/etc/ufw/ufw.conf')
    active = [name for name, found in (
        ('ufw', ufw.is_file() and 'ENABLED=yes' in ufw.read_text()),
        ('firewalld', _is_active('firewalld')),
        ('nftables', _is_active('nftables'))) if found]
    if active:
        yield Finding(
            Verdict.NOTE, 'firewall', f'{", ".join(active)} is active: it does not affect a turret that is used on '
            'this machine only; for other devices open the port of the panel')
    else:
        yield Finding(Verdict.FINE, 'firewall', 'none found')


def _is_active(service: str) -> bool:
    if not shutil.which('systemctl'):
        return False
    asked = subprocess.run(
        ['systemctl', 'is-active', '--quiet', service], check=False, timeout=5, stderr=subprocess.DEVNULL)
    return asked.returncode == 0


def _memory() -> Iterator[Finding]:
    free_mb = shutil.disk_usage(shared_memory.FOLDER).free // 10**6
    yield Finding(
        Verdict.FINE if free_mb >= _NEEDED_SHM_MB else Verdict.BAD, '/dev/shm', f'{free_mb} MB free' + (
            '' if free_mb >= _NEEDED_SHM_MB else
            f', {_NEEDED_SHM_MB} MB are needed: sudo mount -o remount,size=512M /dev/shm (Docker: --shm-size=512m)'))
    orphans = shared_memory.orphans()
    if orphans:
        size_mb = sum(path.stat().st_size for path in orphans if path.exists()) / 1e6
        yield Finding(
            Verdict.NOTE, '/dev/shm', f'{len(orphans)} segments ({size_mb:.0f} MB) of dead processes; '
            'the next turret removes them')


def _state(namespace: str) -> Iterator[Finding]:
    try:
        folder = state_dir(namespace)
        (folder / '.doctor').write_text('')
        (folder / '.doctor').unlink()
    except OSError as error:
        yield Finding(Verdict.BAD, 'state', f'is not writable: {error}')
        return
    free_mb = shutil.disk_usage(folder).free // 10**6
    enough = free_mb >= _NEEDED_DISK_MB
    yield Finding(Verdict.FINE if enough else Verdict.NOTE, 'state', f'{folder}, {free_mb} MB free' + (
        '' if enough else '; recording stops below 500 MB'))


def devices(modules: Path = Path('/sys/module')) -> Iterator[Finding]:
    """Give findings about access to devices and pins."""
    found = [path for pattern in _DEVICES for path in sorted(Path('/dev').glob(pattern))]
    for path in found:
        if os.access(path, os.R_OK | os.W_OK):
            yield Finding(Verdict.FINE, str(path), 'is usable')
        else:
            yield Finding(
                Verdict.BAD, str(path), f'no permission: sudo usermod -aG {path.group()} $USER, and sign in again')
    if not found:
        yield Finding(Verdict.NOTE, 'devices', 'no cameras or pins found: simulation only')
    for path in sorted(modules.glob('pinctrl_*/parameters/persist_gpio_outputs')):
        kept = path.read_text().strip() == 'Y'
        yield Finding(
            Verdict.BAD if kept else Verdict.FINE, 'pins', 'keep their level when their owner dies, a laser\'s too: '
            'add the line dtparam=strict_gpiod to /boot/firmware/config.txt' if kept else
            'become inputs when their owner dies (strict_gpiod)')


def hardware(namespace: str, files: Sequence[Path]) -> Iterator[Finding]:
    """Check the devices that parameter files need, without opening any.

    Args:
        namespace: of the turret.
        files: parameter files, or names of examples.
    """
    try:
        from turret_bringup.run import inputs
        from turret_bringup.settings import configuration
        from turret_control import wiring
        config = configuration.compose(namespace, files)
        needed = sorted(set(wiring.devices(*config.hardware())))
    except ImportError as error:
        yield Finding(Verdict.BAD, 'parameters', f'cannot be examined ({error}): run ./turret setup first')
        return
    except TurretError as error:
        yield Finding(Verdict.BAD, 'parameters', error.message)
        return
    yield Finding(Verdict.FINE, 'parameters', configuration.announcement(config))
    checks: dict[str, Callable[[], None]] = {
        f'{name}: {device}': partial(wiring.require_device, name, device) for name, device in needed}
    camera = config.effective['camera']
    if camera.source == 'v4l2':
        checks[f'camera.device: {camera.device}'] = partial(inputs.require_camera, Path(camera.device))
    for subject, check in checks.items():
        try:
            check()
            yield Finding(Verdict.FINE, 'parameters', f'{subject} is usable')
        except TurretError as error:
            yield Finding(Verdict.BAD, 'parameters', error.message)


def report(findings: Iterator[Finding], write: Callable[[str], object]) -> bool:
    """Write one line for each finding; return whether none is bad."""
    fine = True
    for finding in findings:
        write(f'{finding.verdict.value:>4}  {finding.subject:24} {finding.text}\n')
        fine = fine and finding.verdict is not Verdict.BAD
    return fine
