#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../.venv/bin/python" "$0" "$@"'
# SPDX-License-Identifier: Apache-2.0
"""Create and refresh the golden bags on which ``turret_bringup/test/ros/test_goldens.py`` runs perception and control.

  tools/goldens.py cut BAG NAME --start 3 --seconds 5   # copy the inputs of a re-run from a part of a recorded bag
  tools/goldens.py refresh                              # write the expected results of every golden bag

After a refresh, "git diff" shows the effect of a change.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage

from turret_bringup.bags.messages import namespace_of
from turret_bringup.bags.reader import Bag
from turret_bringup.bags.writer import BagWriter
from turret_bringup.replay import settings
from turret_bringup.rerun import history
from turret_bringup.rerun.ros_rerun import INPUTS, Settings, rerun
from turret_common.ros.serialization import serialized

GOLDENS = Path(__file__).resolve().parents[1] / 'turret_bringup' / 'test' / 'goldens'


_JPEG = 'sensor_msgs/msg/CompressedImage'


def cut(bag: Bag, folder: Path, start_s: float, seconds: float, quality: int) -> None:
    """Write the inputs of a re-run from a part of a bag, with smaller images."""
    prefix = namespace_of(bag)
    wanted = {f'{prefix}/{name}' for name in INPUTS} & bag.topics.keys()
    begin = bag.start_ns + round(1e9 * start_s)
    end = begin + round(1e9 * seconds)
    with BagWriter(folder, [bag.topics[name] for name in sorted(wanted)], custom=bag.custom) as writer:
        states = {}
        for message in bag.messages({f'{prefix}/gimbal/state', f'{prefix}/controller/state'} & wanted, None, begin):
            states[message.topic] = message
        for message in states.values():
            writer.write(message.topic, begin, message.data)
        ground_truths = 0
        for message in bag.messages(wanted, begin, end):
            ground_truths += message.topic.endswith('/sim/ground_truth')
            if not message.topic.endswith('/sim/ground_truth') or ground_truths % 4 == 0:
                data = smaller(message.data, quality) if message.type == _JPEG else message.data
                writer.write(message.topic, message.stamp_ns, data)


def smaller(data: bytes, quality: int) -> bytes:
    """Return a compressed image of another JPEG quality."""
    message = deserialize_message(data, CompressedImage)
    pixels = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError('a compressed image of the bag is not an image')
    message.data = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    return serialized(message)


def refresh(folder: Path) -> None:
    """Write down what the cores make of a golden bag, with default parameters but for the method."""
    with Bag(folder) as bag:
        parameters, _ = settings.compose({}, (folder.parent / f'{folder.name}.set').read_text().split())
        result = rerun(bag, Settings(parameters['vision'], parameters['controller']))
    history.save(result.again, folder.parent / f'{folder.name}.jsonl')


def main() -> int:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest='action', required=True)
    part = actions.add_parser('cut')
    part.add_argument('bag', type=Path)
    part.add_argument('name')
    part.add_argument('--start', type=float, default=0.0)
    part.add_argument('--seconds', type=float, default=5.0)
    part.add_argument('--jpeg-quality', type=int, default=25)
    part.add_argument('--set', action='append', default=[], dest='assignments', help='parameters of the re-run')
    actions.add_parser('refresh')
    args = parser.parse_args()
    if args.action == 'cut':
        shutil.rmtree(GOLDENS / args.name, ignore_errors=True)
        with Bag(args.bag) as bag:
            cut(bag, GOLDENS / args.name, args.start, args.seconds, args.jpeg_quality)
        (GOLDENS / f'{args.name}.set').write_text(' '.join(args.assignments) + '\n')
        refresh(GOLDENS / args.name)
    else:
        for folder in sorted(path for path in GOLDENS.iterdir() if path.is_dir()):
            refresh(folder)
            sys.stdout.write(f'{folder.name}\n')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
