# SPDX-License-Identifier: Apache-2.0
"""Run a benchmark and print its table."""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
from pathlib import Path
from typing import Any

#: Module of each benchmark, which follows the protocol of :mod:`turret_common.bench`.
BENCHMARKS = {
    'start': 'turret_bringup.bench.start',
    'resources': 'turret_bringup.bench.resources',
    'status': 'turret_bringup.bench.ros_status',
    'follow': 'turret_bringup.bench.ros_follow',
    'several': 'turret_bringup.bench.ros_several',
    'split': 'turret_bringup.bench.split.split',
    'perception': 'turret_bringup.bench.ros_perception',
    'aim': 'turret_bringup.bench.aim.aim',
    'load': 'turret_bringup.bench.ros_load',
    'laser-off': 'turret_bringup.bench.laser_off.laser_off',
    'steps': 'turret_bringup.bench.steps',
    'bus': 'turret_bringup.bench.bus',
    'vision': 'turret_bringup.bench.vision.vision',
    'exclusion': 'turret_bringup.bench.vision.exclusion',
    'web': 'turret_bringup.bench.web.web',
    'panel': 'turret_bringup.bench.panel',
    'bag': 'turret_bringup.bench.ros_bag',
    'replay': 'turret_bringup.bench.ros_replay',
    'replay-timing': 'turret_bringup.bench.ros_replay_timing',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    width = max(map(len, BENCHMARKS))
    parser.epilog = 'benchmarks:\n' + ''.join(
        f'  {name.ljust(width)}  {_docstring(module).splitlines()[0]}\n' for name, module in BENCHMARKS.items()
    ) + '\n"./turret bench NAME --help" describes a benchmark.'
    parser.add_argument(
        'benchmark', metavar='NAME', choices=BENCHMARKS,
        help='benchmark to run (see below), followed by its own arguments')


def run(args: argparse.Namespace) -> int:
    """Run the named benchmark with the words after its name in ``args.rest``; return 1 where a limit is exceeded."""
    from turret_common import bench

    own = parser_of(args.benchmark).parse_args(args.rest)
    return bench.run(importlib.import_module(BENCHMARKS[args.benchmark]), own, own.json)


def parser_of(benchmark: str) -> argparse.ArgumentParser:
    """Return the parser of the arguments of one benchmark."""
    module: Any = importlib.import_module(BENCHMARKS[benchmark])
    parser = argparse.ArgumentParser(
        prog=f'./turret bench {benchmark}', description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    module.add_arguments(parser)
    parser.add_argument('--json', type=Path, metavar='FILE', help='also write the rows to a file')
    return parser


def _docstring(module: str) -> str:
    """Read the docstring of a module without importing it, which may be slow."""
    package, _, name = module.partition('.')
    spec = importlib.util.find_spec(package)
    folder = Path((spec.submodule_search_locations or [''])[0]) if spec else Path(package)
    source = (folder / name.replace('.', '/')).with_suffix('.py')
    return (ast.get_docstring(ast.parse(source.read_text())) if source.is_file() else None) or name
