# SPDX-License-Identifier: Apache-2.0
"""The options of a replay, the same for ``./turret replay`` and for ``replay.launch.py``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from turret_bringup.replay.graph import INTO
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: Launch arguments whose names differ from those of the fields.
_LAUNCH_NAMES = {'assignments': 'set'}


@dataclass(frozen=True)
class ReplayOptions:
    """What is replayed, and how; fields as the options of ``./turret replay``.

    Attributes:
        into: what runs again, keys of :data:`turret_bringup.replay.graph.INTO`.
        assignments: single parameters, ``node.name=value``.
        domain: ROS domain; None = one that is free.
        port: of the panel; None = the first free one.
    """

    bag: Path
    rate: float = 1.0
    loop: bool = False
    hold: bool = False
    paused: bool = False
    start: float = 0.0
    end: float = 0.0
    skip_gaps: float = 0.0
    topics: tuple[str, ...] = ()
    remap: tuple[str, ...] = ()
    clock: float = 200.0
    into: tuple[str, ...] = ()
    assignments: tuple[str, ...] = ()
    domain: int | None = None
    port: int | None = None
    panel: bool = True
    log_level: str = 'info'

    def __post_init__(self) -> None:
        """Raises TurretError: UNKNOWN_NAME, there is nothing of this name that can run again."""
        for name in self.into:
            if name not in INTO:
                raise TurretError(
                    ReasonCode.UNKNOWN_NAME, f'"{name[:40]}" cannot run again; choose from {", ".join(INTO)}')

    @classmethod
    def from_launch(cls, values: Mapping[str, str]) -> ReplayOptions:
        """Return the options that launch arguments describe. Raises TurretError: INVALID_ARGUMENT, UNKNOWN_NAME."""
        options: dict[str, Any] = {}
        for field in fields(cls):
            text = values[_LAUNCH_NAMES.get(field.name, field.name)]
            try:
                options[field.name] = _value(str(field.type), text)
            except ValueError as error:
                raise TurretError(
                    ReasonCode.INVALID_ARGUMENT, f'{field.name}:={text} is not valid: {error}') from error
        return cls(**options)

    def launch_arguments(self, domain: int) -> list[str]:
        """Return the launch arguments that describe the same in a ROS domain."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        texts = {
            _LAUNCH_NAMES.get(name, name): _text(value)
            for name, value in {**given, 'bag': self.bag.resolve(), 'domain': domain}.items()}
        return [f'{name}:={text}' for name, text in texts.items() if text]

    @property
    def nodes(self) -> list[str]:
        """The nodes that run again."""
        return sorted({INTO[name] for name in self.into})

    def player(self, domain: int) -> dict[str, Any]:
        """Return the parameters of the node ``replay``."""
        return {
            'bag': str(self.bag.resolve()), 'domain': domain, 'rate': self.rate, 'loop': self.loop, 'hold': self.hold,
            'paused': self.paused, 'start_s': self.start, 'end_s': self.end, 'skip_gaps_s': self.skip_gaps,
            'topics': list(self.topics), 'remap': list(self.remap), 'clock_hz': self.clock, 'into': self.nodes}


def _value(kind: str, text: str) -> Any:
    if kind == 'Path':
        return Path(text)
    if kind == 'bool':
        return text == 'true'
    if kind == 'float':
        return float(text)
    if kind == 'int | None':
        return int(text) if text else None
    return tuple(shlex.split(text)) if kind.startswith('tuple') else text


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return shlex.join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return '' if value is None else str(value)
