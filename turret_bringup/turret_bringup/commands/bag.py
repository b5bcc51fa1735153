"""Record bags of a running turret, and look at them.

For example:

  ./turret bag start --selection full --label test     ./turret bag stop
  ./turret bag save                                    the last seconds, from the ring buffer
  ./turret bag list
  ./turret bag info                                    of the newest bag
  ./turret bag plot -o plot.html
  ./turret bag video auto_20261125_120000_fire -o shot.mp4
  ./turret bag export --parquet

A BAG is the name of one in the turret's folder, or the path of a folder or of an MCAP file; the newest one without it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turret_bringup.commands.options import add_namespace, bag_path, bags_folder
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

if TYPE_CHECKING:
    from turret_bringup.bags.reader import Bag
    from turret_bringup.evaluation.ros_decoder import BagDecoder

_PICTURE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
_PICTURES = ('.png', '.svg', '.pdf', '.html')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(title='actions', metavar='ACTION', required=True, dest='action')

    def action(name: str, summary: str, run_it: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=summary, description=f'{summary[0].upper()}{summary[1:]}.')
        sub.set_defaults(act=run_it)
        add_namespace(sub)
        return sub

    def of_a_bag(
            name: str, summary: str, run_it: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        sub = action(name, summary, run_it)
        sub.add_argument('bag', metavar='BAG', nargs='?', help='name or path (default: the newest)')
        sub.add_argument('--folder', type=Path, metavar='PATH', help='folder of the bags (default: the turret\'s)')
        return sub

    start = action('start', 'record a bag until stopped', _start)
    start.add_argument('--selection', default='', metavar='NAME', help='light, full or all (default: light)')
    start.add_argument('--label', default='', metavar='TEXT', help='part of the name')
    start.add_argument('--seconds', type=float, default=0.0, metavar='S', help='stop by itself after this time')
    action('stop', 'stop recording', _stop)
    save = action('save', 'save the last seconds as a bag', _save)
    save.add_argument('--label', default='', metavar='TEXT', help='part of the name')
    save.add_argument('--seconds', type=float, default=0.0, metavar='S', help='how far back (default: all of it)')
    listing = action('list', 'list the bags', _list)
    listing.add_argument('--folder', type=Path, metavar='PATH', help='folder of the bags (default: the turret\'s)')
    of_a_bag('info', 'say what is in a bag', _info)
    of_a_bag('recover', 'make a bag whole whose recording was cut off', _recover)
    plot = of_a_bag('plot', 'plot aim error, angles, latencies and states', _plot)
    plot.add_argument(
        '-o', '--output', type=Path, metavar='FILE', help=f'{", ".join(_PICTURES)} (default: BAG.png here)')
    video = of_a_bag('video', 'make a video with everything drawn in', _video)
    video.add_argument('-o', '--output', type=Path, metavar='FILE', help='MP4 (default: BAG.mp4 here)')
    video.add_argument('--topic', metavar='NAME', help='of the pictures, without namespace (default: the best)')
    export = of_a_bag('export', 'write one table for each topic', _export)
    export.add_argument('-o', '--output', type=Path, metavar='FOLDER', help='folder (default: BAG here)')
    export.add_argument(
        '--topics', nargs='+', metavar='NAME', help='with or without namespace (default: all but pictures)')
    export.add_argument('--parquet', action='store_true', help='Parquet instead of CSV; needs pyarrow')


def run(args: argparse.Namespace) -> int:
    """Do what was asked for."""
    args.act(args)
    return 0


def _say(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f'{line}\n' for line in lines)


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
    _say([f'recording {answer["name"]}; end it with: ./turret bag stop'])


def _stop(args: argparse.Namespace) -> None:
    _say([f'recorded {_call(args, "bag/stop")["name"]}'])


def _save(args: argparse.Namespace) -> None:
    _say([f'saved {_call(args, "bag/save_last", label=args.label, duration_s=args.seconds)["name"]}'])


# --- bags on the disk

def _list(args: argparse.Namespace) -> None:
    from turret_bringup.bags.library import BagLibrary
    entries = BagLibrary(bags_folder(args)).entries()
    width = max((len(entry.name) for entry in entries), default=0)
    _say(
        f'{entry.name:{width}}  {entry.duration_s:8.1f} s  {entry.size / 1e6:9.1f} MB  {entry.messages:9} messages'
        f'{"" if entry.complete else "  cut off: ./turret bag recover " + entry.name}' for entry in entries)
    if not entries:
        _say([f'no bags in {bags_folder(args)}'])


def _recover(args: argparse.Namespace) -> None:
    from turret_bringup.bags.recovery import recover
    path = bag_path(args)
    recovery = recover(path)
    _say([
        f'{path.name}: {recovery.messages} messages, '
        f'{"rewrote " + ", ".join(recovery.rewritten) if recovery.rewritten else "every file was whole"}',
        *(f'kept what was damaged as {path / name}' for name in recovery.damaged)])


def _info(args: argparse.Namespace) -> None:
    from turret_bringup.bags import info
    from turret_bringup.bags.reader import Bag
    with Bag(bag_path(args)) as bag:
        _say(info.lines(bag))


def _plot(args: argparse.Namespace) -> None:
    from turret_bringup.bags import info
    from turret_bringup.bags.reader import Bag
    from turret_bringup.evaluation import plots
    from turret_bringup.evaluation import series as bag_series
    with Bag(bag_path(args)) as bag:
        output = _output(args, bag, '.png')
        if output.suffix not in _PICTURES:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{output} ends in none of {", ".join(_PICTURES)}')
        series = bag_series.Series()
        for topic, stamp_ns, values in Relative(bag).messages(bag_series.TOPICS):
            series.add(topic, (stamp_ns - bag.start_ns) * 1e-9, stamp_ns * 1e-9, values)
        _writing(output, lambda: plots.write(output, bag.path.name, series, info.lines(bag)))


def _video(args: argparse.Namespace) -> None:
    from turret_bringup.bags.reader import Bag
    from turret_bringup.evaluation import video as bag_video
    with Bag(bag_path(args)) as bag:
        output = _output(args, bag, '.mp4')
        relative = Relative(bag, raw=True)
        topic = args.topic or bag_video.source(relative.topics)
        if topic not in bag_video.PICTURES:
            raise TurretError(
                ReasonCode.UNKNOWN_NAME, f'"{topic}" is none of {", ".join(bag_video.PICTURES)}')
        _writing(output, lambda: bag_video.write(output, relative.messages, topic))


def _export(args: argparse.Namespace) -> None:
    from turret_bringup.bags.reader import Bag
    from turret_bringup.evaluation import tables
    from turret_bringup.evaluation.ros_decoder import BagDecoder
    with Bag(bag_path(args)) as bag:
        decoder = BagDecoder(bag)
        _note(decoder)
        prefix = Relative(bag).prefix
        named = {name if name.startswith('/') else prefix + name for name in args.topics or ()}
        wanted = named or {name for name, topic in bag.topics.items() if topic.type not in _PICTURE_TYPES}
        unknown = wanted - set(bag.topics)
        if unknown:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'the bag has no topic {", ".join(sorted(unknown))}')

        def messages() -> Iterable[tuple[str, int, dict[str, Any]]]:
            for message in bag.messages(wanted - set(decoder.skipped)):
                values = decoder.values(message)
                if values is not None:
                    yield message.topic, message.stamp_ns, values
        output = args.output or Path(bag.path.stem)
        write = tables.write_parquet if args.parquet else tables.write_csv
        try:
            _writing(output, lambda: write(output, messages))
        except ImportError:
            raise TurretError(
                ReasonCode.NOT_SUPPORTED, 'Parquet needs the Python package pyarrow: pip install pyarrow') from None


class Relative:
    """The messages of a bag by their names in the turret's namespace.

    Attributes:
        prefix: the namespace, with a slash at its end.
        topics: names without it of topics that have messages.
    """

    def __init__(self, bag: Bag, raw: bool = False) -> None:
        from turret_bringup.evaluation.ros_decoder import BagDecoder
        from turret_bringup.evaluation.series import namespace_of
        self.prefix = namespace_of(bag.topics, bag.custom)
        self.topics = [name.removeprefix(self.prefix) for name, count in bag.counts.items() if count]
        self._bag = bag
        decoder = BagDecoder(bag)
        self._decode = decoder.raw_values if raw else decoder.values

    def messages(self, topics: Collection[str]) -> Iterable[tuple[str, int, dict[str, Any]]]:
        """Give name, stamp [ns] and fields of the messages of some topics."""
        for message in self._bag.messages({self.prefix + name for name in topics}):
            values = self._decode(message)
            if values is not None:
                yield message.topic.removeprefix(self.prefix), message.stamp_ns, values


def _output(args: argparse.Namespace, bag: Bag, suffix: str) -> Path:
    return args.output or Path(bag.path.stem + suffix)


def _writing(output: Path, write: Callable[[], Any]) -> None:
    try:
        write()
    except OSError as error:
        raise TurretError(ReasonCode.IO_ERROR, f'cannot write {output}: {error.strerror}') from error
    _say([f'wrote {output}'])


def _note(decoder: BagDecoder) -> None:
    for topic, reason in decoder.skipped.items():
        sys.stderr.write(f'{topic} is left out: {reason}\n')
