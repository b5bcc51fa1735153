# SPDX-License-Identifier: Apache-2.0
"""Files with random damage through every command that takes a bag.

As a program: ``bag_mutations.py KIND COUNT SEED`` prints what it found as JSON; see :func:`run`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import io
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from bag_testing import write_bag
from foreign_files import OPTIONS, rich_file, ros1, ros2
from mcap.writer import IndexType
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from turret_bringup import cli
from turret_bringup.bags.edit import rewrite
from turret_bringup.bags.metadata import BagError
from turret_bringup.bags.reader import Bag
from turret_bringup.bags.recovery import recover
from turret_bringup.replay.options import ReplayOptions
from turret_common.errors import TurretError

GOLDEN = Path(__file__).resolve().parent / 'goldens' / 'crossing'
#: A command that takes longer than this hangs [s].
_HANG_S = 300.0
#: Commands by name, given the path of the bag, of an undamaged one, and of what to write.
COMMANDS: dict[str, Callable[[str, str, str], list[str]]] = {
    'info': lambda bag, *_: ['bag', 'info', bag],
    'check': lambda bag, *_: ['bag', 'check', bag],
    'cut': lambda bag, _, out: ['bag', 'cut', bag, '-o', out, '--start', '0.0000001'],
    'merge': lambda bag, whole, out: ['bag', 'merge', bag, whole, '-o', out],
    'export': lambda bag, _, out: ['bag', 'export', bag, '-o', out],
    'plot': lambda bag, _, out: ['bag', 'plot', bag, '-o', out + '.html'],
    'video': lambda bag, _, out: ['bag', 'video', bag, '-o', out + '.mp4'],
    'layout': lambda bag, _, out: ['bag', 'layout', bag, '-o', out],
    'list': lambda bag, *_: ['bag', 'list', '--folder', str(Path(bag).parent)],
    'rename': lambda bag, _, out: ['bag', 'cut', bag, '-o', out, '--rename-namespace', 'other'],
    'bench': lambda bag, *_: ['bench', 'replay', bag],
}


@dataclasses.dataclass
class Found:
    """What happened to the mutated files of one kind.

    Attributes:
        files: number of mutated files.
        codes: number of commands by name and exit code.
        failures: tracebacks, changed files, answers of the wrong form.
        slowest_s: longest command.
        memory_mb: maximum memory of the process.
    """

    files: int = 0
    codes: Counter[str] = dataclasses.field(default_factory=Counter)
    failures: list[str] = dataclasses.field(default_factory=list)
    slowest_s: float = 0.0
    memory_mb: float = 0.0


def _one_file(**options: object) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        rich_file(folder / 'x.mcap', **options)
        return folder / 'x.mcap'
    return make


def _own(folder: Path) -> Path:
    write_bag(folder / 'x')
    return folder / 'x' / 'x_0.mcap'


def _split(folder: Path) -> Path:
    write_bag(folder / 'x', split_s=0.3)
    return folder / 'x' / 'x_1.mcap'


def _metadata(folder: Path) -> Path:
    write_bag(folder / 'x', split_s=0.3, custom={'turret.namespace': 'turret'})
    return folder / 'x' / 'metadata.yaml'


def _killed(folder: Path) -> Path:
    path = _own(folder)
    os.truncate(path, path.stat().st_size * 3 // 4)
    return path


def _turret(folder: Path) -> Path:
    rewrite([GOLDEN], folder / 'x', end_s=0.5)
    return folder / 'x' / 'x_0.mcap'


def _sqlite(folder: Path) -> Path:
    return next(ros2(folder / 'x').glob('*.db3'))


def _compressed(mode: CompressionMode) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        bag = ros2(folder / 'x', StoragePlugin.MCAP, mode)
        return next(path for path in bag.iterdir() if path.name != 'metadata.yaml')
    return make


#: Kinds of files: functions that write a bag into a folder and return the file to damage.
KINDS: dict[str, Callable[[Path], Path]] = {
    'own': _own, 'split': _split, 'metadata': _metadata, 'killed': _killed, 'turret': _turret,
    'foreign zstd': _one_file(), 'foreign lz4': _one_file(**OPTIONS[1]), 'foreign plain': _one_file(**OPTIONS[2]),
    'foreign without chunks': _one_file(**OPTIONS[3]),
    'compressed file': _compressed(CompressionMode.FILE), 'compressed messages': _compressed(CompressionMode.MESSAGE),
    'sqlite': _sqlite, 'ros1': lambda folder: ros1(folder / 'x.bag'),
    'foreign without index': _one_file(index_types=IndexType.NONE, repeat_channels=False, repeat_schemas=False)}


def run(kind: str, count: int, seed: int, folder: Path) -> Found:
    """Damage a file so many times and give it to each command; return what was found.

    Args:
        kind: key of :data:`KINDS`.
        count: number of files; the first is not damaged.
        seed: of the damage.
        folder: empty, to work in.
    """
    target = KINDS[kind](folder)
    bag = target.parent if target.parent != folder else target
    write_bag(folder / 'whole')
    whole = target.read_bytes()
    generator = random.Random(f'{kind} {seed}')
    found = Found()
    for number in range(count):
        data = mutated(whole, generator) if number else whole
        target.write_bytes(data)
        before = _contents(bag)
        for name, command in COMMANDS.items():
            out = folder / 'out' / name
            out.parent.mkdir(exist_ok=True)
            arguments = command(str(bag), str(folder / 'whole'), str(out))
            code = _timed(found, f'{name} of file {number}', partial(_command, arguments, found))
            found.codes[f'{name} {code}'] += 1
            if _contents(bag) != before:
                found.failures.append(f'{name} of file {number} changed the bag')
            shutil.rmtree(out.parent)
        _timed(found, f'replay of file {number}', partial(_replayed, bag))
        _timed(found, f'recover of file {number}', partial(
            _recovered, bag, folder / 'copy', found, number))
        found.files += 1
    found.memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return found


def mutated(data: bytes, generator: random.Random) -> bytes:
    """Return bytes with a few flipped, overwritten, removed or repeated."""
    changed = bytearray(data)
    for _ in range(generator.randint(1, 4)):
        at = generator.randrange(len(changed))
        length = generator.randint(1, 40)
        kind = generator.randrange(6)
        if kind == 0:
            changed[at] ^= 1 << generator.randrange(8)
        elif kind == 1:
            changed[at:at + length] = generator.randbytes(length)
        elif kind == 2:
            del changed[at:at + length]
        elif kind == 3:
            changed[at:at] = changed[at:at + length]
        elif kind == 4:
            changed[at:at + 8] = generator.choice((bytes(8), b'\xff' * 8, (1 << 62).to_bytes(8, 'little')))
        else:
            changed[at:at + 40 * length] = bytes(min(40 * length, len(changed) - at))
    return bytes(changed) or b'\0'


def _timed(found: Found, what: str, act: Callable[[], object]) -> object:
    begin = time.monotonic()
    faulthandler.dump_traceback_later(_HANG_S, exit=True)
    try:
        return act()
    except Exception:  # noqa: BLE001 - whatever a command lets through is what is looked for
        found.failures.append(f'{what}: {traceback.format_exc()}')
        return 'traceback'
    finally:
        faulthandler.cancel_dump_traceback_later()
        found.slowest_s = max(found.slowest_s, time.monotonic() - begin)


def _command(arguments: list[str], found: Found) -> int:
    """Run a command; note an answer that is not of one line, or escapes of a terminal. Return its exit code."""
    output, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(error):
        code = cli.main(arguments)
    answer = error.getvalue()
    if code not in (0, 1, 2) or '\x1b' in output.getvalue() + answer or 'Traceback' in answer or (
            code == 2 and (not answer.startswith('turret: ') or answer.count('\n') != 1)):
        found.failures.append(f'{" ".join(arguments)} ended with {code}: {answer[-500:]}')
    return code


def _replayed(bag: Path) -> None:
    """Prepare a replay as the command does."""
    from turret_bringup.commands.replay import examine
    with contextlib.suppress(TurretError), contextlib.redirect_stderr(io.StringIO()):
        examine(ReplayOptions(bag=bag))


def _recovered(bag: Path, copy: Path, found: Found, number: int) -> None:
    """Repair a copy: then nothing of it is damaged any more, and nothing is left to be repaired."""
    if bag.is_dir():
        shutil.copytree(bag, copy)
        path = copy
    else:
        copy.mkdir()
        path = Path(shutil.copy(bag, copy))
    try:
        recovery = recover(path)
        found.codes[f'recover {"repaired" if recovery.rewritten else "whole"}'] += 1
        if recover(path).rewritten:
            found.failures.append(f'file {number} needed a second repair')
        with Bag(path) as repaired:
            found.codes['recover messages'] += len(list(repaired.messages()))
    except BagError as error:
        found.codes[f'recover {error.code.name}'] += 1
        if error.code.name not in ('NOT_SUPPORTED', 'NOT_FOUND'):
            found.failures.append(f'file {number} cannot be repaired: {error}')
    finally:
        shutil.rmtree(copy)


def _contents(bag: Path) -> dict[str, bytes]:
    paths = sorted(bag.iterdir()) if bag.is_dir() else [bag]
    return {path.name: path.read_bytes() for path in paths}


if __name__ == '__main__':
    cli.parser = cache(cli.parser)  # making it takes longer than most commands
    with tempfile.TemporaryDirectory() as work:
        json.dump(vars(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(work))), sys.stdout)
