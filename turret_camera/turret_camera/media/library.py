# SPDX-License-Identifier: Apache-2.0
"""The folder of stills and videos."""

from __future__ import annotations

import dataclasses
import datetime
import logging
import math
import re
from enum import IntEnum
from pathlib import Path

import cv2

from turret_camera.frame import Pixels, encode_jpeg
from turret_camera.media.container import open_container
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9 ._-]{0,119}')
_LABEL = re.compile(r'[A-Za-z0-9 _-]{0,40}')

#: Folder of the thumbnails, inside that of the media.
THUMBNAILS = '.thumbnails'
_THUMBNAIL_PX = 160  # longest side
_THUMBNAIL_QUALITY = 80

_log = logging.getLogger(__name__)


class MediaKind(IntEnum):
    """What a file is; the numbers of ``MediaItem.KIND_*``."""

    UNKNOWN = 0
    STILL = 1
    VIDEO = 2


_KINDS = {'.jpg': MediaKind.STILL, '.mp4': MediaKind.VIDEO}


@dataclasses.dataclass(frozen=True)
class MediaFile:
    """One file.

    Attributes:
        name: without folder.
        kind: what it is.
        size: in bytes.
        modified_s: seconds since 1970.
        duration_s: of a video in s; NaN = unknown or a still.
    """

    name: str
    kind: MediaKind
    size: int
    modified_s: float
    duration_s: float


class MediaLibrary:
    """Stills and videos in one folder. Names from outside never lead out of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._durations: dict[tuple[str, int], float] = {}

    def reserve(self, label: str, suffix: str, now: datetime.datetime) -> Path:
        """Create a new, empty file under an unused name and return its path.

        Args:
            label: part of the name; may be empty.
            suffix: ``.jpg`` or ``.mp4``.
            now: local time, the other part of the name.

        Raises:
            TurretError: INVALID_ARGUMENT for the label, IO_ERROR.
        """
        if not _LABEL.fullmatch(label):
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT, 'a label is at most 40 letters, digits, spaces, - and _')
        stem = now.strftime('%Y%m%d_%H%M%S') + (f'_{label}' if label else '')
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for i in range(1, 10000):
                path = self.folder / (f'{stem}_{i}{suffix}' if i > 1 else f'{stem}{suffix}')
                try:
                    path.open('xb').close()
                except FileExistsError:
                    continue
                return path
        except OSError as error:
            raise TurretError(ReasonCode.IO_ERROR, f'{self.folder}: {error.strerror}') from error
        raise TurretError(ReasonCode.ALREADY_EXISTS, f'too many files begin with {stem}')

    def list(self) -> list[MediaFile]:
        """Return all files, newest first."""
        found = []
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            kind = _KINDS.get(path.suffix)
            if kind is None or path.is_symlink() or not _NAME.fullmatch(path.name):
                continue
            status = path.stat()
            duration_s = self._duration(path, status.st_mtime_ns) if kind is MediaKind.VIDEO else math.nan
            found.append(MediaFile(path.name, kind, status.st_size, status.st_mtime, duration_s))
        return sorted(found, key=lambda item: item.modified_s, reverse=True)

    def path(self, name: str) -> Path:
        """Return the path of a file of the library.

        Raises:
            TurretError: INVALID_ARGUMENT when it cannot be the name of one, NOT_FOUND.
        """
        path = self._path(name)
        if path.is_symlink() or not path.is_file():
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no "{name}"')
        return path

    def rename(self, name: str, new_name: str) -> None:
        """Give a file another name; the extension stays and nothing is overwritten.

        Raises:
            TurretError: as :meth:`path`, or ALREADY_EXISTS.
        """
        old, new = self.path(name), self._path(new_name)
        if new.suffix != old.suffix:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'the new name must end in {old.suffix}')
        try:
            new.open('xb').close()  # so that no other process can take the name in between
        except FileExistsError:
            raise TurretError(ReasonCode.ALREADY_EXISTS, f'there is a "{new_name}" already') from None
        old.replace(new)
        if self.thumbnail(name).exists():
            self.thumbnail(name).replace(self.thumbnail(new_name))

    def delete(self, name: str) -> None:
        """Delete a file. Raises TurretError as :meth:`path`."""
        self.path(name).unlink()
        self.thumbnail(name).unlink(missing_ok=True)

    def thumbnail(self, name: str) -> Path:
        """Return the path of the thumbnail of a file, which may not exist."""
        return self.folder / THUMBNAILS / f'{name}.jpg'

    def keep_thumbnail(self, name: str, pixels: Pixels) -> None:
        """Write the thumbnail of a file. Raises OSError."""
        scale = _THUMBNAIL_PX / max(pixels.shape[:2])
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1.0 else pixels
        path = self.thumbnail(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_suffix('.part')
        part.write_bytes(encode_jpeg(small, _THUMBNAIL_QUALITY))
        part.replace(path)

    def add_missing_thumbnails(self) -> None:
        """Make the thumbnails of files that have none; takes long where there are many."""
        for item in self.list():
            if self.thumbnail(item.name).exists():
                continue
            try:
                pixels = _first_image(self.path(item.name), item.kind)
                if pixels is not None:
                    self.keep_thumbnail(item.name, pixels)
            except (OSError, TurretError, ValueError, cv2.error) as error:  # gone meanwhile, or damaged
                _log.info('no thumbnail of %s: %s', item.name, error)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name) or Path(name).suffix not in _KINDS:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{name[:120]}" cannot be the name of a still or a video')
        return self.folder / name

    def _duration(self, path: Path, modified_ns: int) -> float:
        key = path.name, modified_ns
        if key not in self._durations:
            import av  # heavy; only those who play, record or list videos pay for it

            try:
                with open_container(str(path)) as container:
                    duration_us = container.duration
            except (av.error.FFmpegError, OSError) as error:
                _log.info('%s: %s', path, error)
                duration_us = None
            self._durations[key] = math.nan if duration_us is None else duration_us * 1e-6
        return self._durations[key]


def _first_image(path: Path, kind: MediaKind) -> Pixels | None:
    """Return a file's image, of a video the first one; None where there is none."""
    if kind is MediaKind.STILL:
        return cv2.imread(str(path))
    with open_container(str(path)) as container:
        frame = next(container.decode(video=0), None) if container.streams.video else None
        return None if frame is None else frame.to_ndarray(format='bgr24')
