"""Looks at what commonly keeps a turret from working, and says how to cure it.

Needs nothing but Python's own library, because it must help where the preparation failed.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path

from turret_bringup.run import instance, panel_address, shared_memory
from turret_common.errors import TurretError
from turret_common.paths import state_dir

_NEEDED_SHM_MB = 100  # one large segment of the camera and a small one of each process
_NEEDED_DISK_MB = 500
_STOCK_PORTS = {9090: 'rosbridge_server', 8080: 'web_video_server'}
_DEVICES = ('video*', 'gpiochip*', 'i2c-*', 'spidev*', 'ttyUSB*', 'ttyACM*')


class Verdict(Enum):
    """What a finding means for the turret."""

    FINE = 'ok'
    NOTE = 'note'
    BAD = 'BAD'


@dataclass(frozen=True)
class Finding:
    """What was seen, and what cures it where it is bad."""

    verdict: Verdict
    subject: str
    text: str


def examine(namespace: str, port: int, environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Give every finding about this machine.

    Args:
        namespace: of the turret.
        port: that its panel shall have.
        environment: of the shell.
    """
    running = instance.supervisor_pid(namespace)
    yield from _platform()
    yield from _versions()
    yield from _tools()
    yield from _ros_variables(environment)
    yield Finding(
        Verdict.FINE, 'turret', f'runs in the namespace "{namespace}", process {running}' if running
        else f'none runs in the namespace "{namespace}"')
    yield from _ports(port, running is not None)
    yield from _network()
    yield from _firewall()
    yield from _memory()
    yield from _state(namespace)
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


def _versions() -> Iterator[Finding]:
    for name in ('ros-rclpy', 'ros-fastrtps', 'turret-msgs', 'numpy', 'opencv-python-headless', 'aiohttp'):
        try:
            yield Finding(Verdict.FINE, name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(Verdict.NOTE, name, 'is not installed; ./turret setup does it')


def _tools() -> Iterator[Finding]:
    if not shutil.which('c++'):
        yield Finding(Verdict.BAD, 'c++', 'is needed to prepare the messages: sudo apt install g++')
    if not (shutil.which('chromium') or shutil.which('google-chrome')):
        yield Finding(
            Verdict.NOTE, 'chromium', 'is not there, so the browser tests are skipped: sudo apt install chromium')


def _ros_variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    names = ('ROS_DISTRO', 'ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_LOCALHOST_ONLY')
    for name in names:
        if name in environment:
            yield Finding(Verdict.NOTE, name, f'is set to "{environment[name]}"')
    middleware = environment.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp')
    if 'ROS_DISTRO' not in environment and middleware != 'rmw_fastrtps_cpp':
        yield Finding(
            Verdict.BAD, 'RMW_IMPLEMENTATION', f'is "{middleware}", but only rmw_fastrtps_cpp is here: '
            'unset RMW_IMPLEMENTATION')
    if environment.get('ROS_PYTHON_CHECK_FIELDS') == '1':
        yield Finding(
            Verdict.BAD, 'ROS_PYTHON_CHECK_FIELDS', 'makes each image cost 60 ms: unset ROS_PYTHON_CHECK_FIELDS')


def _ports(port: int, running: bool) -> Iterator[Finding]:
    try:
        panel_address.require_free('127.0.0.1', port)
        yield Finding(Verdict.FINE, f'port {port}', 'is free')
    except TurretError as error:
        if running and panel_address.is_reachable('127.0.0.1', port):
            yield Finding(Verdict.FINE, f'port {port}', 'is the panel of the running turret')
        else:
            yield Finding(Verdict.BAD, f'port {port}', error.message)
    for stock, program in _STOCK_PORTS.items():
        try:
            panel_address.require_free('127.0.0.1', stock)
        except TurretError:
            yield Finding(Verdict.NOTE, f'port {stock}', f'is in use; {program} would want it')


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
            Verdict.NOTE, 'firewall', f'{", ".join(active)} is on: it does not touch a turret that is used on this '
            'machine; for other devices open the port of the panel')
    else:
        yield Finding(Verdict.FINE, 'firewall', 'none is known to be on')


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
            'the next turret clears them')


def _state(namespace: str) -> Iterator[Finding]:
    try:
        folder = state_dir(namespace)
        (folder / '.doctor').write_text('')
        (folder / '.doctor').unlink()
    except OSError as error:
        yield Finding(Verdict.BAD, 'state', f'cannot be written: {error}')
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
            yield Finding(Verdict.FINE, str(path), 'may be used')
        else:
            yield Finding(
                Verdict.BAD, str(path), f'no permission: sudo usermod -aG {path.group()} $USER, and sign in again')
    if not found:
        yield Finding(Verdict.NOTE, 'devices', 'no camera and no pins here: simulation only')
    for path in sorted(modules.glob('pinctrl_*/parameters/persist_gpio_outputs')):
        kept = path.read_text().strip() == 'Y'
        yield Finding(
            Verdict.BAD if kept else Verdict.FINE, 'pins', 'keep their level when their owner dies, a laser\'s too: '
            'add the line dtparam=strict_gpiod to /boot/firmware/config.txt' if kept else
            'become inputs when their owner dies (strict_gpiod)')


def report(findings: Iterator[Finding], write: Callable[[str], object]) -> bool:
    """Write one line for each finding; return whether none is bad."""
    fine = True
    for finding in findings:
        write(f'{finding.verdict.value:>4}  {finding.subject:24} {finding.text}\n')
        fine = fine and finding.verdict is not Verdict.BAD
    return fine
