# SPDX-License-Identifier: Apache-2.0
"""Examine a model for detection, or add it to the models of the turret.

  ./turret model inspect yolo.onnx                      show what it is, and what it finds in a photo of a person
  ./turret model inspect yolo.onnx --image street.jpg --output found.png
  ./turret model add yolo.onnx --name people            copy it to the state folder, with its description

What the file does not state is determined from its outputs. State what cannot be determined: --family, --classes,
--color, --values, --size. Detectors and the person exclusion refuse what "inspect" refuses.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from turret_bringup.commands.options import add_namespace
from turret_common.errors import TurretError
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode

if TYPE_CHECKING:
    from turret_vision.detectors.detection import Detection
    from turret_vision.detectors.model import ModelDetector
    from turret_vision.models.description import ModelDescription

_SUFFIXES = {'.onnx': 'onnx', '.tflite': 'tflite'}
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]*')
_SHOWN_CLASSES = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument('action', choices=('inspect', 'add'), help='show what it is, or copy it to the state folder')
    parser.add_argument('file', type=Path, metavar='FILE', help='model, .onnx or .tflite')
    parser.add_argument('--name', metavar='NAME', help='name of the added model (default: that of the file)')
    parser.add_argument('--family', default='', help='its family, as docs/camera.md lists them')
    parser.add_argument('--classes', type=Path, metavar='FILE', help='names of its classes, one per line')
    parser.add_argument('--color', default='', help='order of the channels of its input, rgb or bgr')
    parser.add_argument(
        '--values', default='', metavar='RANGE', help='values of black and white in its input: 0..1, 0..255 or =-1..1')
    parser.add_argument(
        '--size', nargs=2, type=int, metavar=('WIDTH', 'HEIGHT'), help='input size in px where the model takes any')
    parser.add_argument('--provider', default='', metavar='NAME', help='processor, as the parameter onnx.provider')
    parser.add_argument('--confidence', type=float, default=0.5, help='minimum score (default: %(default)s)')
    parser.add_argument('--image', type=Path, metavar='FILE', help='image to inspect it with (default: a photo)')
    parser.add_argument('--output', type=Path, metavar='FILE', help='write the image with the detections drawn in')
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Examine the model, and add it if requested."""
    from turret_vision.models.description import description_file

    detector, stated = _load(args)
    image_file, found = _find(args, detector)
    d = detector.description
    names = ', '.join(d.classes[:_SHOWN_CLASSES]) + (', ...' if len(d.classes) > _SHOWN_CLASSES else '')
    _say(f'{args.file}: {d.family} ({_title(d.family)}), {"stated" if stated.family else "recognized"}')
    _say(f'input: {d.width}x{d.height}, {d.color}, {d.values}; run by: {detector.provider}')
    _say(f'classes: {len(d.classes)}: {names}' if d.classes else 'classes: unknown, give them with --classes')
    _say('black, white and noisy images: no objects' if not (blank := _on_blank(detector)) else
         f'objects in images that show none: {blank}')
    _say(f'{image_file.name}: {len(found)} objects')
    for one in found:
        _say(f'  {one.class_id} {one.confidence:.2f} at x {one.box.left:.0f} to {one.box.right:.0f}, '
             f'y {one.box.top:.0f} to {one.box.bottom:.0f}')
    if args.action == 'inspect':
        return 0
    name = args.name or args.file.stem
    if not _NAME.fullmatch(name):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{name}" cannot be the name of a model')
    folder = state_dir(args.namespace) / 'models'
    folder.mkdir(exist_ok=True)
    target = folder / f'{name}{args.file.suffix}'
    if target.exists():
        raise TurretError(ReasonCode.ALREADY_EXISTS, f'there is a model {target} already; give another --name')
    shutil.copyfile(args.file, target)
    description_file(target).save(d)
    method = _SUFFIXES[args.file.suffix]
    _say(f'added: {target}; use it with: ./turret up --set vision.method={method} --set vision.{method}.model={target}')
    return 0


def _load(args: argparse.Namespace) -> tuple[ModelDetector, ModelDescription]:
    """Return the detector, and what is stated about its model."""
    import dataclasses

    from turret_vision.detectors.registry import DETECTORS
    from turret_vision.models.description import describe, read_classes

    method = _SUFFIXES.get(args.file.suffix)
    if method is None:
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, f'{args.file} is not a model in ONNX (.onnx) or LiteRT (.tflite) format')
    width, height = args.size or (0, 0)
    given = {'family': args.family, 'color': args.color, 'values': args.values, 'width': width, 'height': height,
             'classes': read_classes(args.classes) if args.classes else ()}
    stated = dataclasses.replace(describe(args.file), **{name: value for name, value in given.items() if value})
    cls = DETECTORS[method]
    parameters = cls.groups[method](model=str(args.file), confidence=args.confidence)
    if args.provider:
        parameters = dataclasses.replace(parameters, provider=args.provider)
    return cls(parameters, stated), stated  # type: ignore[call-arg, return-value]


def _find(args: argparse.Namespace, detector: ModelDetector) -> tuple[Path, list[Detection]]:
    """Return the image that the model was run on, and what it found there; draw it where that was asked for."""
    import cv2

    from turret_common.images import decoded
    from turret_vision.annotate import mark_detections
    from turret_vision.detectors.detection import make_view
    from turret_vision.detectors.person import PHOTO

    file: Path = args.image or PHOTO
    try:
        pixels = decoded(file.read_bytes() if file.is_file() else b'')
    except (OSError, TurretError) as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{file} is not an image') from error
    found = detector.detect(make_view(pixels, 0.0))
    if args.output:
        try:
            written = cv2.imwrite(str(args.output), mark_detections(pixels, found))
        except cv2.error as error:
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT, f'{args.output}: use a name that ends in .png or .jpg') from error
        if not written:
            raise TurretError(ReasonCode.IO_ERROR, f'{args.output} cannot be written')
    return file, found


def _on_blank(detector: ModelDetector) -> str:
    from turret_vision.detectors.detection import make_view
    from turret_vision.detectors.model import blank_images

    d = detector.description
    found = {name: len(detector.detect(make_view(image, 0.0)))
             for name, image in blank_images(d.width, d.height).items()}
    return ', '.join(f'{count} in the {name} one' for name, count in found.items() if count)


def _title(family: str) -> str:
    from turret_vision.models.families import FAMILIES

    return FAMILIES[family].title


def _say(line: str) -> None:
    sys.stdout.write(f'{line}\n')
