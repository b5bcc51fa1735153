# SPDX-License-Identifier: Apache-2.0
"""Registries of interchangeable parts: gimbal drivers, laser lines, detectors, camera sources.

A part is a class that declares its name, its parameter groups and what else its base class asks for, in one file. A
registry finds the parts in one folder of the turret and, through an entry point group, in other installed packages.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from turret_common.errors import TurretError
from turret_common.params import ParametersT, group
from turret_common.reason_codes import ReasonCode


class Part(Protocol):
    """What every part declares as attributes of its class.

    Attributes:
        name: unique name, the value of the parameter that chooses the part.
        groups: parameter dataclass of each parameter group that the part reads, by group name. Two parts may share a
            group.
    """

    name: ClassVar[str]
    groups: ClassVar[Mapping[str, type]]


PartT = TypeVar('PartT', bound=Part)


class Registry(Generic[PartT]):
    """The parts of one kind.

    Attributes:
        parts: class of each part by name, those of the turret first.
        groups: parameter dataclass of each parameter group by name.
        failed: why a part could not be loaded, by module or entry point.
    """

    def __init__(self, base: type[Any], folder: str, entry_point_group: str) -> None:
        """Load every part.

        Args:
            base: base class of the parts. Each concrete subclass that declares a name is a part.
            folder: dotted name of the package whose modules define the turret's own parts.
            entry_point_group: entry point group whose entries name classes in other packages.
        """
        self.parts: dict[str, type[PartT]] = {}
        self.groups: dict[str, type] = {}
        self.failed: dict[str, str] = {}
        self._base = base
        for module in pkgutil.iter_modules(importlib.import_module(folder).__path__):
            self._load(f'{folder}.{module.name}', partial(self._defined_in, f'{folder}.{module.name}'))
        for entry in entry_points(group=entry_point_group):
            self._load(f'{entry.name} = {entry.value}', partial(_loaded, entry))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all parts."""
        return tuple(self.parts)

    def __getitem__(self, name: str) -> type[PartT]:
        """Return the part of this name.

        Raises:
            TurretError: UNKNOWN_NAME, there is no such part; the message lists the parts that could not be loaded.
        """
        if name not in self.parts:
            failed = ''.join(f'; {source}: {reason}' for source, reason in self.failed.items())
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'"{name}" is not one of {", ".join(self.names)}{failed}')
        return self.parts[name]

    def _load(self, source: str, classes: Callable[[], list[Any]]) -> None:
        try:
            for part in classes():
                self._add(part)
        except Exception as error:  # noqa: BLE001  a part that raises on import must not affect others
            self.failed[source] = f'{type(error).__name__}: {error}'

    def _defined_in(self, module: str) -> list[Any]:
        members = vars(importlib.import_module(module)).values()
        return [
            member for member in members
            if inspect.isclass(member) and issubclass(member, self._base) and member.__module__ == module
            and not inspect.isabstract(member) and hasattr(member, 'name')]

    def _add(self, found: Any) -> None:
        if not (isinstance(found, type) and issubclass(found, self._base) and not inspect.isabstract(found)):
            raise TypeError(f'not a concrete subclass of {self._base.__name__}')
        part = cast('type[PartT]', found)
        if part.name in self.parts:
            raise ValueError(f'the name "{part.name}" is already taken by {self.parts[part.name].__module__}')
        for name, parameters in part.groups.items():
            if not dataclasses.is_dataclass(parameters):
                raise TypeError(f'parameter group "{name}" is not a dataclass')
            if self.groups.get(name, parameters) is not parameters:
                raise ValueError(f'the parameter group "{name}" is already taken by {self.groups[name].__module__}')
            cast('type', parameters)()  # every parameter must have a default
        self.parts[part.name] = part
        self.groups.update(part.groups)


def with_groups(registry: Registry[Any]) -> Callable[[type[ParametersT]], type[ParametersT]]:
    """Return a class decorator that adds a registry's parameter groups to a frozen parameter dataclass.

    Read a group with :func:`group_of`.
    """
    def extend(cls: type[ParametersT]) -> type[ParametersT]:
        fields = [(name, parameters, group(parameters)) for name, parameters in registry.groups.items()]
        return cast('type[ParametersT]', dataclasses.make_dataclass(
            cls.__name__, fields, bases=(cls,), frozen=True,
            namespace={'__doc__': cls.__doc__, '__module__': cls.__module__}))
    return extend


def _loaded(entry: EntryPoint) -> list[Any]:
    return [entry.load()]


GroupT = TypeVar('GroupT')


def group_of(parameters: Any, cls: type[GroupT]) -> GroupT:
    """Return the parameter group of type ``cls`` in a parameter dataclass.

    Raises:
        LookupError: there is no such group.
    """
    for field in dataclasses.fields(parameters):
        value = getattr(parameters, field.name)
        if type(value) is cls:
            return value
    raise LookupError(f'{type(parameters).__name__} has no group {cls.__name__}')
