"""What every source of pictures offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from turret_camera.camera_parameters import CameraParameters
from turret_camera.frame import Frame, StampSource
from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera


class EndOfFootageError(TurretError, EOFError):
    """Footage that does not loop has ended."""


class ImageSource(ABC):
    """Delivers frames to the one thread that opens, reads and closes it.

    Any other failure than :class:`EndOfFootageError` is a :class:`TurretError` after which the source is closed and
    opened again.
    """

    #: True: light from the real world, live.
    hardware: ClassVar[bool]
    stamp_source: ClassVar[StampSource]

    def __init__(self, parameters: CameraParameters) -> None:
        self.parameters = parameters

    @property
    @abstractmethod
    def detail(self) -> str:
        """Device, file or address, for a person; empty where there is none."""

    @abstractmethod
    def open(self) -> None:
        """Start. Raises TurretError when that is not possible now."""

    @abstractmethod
    def read(self) -> Frame:
        """Return the next frame, waiting for it.

        Raises:
            EndOfFootageError: there is none.
            TurretError: the source is lost.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop and let go of everything; harmless when not open."""

    def configure(self, parameters: CameraParameters) -> None:
        """Take new live parameters; called by the reading thread between two frames."""
        self.parameters = parameters

    def camera(self) -> PinholeCamera:
        """Return the camera that the parameters describe."""
        p = self.parameters
        return PinholeCamera.from_field_of_view(p.width, p.height, p.horizontal_fov)
