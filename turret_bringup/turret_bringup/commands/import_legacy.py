# SPDX-License-Identifier: Apache-2.0
"""Convert settings of the legacy web-server turret into a parameter file.

  ./turret import laserturret.conf --output my.yaml
  ./turret up --params my.yaml

The files camera_calibration.json and crosshair_calibration.json in the same folder are read too. Settings that cannot
be converted are listed; see docs/migration.md.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from turret_bringup.commands.options import add_namespace
from turret_common.errors import TurretError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument('file', type=Path, metavar='FILE', help='laserturret.conf')
    parser.add_argument('--output', type=Path, metavar='FILE', help='parameter file to write (default: print it)')
    parser.add_argument(
        '--boresight', action='store_true', help='also save the boresight, for the next start of this turret')
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Read the files, check the resulting parameters, and write them."""
    import yaml

    from turret_bringup.settings import configuration, legacy
    from turret_bringup.settings.graph import GRAPH
    from turret_common.user_files import read_text

    imported = legacy.Imported()
    readers = {
        args.file: legacy.import_config,
        args.file.with_name('camera_calibration.json'): legacy.import_camera_calibration,
        args.file.with_name('crosshair_calibration.json'): legacy.import_crosshair}
    for path, read in readers.items():
        if path != args.file and not path.is_file():
            imported.notes.append(f'{path} not found')
            continue
        try:
            read(read_text(path), imported)
        except TurretError as error:
            raise TurretError(error.code, f'{path}: {error.message}') from error
    document = {f'/**/{node}': {'ros__parameters': values} for node, values in imported.values.items()}
    text = f'# Imported from {args.file.name}.\n{yaml.safe_dump(document, sort_keys=False)}'
    layer = configuration.parse_layer(text, str(args.file), args.namespace)
    configuration.check([layer], args.namespace, GRAPH)
    if args.output:
        args.output.write_text(text)
    else:
        sys.stdout.write(text)
    _keep_boresight(args, imported.boresight)
    for note in imported.notes:
        sys.stderr.write(f'{note}\n')
    return 0


def _keep_boresight(args: argparse.Namespace, angles: tuple[float, float] | None) -> None:
    from turret_control.boresight.boresight import Boresight
    from turret_control.boresight.store import boresight_file

    if angles is None:
        return
    azimuth, elevation = angles
    if args.boresight:
        boresight_file(args.namespace).save(Boresight(azimuth, elevation, calibrated=True))
    sys.stderr.write(
        f'the laser points {math.degrees(azimuth):.3f} degrees left and {math.degrees(elevation):.3f} degrees up of '
        f'the camera{"; saved" if args.boresight else ": set it in the panel (Set-up), or import with --boresight"}\n')
