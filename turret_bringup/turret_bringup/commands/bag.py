# SPDX-License-Identifier: Apache-2.0
"""Record bags of a running turret, and look at them.

For example:

  ./turret bag start --selection full --label test     ./turret bag stop
  ./turret bag mark target lost behind the tree        a mark that a replay can go to
  ./turret bag save                                    the last seconds, from the ring buffer
  ./turret bag list
  ./turret bag info                                    of the newest bag
  ./turret bag plot -o plot.html
  ./turret bag video auto_20261125_120000_fire -o shot.mp4
  ./turret bag export --parquet
  ./turret bag cut --start 10 --duration 5 --topics "vision/*" joint_states -o part

A BAG is the name of one in the turret's folder, or the path of a folder or of an MCAP file; the newest one without it.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turret_bringup.commands.options import add_end, add_namespace, bag_path, bags_folder, namespace
from turret_common.errors import TurretError, printable
from turret_common.reason_codes import ReasonCode

if TYPE_CHECKING:
    from turret_bringup.bags.reader import Bag

_IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
_PLOT_SUFFIXES = ('.png', '.svg', '.pdf', '.html')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(title='actions', metavar='ACTION', required=True, dest='action')
    _add_recording(_Actions(actions))
    _add_files(_Actions(actions))
    _add_evaluation(_Actions(actions))


class _Actions:
    """Declares actions of the command."""

    def __init__(self, actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        self._actions = actions

    def add(self, name: str, summary: str, act: Callable[[argparse.Namespace], int | None]) -> argparse.ArgumentParser:
        """Declare an action."""
        sub = self._actions.add_parser(name, help=summary, description=f'{summary[0].upper()}{summary[1:]}.')
        sub.set_defaults(act=act)
        add_namespace(sub)
        return sub

    def in_folder(
            self, name: str, summary: str, act: Callable[[argparse.Namespace], int | None]) -> argparse.ArgumentParser:
        """Declare an action on the folder of the bags."""
        sub = self.add(name, summary, act)
        sub.add_argument('--folder', type=Path, metavar='PATH', help='folder of the bags (default: the turret\'s)')
        return sub

    def of_bag(
            self, name: str, summary: str, act: Callable[[argparse.Namespace], int | None]) -> argparse.ArgumentParser:
        """Declare an action on a bag."""
        sub = self.in_folder(name, summary, act)
        sub.add_argument('bag', metavar='BAG', nargs='?', help='name or path (default: the newest)')
        return sub

    def of_part(
            self, name: str, summary: str, act: Callable[[argparse.Namespace], int | None]) -> argparse.ArgumentParser:
        """Declare an action on a bag or a part of it."""
        sub = self.of_bag(name, summary, act)
        sub.add_argument(
            '--start', type=float, default=0.0, metavar='S', help='start time in the bag (default: its beginning)')
        add_end(sub)
        return sub


def _add_recording(actions: _Actions) -> None:
    start = actions.add('start', 'record a bag until stopped', _start)
    start.add_argument('--selection', default='', metavar='NAME', help='light, full or all (default: light)')
    start.add_argument('--label', default='', metavar='TEXT', help='part of the name')
    start.add_argument('--seconds', type=float, default=0.0, metavar='S', help='stop after this time')
    actions.add('stop', 'stop recording', _stop)
    mark = actions.add('mark', 'put a mark with a text into what is recorded', _mark)
    mark.add_argument('text', metavar='TEXT', nargs='+')
    save = actions.add('save', 'save the last seconds as a bag', _save)
    save.add_argument('--label', default='', metavar='TEXT', help='part of the name')
    save.add_argument('--seconds', type=float, default=0.0, metavar='S', help='length (default: all of it)')


def _add_files(actions: _Actions) -> None:
    actions.in_folder('list', 'list the bags', _list)
    actions.of_bag('info', 'show what is in a bag', _info)
    check = actions.of_bag('check', 'check order, gaps, damage and whether every message can be decoded', _check)
    check.epilog = 'The exit code is 1 where something was found.'
    actions.of_bag('recover', 'repair a bag whose recording was cut off, or that is damaged', _recover)
    delete = actions.in_folder('delete', 'delete bags', _delete)
    delete.add_argument('bags', metavar='BAG', nargs='+', help='name of a bag in the folder')
    rename = actions.in_folder('rename', 'rename a bag', _rename)
    rename.add_argument('bag', metavar='BAG', help='name of a bag in the folder')
    rename.add_argument('new_name', metavar='NEW', help='its new name')
    cut = actions.of_part('cut', 'copy a part of a bag: a time range, some topics', _cut)
    cut.add_argument(
        '--rename-namespace', type=namespace, metavar='NAME',
        help='give the turret this namespace in the new bag (default: keep it)')
    merge = actions.in_folder('merge', 'copy several bags into one', _merge)
    merge.add_argument('bags', metavar='BAG', nargs='+', help='name or path')
    for sub in (cut, merge):
        sub.add_argument('-o', '--output', type=Path, metavar='FOLDER', required=True, help='folder of the new bag')
        sub.add_argument(
            '--topics', nargs='+', metavar='PATTERN', help='topics to keep, with or without namespace (default: all)')
        sub.add_argument('--split-mb', type=int, default=0, metavar='MB', help='split into files of this size')
        sub.add_argument('--split-s', type=float, default=0.0, metavar='S', help='split into files of this length')


def _add_evaluation(actions: _Actions) -> None:
    plot = actions.of_part('plot', 'plot aim error, angles, latencies and states', _plot)
    plot.add_argument(
        '-o', '--output', type=Path, metavar='FILE', help=f'{", ".join(_PLOT_SUFFIXES)} (default: BAG.png here)')
    layout = actions.of_bag('layout', 'write layouts of Foxglove and PlotJuggler for the namespace of a bag', _layout)
    layout.add_argument('-o', '--output', type=Path, metavar='FOLDER', help='folder (default: BAG_layout here)')
    video = actions.of_part('video', 'make a video with detections, tracks and crosshair drawn in', _video)
    video.add_argument('-o', '--output', type=Path, metavar='FILE', help='MP4 (default: BAG.mp4 here)')
    video.add_argument('--topic', metavar='NAME', help='image topic, without namespace (default: the best)')
    export = actions.of_part('export', 'write one table for each topic', _export)
    export.add_argument('-o', '--output', type=Path, metavar='FOLDER', help='folder (default: BAG here)')
    export.add_argument(
        '--topics', nargs='+', metavar='NAME', help='with or without namespace (default: all but images)')
    export.add_argument('--parquet', action='store_true', help='Parquet instead of CSV; needs pyarrow')


def run(args: argparse.Namespace) -> int:
    """Run the action."""
    return args.act(args) or 0


def _print(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f'{printable(line)}\n' for line in lines)


# --- a running turret

def _call(args: argparse.Namespace, service: str, **values: Any) -> dict[str, Any]:
    from turret_bringup.client.ros_client import TurretClient
    with TurretClient(args.namespace, timeout_s=30.0) as client:
        answer = client.call(service, values)
    if not answer['success']:
        raise TurretError(ReasonCode(answer['code']), answer['message'])
    return answer


def _start(args: argparse.Namespace) -> None:
    answer = _call(args, 'bag/start', selection=args.selection, label=args.label, max_s=args.seconds)
    _print([f'recording {answer["name"]}; stop it with: ./turret bag stop'])


def _stop(args: argparse.Namespace) -> None:
    _print([f'recorded {_call(args, "bag/stop")["name"]}'])


def _mark(args: argparse.Namespace) -> None:
    _call(args, 'bag/mark', text=' '.join(args.text))


def _save(args: argparse.Namespace) -> None:
    _print([f'saved {_call(args, "bag/save_last", label=args.label, duration_s=args.seconds)["name"]}'])


# --- bags on the disk

def _list(args: argparse.Namespace) -> None:
    from turret_bringup.bags.library import BagLibrary
    entries = BagLibrary(bags_folder(args)).entries()
    width = max((len(entry.name) for entry in entries), default=0)
    _print(
        f'{entry.name:{width}}  {entry.duration_s:8.1f} s  {entry.size / 1e6:9.1f} MB  {entry.messages:9} messages'
        f'{"" if entry.complete else "  cut off: ./turret bag recover " + entry.name}' for entry in entries)
    if not entries:
        _print([f'no bags in {bags_folder(args)}'])


def _recover(args: argparse.Namespace) -> None:
    from turret_bringup.bags.recovery import recover
    path = bag_path(args)
    recovery = recover(path)
    what = f'repaired {", ".join(recovery.rewritten)}' if recovery.rewritten else 'every file was whole'
    lost = f'; {recovery.lost} places with damage are lost' if recovery.lost else ''
    folder = path if path.is_dir() else path.parent
    _print([f'{path.name}: {recovery.messages} messages, {what}{lost}',
            *(f'the original is kept as {folder / name}' for name in recovery.kept)])


def _check(args: argparse.Namespace) -> int:
    from turret_bringup.bags import check
    path = bag_path(args)
    found = list(check.findings(path))
    _print(found or [f'{path.name}: nothing found'])
    return int(bool(found))


def _delete(args: argparse.Namespace) -> None:
    from turret_bringup.bags.library import BagLibrary
    library = BagLibrary(bags_folder(args))
    for name in args.bags:
        library.delete(name)
        _print([f'deleted {name}'])


def _rename(args: argparse.Namespace) -> None:
    from turret_bringup.bags.library import BagLibrary
    BagLibrary(bags_folder(args)).rename(args.bag, args.new_name)
    _print([f'renamed {args.bag} to {args.new_name}'])


def _cut(args: argparse.Namespace) -> None:
    from turret_bringup.bags.reader import Bag
    path = bag_path(args)
    with Bag(path) as bag:
        _range(args, bag)  # refuse what makes no sense
    end_s = args.start + args.duration if args.duration else args.end
    _edit(args, [path], args.start, end_s, args.rename_namespace or '')


def _merge(args: argparse.Namespace) -> None:
    _edit(args, [bag_path(argparse.Namespace(**{**vars(args), 'bag': name})) for name in args.bags], 0.0, 0.0)


def _edit(
        args: argparse.Namespace, sources: list[Path], start_s: float, end_s: float, new_namespace: str = '') -> None:
    from turret_bringup.bags.edit import rewrite
    from turret_bringup.bags.messages import namespace_of
    from turret_bringup.bags.metadata import BagError
    from turret_bringup.bags.reader import Bag
    from turret_common.name_patterns import NamePatterns
    try:
        with Bag(sources[0]) as bag:
            prefix = namespace_of(bag)
    except BagError:
        prefix = ''
    patterns = NamePatterns(prefix, args.topics or ['/*'])
    edited = _writing(args.output, lambda: rewrite(
        sources, args.output, start_s=start_s, end_s=end_s, selects=lambda name: name in patterns,
        namespace=new_namespace, split_bytes=args.split_mb * 1_000_000, split_s=args.split_s))
    _print([f'{edited.messages} messages'])
    _warn(edited.notes)


def _info(args: argparse.Namespace) -> None:
    from turret_bringup.bags import info
    from turret_bringup.bags.reader import Bag
    with Bag(bag_path(args)) as bag:
        _print(info.lines(bag))


def _plot(args: argparse.Namespace) -> None:
    from turret_bringup.bags import info
    from turret_bringup.bags.messages import TurretMessages
    from turret_bringup.bags.reader import Bag
    from turret_bringup.evaluation import plots
    from turret_bringup.evaluation import series as bag_series
    with Bag(bag_path(args)) as bag:
        output = _output(args, bag, '.png')
        if output.suffix not in _PLOT_SUFFIXES:
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT, f'the name {output} must end in one of {", ".join(_PLOT_SUFFIXES)}')
        series = bag_series.Series()
        turret = TurretMessages(bag)
        for topic, stamp_ns, values in turret.values(bag_series.TOPICS, *_range(args, bag)):
            series.add(topic, (stamp_ns - bag.start_ns) * 1e-9, stamp_ns * 1e-9, values)
        _warn(turret.decoder.notes())
        _writing(output, lambda: plots.write(output, bag.path.name, series, info.lines(bag)))


def _layout(args: argparse.Namespace) -> None:
    from turret_bringup.bags.messages import namespace_of
    from turret_bringup.bags.reader import Bag
    from turret_bringup.settings.viewer_files import BAG_LAYOUTS, adapted
    with Bag(bag_path(args)) as bag:
        prefix = namespace_of(bag).strip('/')
        output = _output(args, bag, '_layout')

    def write() -> None:
        output.mkdir(parents=True, exist_ok=True)
        for name in BAG_LAYOUTS:
            adapted(name, output, prefix)
    _writing(output, write)


def _video(args: argparse.Namespace) -> None:
    from turret_bringup.bags.messages import TurretMessages
    from turret_bringup.bags.reader import Bag
    from turret_bringup.evaluation import video as bag_video
    with Bag(bag_path(args)) as bag:
        output = _output(args, bag, '.mp4')
        turret = TurretMessages(bag)
        topic = args.topic or bag_video.source(turret.topics)
        if topic not in bag_video.IMAGES:
            raise TurretError(
                ReasonCode.UNKNOWN_NAME, f'"{topic}" is not one of {", ".join(bag_video.IMAGES)}')
        span = _range(args, bag)
        left_out = _writing(
            output, lambda: bag_video.write(output, lambda topics: turret.values(topics, *span, raw=True), topic))
        _warn([f'{left_out} images are left out: damaged, or of another size'] if left_out else [])


def _export(args: argparse.Namespace) -> None:
    from turret_bringup.bags.messages import BagMessages, namespace_of
    from turret_bringup.bags.metadata import BagError
    from turret_bringup.bags.reader import Bag
    from turret_bringup.evaluation import tables
    with Bag(bag_path(args)) as bag:
        decoder = BagMessages(bag)
        try:
            prefix = namespace_of(bag)
        except BagError:  # a bag of something else can be exported too
            prefix = ''
        named = {name if name.startswith('/') else f'{prefix}/{name}' for name in args.topics or ()}
        wanted = named or {name for name, topic in bag.topics.items() if topic.type not in _IMAGE_TYPES}
        unknown = wanted - set(bag.topics)
        if unknown:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'the bag has no topic {", ".join(sorted(unknown))}')
        span = _range(args, bag)

        def messages() -> Iterable[tuple[str, int, dict[str, Any]]]:
            decoder.damaged.clear()
            for message in bag.messages(wanted - set(decoder.left_out), *span):
                values = decoder.values(message)
                if values is not None:
                    yield message.topic, message.stamp_ns, values
        output = _output(args, bag, '')
        write = tables.write_parquet if args.parquet else tables.write_csv
        try:
            _writing(output, lambda: write(output, messages))
        except ImportError:
            raise TurretError(
                ReasonCode.NOT_SUPPORTED, 'Parquet needs the Python package pyarrow: pip install pyarrow') from None
        _warn(decoder.notes())


def _range(args: argparse.Namespace, bag: Bag) -> tuple[int | None, int | None]:
    """Return the stamps that ``--start``, ``--end`` and ``--duration`` mean; None = the whole bag."""
    end = args.start + args.duration if args.duration else args.end
    for name, value in (('--start', args.start), ('--end', end)):
        if not 0.0 <= value <= 1e9:
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'{name} {value:g} is not a time in the bag')
    if end and end <= args.start:
        raise TurretError(ReasonCode.OUT_OF_RANGE, f'the end, {end:g} s, is not after --start {args.start:g}')
    return (bag.start_ns + round(1e9 * args.start) if args.start else None,
            bag.start_ns + round(1e9 * end) if end else None)


def _output(args: argparse.Namespace, bag: Bag, suffix: str) -> Path:
    """Return where to write: what was asked for, else a name after the bag that does not exist yet."""
    if args.output is not None:
        return Path(args.output)
    stem = bag.path.resolve().name.removesuffix('.mcap')
    names = itertools.chain([f'{stem}{suffix}'], (f'{stem}_{i}{suffix}' for i in itertools.count(2)))
    return next(path for name in names if not (path := Path(name)).exists())


def _writing(output: Path, write: Callable[[], Any]) -> Any:
    try:
        result = write()
    except OSError as error:
        raise TurretError(ReasonCode.IO_ERROR, f'cannot write {output}: {error.strerror}') from error
    _print([f'wrote {output}'])
    return result


def _warn(notes: Iterable[str]) -> None:
    sys.stderr.writelines(f'{printable(note)}\n' for note in notes)
