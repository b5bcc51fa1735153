# SPDX-License-Identifier: Apache-2.0
"""Lens calibrations in files of the form that ROS's ``camera_calibration`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera, lens_camera
from turret_common.paths import write_atomically
from turret_common.reason_codes import ReasonCode


def calibration_path(text: str) -> Path:
    """Return the file that a path or URL names, as camera drivers of ROS take them.

    Args:
        text: path, with or without ``~``; ``file:///path``; or ``package://package/path``.

    Raises:
        TurretError: NOT_FOUND, the package is not installed; INVALID_ARGUMENT, another kind of URL.
    """
    scheme, separator, rest = text.partition('://')
    if not separator:
        return Path(text).expanduser()
    if scheme == 'file' and rest.startswith(('/', '~')):
        return Path(rest).expanduser()
    if scheme == 'package':
        package, _, path = rest.partition('/')
        return _share(package) / path
    raise TurretError(
        ReasonCode.INVALID_ARGUMENT, f'calibration_file "{text}" is not a path, file:///path or package://package/path')


def _share(package: str) -> Path:
    from ament_index_python.packages import get_package_share_directory

    try:
        return Path(get_package_share_directory(package))
    except (LookupError, ValueError, OSError) as error:
        raise TurretError(ReasonCode.NOT_FOUND, f'calibration_file: there is no package "{package}"') from error


def load_calibration(path: Path) -> PinholeCamera:
    """Return the camera that a file describes.

    Raises:
        TurretError: NOT_FOUND; NOT_SUPPORTED for another lens model or format; INVALID_ARGUMENT when it is not a
            calibration.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise TurretError(ReasonCode.NOT_FOUND, f'calibration {path}: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{path} is not a calibration: not a text file') from error
    if text.startswith('%YAML:1.0'):
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, f'{path} is a file of OpenCV (FileStorage); copy its numbers to a file in the '
            'format of camera_calibration: image_width, image_height, distortion_model, camera_matrix and '
            'distortion_coefficients, the last two with a list "data"')
    try:
        document = yaml.safe_load(text)
        return lens_camera(
            int(document['image_width']), int(document['image_height']),
            [float(v) for v in document['camera_matrix']['data']], document['distortion_model'],
            [float(v) for v in document['distortion_coefficients']['data']])
    except TurretError as error:
        raise TurretError(error.code, f'{path} cannot be used: {error.message}') from error
    except KeyError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{path} is not a calibration: it lacks {error}') from error
    except (ValueError, TypeError, yaml.YAMLError) as error:
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, f'{path} is not a calibration: {str(error).splitlines()[0]}') from error


def save_calibration(path: Path, camera: PinholeCamera) -> None:
    """Write what :func:`load_calibration` reads.

    Raises:
        TurretError: IO_ERROR.
    """
    def matrix(rows: int, values: list[float]) -> dict[str, Any]:
        return {'rows': rows, 'cols': len(values) // rows, 'data': values}

    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx, camera.cy
    document = {
        'image_width': camera.width, 'image_height': camera.height, 'camera_name': 'turret',
        'camera_matrix': matrix(3, [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]), 'distortion_model': camera.model,
        'distortion_coefficients': matrix(1, list(camera.distortion)),
        'rectification_matrix': matrix(3, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]),
        'projection_matrix': matrix(3, [fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0])}
    try:
        write_atomically(path, yaml.safe_dump(document, sort_keys=False).encode())
    except OSError as error:
        raise TurretError(ReasonCode.IO_ERROR, f'the calibration cannot be saved: {error}') from error
