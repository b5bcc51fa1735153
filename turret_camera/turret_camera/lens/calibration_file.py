# SPDX-License-Identifier: Apache-2.0
"""Lens calibrations in files of the form that ROS's ``camera_calibration`` writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml

from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera, lens_camera
from turret_common.paths import write_atomically
from turret_common.reason_codes import ReasonCode
from turret_common.user_files import parse_yaml, read_text

EntryT = TypeVar('EntryT')
_KINDS: dict[type, str] = {
    int: 'a whole number', str: 'a text', dict: 'a matrix with "data"', list: 'a list of numbers'}
_OPENCV = re.compile(r'\A%YAML:1|opencv-matrix|<opencv_storage>')  # the first line, or what it contains
_HEAD = 10_000  # characters in which an OpenCV file is recognized


def calibration_path(text: str) -> Path:
    """Return the file that a path or URL names, as camera drivers of ROS take them.

    Args:
        text: path, with or without ``~``; ``file:///path``; or ``package://package/path``.

    Raises:
        TurretError: NOT_FOUND, the package or the user is not there; INVALID_ARGUMENT, another kind of URL.
    """
    scheme, separator, rest = text.partition('://')
    if not separator:
        return _expanded(text)
    if scheme == 'file' and rest.startswith(('/', '~')):
        return _expanded(rest)
    if scheme == 'package':
        package, _, path = rest.partition('/')
        return _share(package) / path
    raise TurretError(
        ReasonCode.INVALID_ARGUMENT, f'calibration_file "{text}" is not a path, file:///path or package://package/path')


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise TurretError(ReasonCode.NOT_FOUND, f'calibration_file: no user has the home of "{text}"') from error


def _share(package: str) -> Path:
    from ament_index_python.packages import get_package_share_directory

    try:
        return Path(get_package_share_directory(package))
    except (LookupError, ValueError, OSError) as error:
        raise TurretError(ReasonCode.NOT_FOUND, f'calibration_file: there is no package "{package}"') from error


def load_calibration(path: Path) -> PinholeCamera:
    """Return the camera that a file describes.

    Raises:
        TurretError: NOT_FOUND or IO_ERROR; NOT_SUPPORTED for another lens model or format; INVALID_ARGUMENT or
            TOO_LARGE when it is not a calibration.
    """
    try:
        text = read_text(path)
        if _OPENCV.search(text[:_HEAD]):
            raise TurretError(
                ReasonCode.NOT_SUPPORTED, 'it is a file of OpenCV (FileStorage); copy its numbers to a file in the '
                'format of camera_calibration: image_width, image_height, distortion_model, camera_matrix and '
                'distortion_coefficients, the last two with a list "data"')
        document = parse_yaml(text)
        if not isinstance(document, dict):
            raise TurretError(ReasonCode.INVALID_ARGUMENT, 'it is not a calibration')
        return lens_camera(
            _size(document, 'image_width'), _size(document, 'image_height'), _numbers(document, 'camera_matrix'),
            _entry(document, 'distortion_model', str), _numbers(document, 'distortion_coefficients'))
    except TurretError as error:
        raise TurretError(error.code, f'the calibration {path} cannot be used: {error.message}') from error


def _entry(document: dict[Any, Any], name: str, kind: type[EntryT]) -> EntryT:
    if name not in document:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'it lacks {name}')
    value = document[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{name} is not {_KINDS[kind]}')
    return value


def _size(document: dict[Any, Any], name: str) -> int:
    return _entry(document, name, int)


def _numbers(document: dict[Any, Any], name: str) -> list[float]:
    values = _entry(_entry(document, name, dict), 'data', list)
    try:
        if any(isinstance(value, bool) for value in values):
            raise TypeError
        return [float(value) for value in values]  # 1e-05, as C++ writes it, is a text in YAML
    except (TypeError, ValueError, OverflowError) as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'the data of {name} is not a list of numbers') from error


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
