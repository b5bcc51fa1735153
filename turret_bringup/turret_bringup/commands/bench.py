"""Run a benchmark and print its table."""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import sys
from pathlib import Path

#: Module of each benchmark. It has a docstring, ``add_arguments(parser)``, and either ``measure(args)``, which gives
#: rows (:mod:`turret_common.bench`), or ``run(args)``, which prints and writes them itself.
BENCHMARKS = {
    'start': 'turret_bringup.bench.start',
    'resources': 'turret_bringup.bench.resources',
    'status': 'turret_bringup.bench.ros_status',
    'follow': 'turret_bringup.bench.ros_follow',
    'perception': 'turret_bringup.bench.ros_perception',
    'aim': 'turret_bringup.bench.aim.aim',
    'laser-off': 'turret_bringup.bench.laser_off.laser_off',
    'steps': 'turret_bringup.bench.steps',
    'vision': 'turret_bringup.bench.vision.vision',
    'exclusion': 'turret_bringup.bench.vision.exclusion',
    'web': 'turret_bringup.bench.web.web',
    'bag': 'turret_bringup.bench.ros_bag',
    'replay': 'turret_bringup.bench.ros_replay',
    'replay-timing': 'turret_bringup.bench.ros_replay_timing',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    width = max(map(len, BENCHMARKS))
    parser.epilog = 'benchmarks:\n' + ''.join(
        f'  {name.ljust(width)}  {_docstring(module).splitlines()[0]}\n' for name, module in BENCHMARKS.items()
    ) + '\n"./turret bench NAME --help" explains each one.'
    parser.add_argument('benchmark', metavar='NAME', choices=BENCHMARKS, help='see below; its own arguments follow')


def run(args: argparse.Namespace) -> int:
    """Run the benchmark that was named, with the words after its name in ``args.rest``."""
    module = importlib.import_module(BENCHMARKS[args.benchmark])
    parser = argparse.ArgumentParser(
        prog=f'./turret bench {args.benchmark}', description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    module.add_arguments(parser)
    if not hasattr(module, 'measure'):
        code: int = module.run(parser.parse_args(args.rest))
        return code
    from turret_common.bench import table, write_json

    parser.add_argument('--json', type=Path, metavar='FILE', help='also write the rows to a file')
    own = parser.parse_args(args.rest)
    rows = list(module.measure(own))
    sys.stdout.write(table(rows))
    if own.json:
        write_json(own.json, rows)
    return 0


def _docstring(module: str) -> str:
    """Read what a module says of itself without importing it, which may be slow."""
    package, _, name = module.partition('.')
    spec = importlib.util.find_spec(package)
    folder = Path((spec.submodule_search_locations or [''])[0]) if spec else Path(package)
    source = (folder / name.replace('.', '/')).with_suffix('.py')
    return (ast.get_docstring(ast.parse(source.read_text())) if source.is_file() else None) or name
