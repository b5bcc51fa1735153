# SPDX-License-Identifier: Apache-2.0
"""The base class of every camera source."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from turret_camera.capture_parameters import CaptureParameters
from turret_camera.frame import Frame, StampSource
from turret_camera.orientation import Orientation
from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.threads.clock import Clock


class EndOfFootageError(TurretError, EOFError):
    """Footage that does not loop has ended."""


@dataclasses.dataclass(frozen=True)
class SourceContext:
    """What a camera source may need to start.

    Attributes:
        parameters: of the camera.
        clock: clock that frames are stamped with.
        lens: calibration of the camera; None = ideal lens.
        plant: socket of the simulated hardware.
        node: the camera's ROS node; None outside of a node.
    """

    parameters: CaptureParameters
    clock: Clock
    lens: PinholeCamera | None = None
    plant: Path = Path()
    node: Any = None


class ImageSource(ABC):
    """Delivers frames to the one thread that opens, reads and closes it.

    A source is a part of the registry: a class with a name in one file.

    Any other failure than :class:`EndOfFootageError` is a :class:`TurretError` after which the source is closed and
    opened again.
    """

    #: Value of the parameter ``source`` that chooses it.
    name: ClassVar[str]
    #: Parameter dataclass of each parameter group that it reads, by group name.
    groups: ClassVar[Mapping[str, type]] = {}
    #: True: light from the real world, live.
    hardware: ClassVar[bool]
    #: How frames are stamped; some sources know only after the first one.
    stamp_source: StampSource = StampSource.UNKNOWN

    def __init__(self, parameters: CaptureParameters, lens: PinholeCamera | None = None) -> None:
        """Prepare it; nothing is opened before :meth:`open`.

        Args:
            parameters: of the camera.
            lens: its calibration, of the published images; None = an ideal lens with the field of view that the
                parameters say.
        """
        self.parameters = parameters
        self._lens: PinholeCamera | None = None  # of the images as they are read, before they are turned
        if lens is not None:
            self.use_lens(lens)

    @classmethod
    def create(cls, context: SourceContext) -> ImageSource:
        """Return the source, not yet open."""
        return cls(context.parameters, context.lens)

    def use_lens(self, lens: PinholeCamera) -> None:
        """Take a calibration of the published images; it holds from the next frame on."""
        self._lens = self.orientation.original(lens)

    @property
    def orientation(self) -> Orientation:
        """How the frames that are read are turned before they are published."""
        return Orientation(self.parameters.rotate, self.parameters.flip)

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

    def configure(self, parameters: CaptureParameters) -> None:
        """Take new live parameters; called by the reading thread between two frames."""
        self.parameters = parameters

    def camera(self, width: int, height: int) -> PinholeCamera:
        """Return what is known about the camera, for images of a size in px as they are read."""
        if self._lens is not None:
            return self._lens.scaled(width, height)
        return PinholeCamera.from_field_of_view(width, height, self.parameters.horizontal_fov)
