# SPDX-License-Identifier: Apache-2.0
"""The commands of the documents are run as they are printed, page by page, beside a running turret.

Tutorials are run by test_tutorials.py. Commands that tests cannot run are marked in the pages, see documented_commands.
"""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from documented_commands import ELSEWHERE, Command, all_commands

from turret_bringup.bags.library import BagLibrary
from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_bringup.run.prepared import ROOT
from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import free_port, wait_until

pytestmark = [pytest.mark.system, pytest.mark.soak]  # a page takes a minute or more

COMMAND_S = 300.0
#: Commands that run until they are interrupted, and what they print when they are ready.
FOREGROUND = {
    r'\./turret up (?!.*--detach)|\./turret up$': 'panel: http',
    r'\./turret replay .*--loop': 'panel: http',
    r'\./turret view$': 'drawing on',
    r'\./turret hw bus emulate': 'until Ctrl-C',
    r'\./turret docs --serve': 'Serving on',
}
#: What makes a long command short enough for a test.
SHORTER = {
    r'bench aim': '--scenario still --duration 3 --seeds 1',
    r'bench bag': '--scenario steady --seconds 2',
    r'bench bus': '--seconds 1 --latency 0',
    r'bench exclusion': '--step 50',
    r'bench (follow|status|perception|load|several|resources)': '--seconds 2',
    r'bench (perception|load|several|resources)': '--settle 1',
    r'bench panel': '--seconds 2 --minutes 0.05 --loads 1 --views drive',
    r'bench resources': '--kills 0',
    r'bench load': '--loads none',
    r'bench several': '--turrets 1',
    r'bench status': '--panels 0',
    r'bench laser-off': '--trials 1 --event disarmed',
    r'bench start': '--runs 1',
    r'bench steps': '--seconds 0.2 --rates 500',
    r'bench vision': '--images 2 --methods motion',
    r'bench web': '--scenario polling --duration 1 --clients 1',
}
#: Commands whose exit code reports what they found.
REPORTS = re.compile(r'\./turret (bench|doctor|bag check)')


def pages() -> list[str]:
    """Return the pages with commands to run."""
    found = [command.page for command in all_commands() if is_run(command)]
    return sorted(set(found))


def is_run(command: Command) -> bool:
    """Return whether a command is run here."""
    if command.text == './turret bench panel' and not shutil.which('chromium'):
        return False
    return not (command.needs or '/tutorials/' in command.page or '/your_' in command.page
                or any(re.match(pattern, command.text) for pattern in ELSEWHERE))


class Reader:
    """A person beside a running turret, who types the commands of a page in their order."""

    def __init__(self, folder: Path, running: ScratchTurret, footage: Path | None) -> None:
        self.folder, self.running, self.footage = folder, running, footage
        self.of_own = {
            **running.environment, 'XDG_STATE_HOME': str(folder / 'state'), 'ROS_DOMAIN_ID': str(claim_domain())}
        self.in_background: list[subprocess.Popen[str]] = []
        self.replay_domain = ''
        self.is_own_up = False

    @property
    def bags(self) -> BagLibrary:
        """The bags of the turret that the commands are for."""
        environment = self.of_own if self.is_own_up else self.running.environment
        return BagLibrary(Path(environment['XDG_STATE_HOME']) / 'turret' / 'turret' / 'bags')

    def bag(self, words: list[str]) -> str:
        """Return what ``BAG`` stands for: the newest, or the oldest where it is changed, or the second one named."""
        entries = [entry for entry in self.bags.entries() if not entry.name.startswith('auto_')]
        return entries[-1 if {'rename', 'delete'} & set(words) or entries[0].name in words else 0].name

    def words(self, text: str) -> list[str]:
        """Return the words of a command with the reader's own in place of placeholders."""
        words: list[str] = []
        for word in shlex.split(text):
            if re.search(r'^BAG$|^\[BAG\]$|"BAG"', word):
                words.append(re.sub(r'\[?BAG\]?', self.bag(words), word))
            elif word == 'DIR' and self.footage is None:
                pytest.skip('no footage')
            else:
                words.append({
                    'NEW': 'renamed', 'FILE': 'clip.mp4', 'DIR': str(self.footage), '0.0.0.0': '127.0.0.1',
                    '8080': str(free_port())}.get(word, word))
        return [word.replace('127.0.0.1:8000', f'127.0.0.1:{self.running.port}').replace(
            '/tmp/servos', str(self.folder / 'servos')) for word in words]

    def type(self, command: Command) -> None:
        """Run a command, and fail with its output when it fails."""
        sys.stdout.write(f'{command.page}: {command.text}\n')
        words, environment = self.words(command.text), self.running.environment
        if words[0].startswith('ROS_DOMAIN_ID='):
            words, environment = words[1:], {**environment, 'ROS_DOMAIN_ID': self.replay_domain}
        elif not ('--port /tmp/servos' in command.text and self.in_background):
            self.interrupt()
        for pattern, more in SHORTER.items():
            words += shlex.split(more) if re.search(pattern, command.text) else []
        if words[:2] in (['./turret', 'up'], ['./turret', 'replay']) and '--port' not in words:
            words += ['--port', str(free_port())]
        if words[:2] == ['./turret', 'up']:
            environment, self.is_own_up = self.of_own, '--detach' in words
        elif self.is_own_up:
            environment = self.of_own
        for pattern, ready in FOREGROUND.items():
            if re.match(pattern, command.text) and 'refuses' not in command.comment:
                self.start(words, environment, ready)
                return
        done = subprocess.run(
            words, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=COMMAND_S, check=False)
        assert 'Traceback' not in done.stdout, f'{command.text}\n{done.stdout}'
        if 'refuses' in command.comment:
            assert done.returncode in (1, 2), done.stdout
            sentences = [line for line in done.stdout.splitlines() if not line.endswith('...')]  # of the set-up
            assert len(sentences) == 1, done.stdout
        else:
            assert done.returncode == 0 or (
                REPORTS.match(command.text) and done.returncode == 1), f'{command.text}\n{done.stdout}'

    def start(self, words: list[str], environment: dict[str, str], ready: str) -> None:
        """Start what runs until it is interrupted, and wait until it is ready."""
        log = self.folder / 'foreground.log'
        with log.open('w') as output:
            process = subprocess.Popen(
                words, cwd=self.folder, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True,
                start_new_session=True)
        self.in_background.append(process)
        wait_until(lambda: ready in log.read_text() or process.poll() is not None, COMMAND_S, f'{words}: {ready}')
        assert process.poll() is None, log.read_text()
        domain = re.search(r'in ROS domain (\d+)', log.read_text())
        self.replay_domain = domain[1] if domain else self.replay_domain

    def interrupt(self) -> None:
        """Press Ctrl-C where something runs in the foreground."""
        while self.in_background:
            process = self.in_background.pop()
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                assert process.wait(60.0) in (0, 130, -signal.SIGINT)

    def leave(self) -> None:
        """Stop what the page has started."""
        try:
            self.interrupt()
        finally:
            for process in self.in_background:
                process.kill()
            for namespace in ('turret', 'left', 'right'):
                if self.is_own_up:
                    subprocess.run(
                        ['./turret', 'down', '--namespace', namespace], cwd=self.folder, env=self.of_own, check=False,
                        capture_output=True)
            subprocess.run(
                ['./turret', 'bag', 'stop'], cwd=self.folder, env=self.running.environment, check=False,
                capture_output=True)


@pytest.fixture(scope='module')
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchTurret]:
    with scratch_turret(tmp_path_factory.mktemp('state')) as turret:
        yield turret


@pytest.fixture
def reader(running: ScratchTurret, tmp_path: Path, request: pytest.FixtureRequest,
           monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    folder = tmp_path / 'turret'
    folder.mkdir()
    for name in ('turret', '.venv', 'examples', 'firmware', 'tools'):
        (folder / name).symlink_to(ROOT / name)
    prepare(folder)
    try:
        footage = request.getfixturevalue('footage')
    except pytest.skip.Exception:
        footage = None
    reader = Reader(folder, running, footage)
    try:
        yield reader
    finally:
        reader.leave()
        for name in ('XDG_STATE_HOME', 'ROS_DOMAIN_ID'):
            monkeypatch.setenv(name, running.environment[name])
        with TurretClient('turret', timeout_s=20.0) as client, client.operator():
            client.call('safety/reset', {})


def prepare(folder: Path) -> None:
    """Write the files that a reader of the pages has."""
    config = ROOT / 'turret_bringup' / 'turret_bringup' / 'config'
    (folder / 'my.yaml').write_text((config / 'pi5_step_dir.yaml').read_text())
    writer = cv2.VideoWriter(str(folder / 'clip.mp4'), cv2.VideoWriter.fourcc(*'mp4v'), 25, (640, 360))
    scene = cv2.GaussianBlur(np.random.default_rng(1).integers(60, 200, (360, 640, 3), np.uint8), (0, 0), 9)
    for number in range(100):
        frame = np.asarray(scene).copy()
        cv2.rectangle(frame, (5 * number, 150), (5 * number + 30, 210), (40, 90, 250), -1)
        writer.write(frame)
    writer.release()
    cv2.imwrite(str(folder / 'street.jpg'), scene)
    legacy = runpy.run_path(str(ROOT / 'turret_bringup' / 'test' / 'settings' / 'test_legacy.py'))
    (folder / 'laserturret.conf').write_text(legacy['CONFIG'])


def test_every_page_with_commands_is_read() -> None:
    assert len(pages()) >= 12


@pytest.mark.skipif('ROS_DISTRO' in os.environ, reason='the commands are for ./turret on the wheels')
@pytest.mark.parametrize('page', pages())
def test_the_commands_of_a_page_work(page: str, reader: Reader) -> None:
    for command in all_commands():
        if command.page == page and is_run(command):
            reader.type(command)
            if command.text == './turret bag stop':
                wait_until(lambda: reader.bags.entries(), 20.0, 'a bag')


