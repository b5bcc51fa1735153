# SPDX-License-Identifier: Apache-2.0
"""Parameter dataclasses: default, unit, range and description of each parameter, and whether it is live.

A node's parameters are one frozen dataclass whose fields are made with :func:`param`. Fields may themselves be such
dataclasses; their names are then joined with a dot, as ROS does (``pan.kp``). The ROS declaration, the
checks and the tables of the documentation are derived from it.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_KEY = 'turret_param'

Value = bool | int | float | str | tuple[bool, ...] | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]
ParametersT = TypeVar('ParametersT')


class ParameterError(TurretError, ValueError):
    """A parameter has an unknown name, a wrong type or a value out of range."""


@dataclasses.dataclass(frozen=True)
class ParamInfo:
    """Description and constraints of a parameter."""

    description: str
    unit: str = ''
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    live: bool = False
    saved: bool = True
    unavailable: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ParamSpec:
    """One parameter of a node: dotted name, type, default and :class:`ParamInfo`."""

    name: str
    type: Any
    default: Value
    info: ParamInfo


def param(
    default: Value,
    description: str,
    *,
    unit: str = '',
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    elements: tuple[str, ...] = (),
    live: bool = False,
    saved: bool = True,
    unavailable: Mapping[str, str] | None = None,
) -> Any:
    """Declare one parameter as a dataclass field.

    Args:
        default: value of the type that the field is annotated with.
        description: noun phrase that stands alone.
        unit: SI unit, empty where there is none.
        minimum: minimum of the value or of each element, None for no limit.
        maximum: maximum likewise.
        choices: allowed strings, empty for any.
        elements: meaning of each element of a sequence of fixed length; empty for any length.
        live: True when it may change while the node runs; otherwise it is read-only after start.
        saved: False for safety values, which never come from a saved file.
        unavailable: choices that could not be loaded, with the reason; shown when another string is refused.
    """
    info = ParamInfo(description, unit, minimum, maximum, choices, elements, live, saved and live, unavailable or {})
    return dataclasses.field(default=default, metadata={_KEY: info})


def frame_prefix_param() -> Any:
    """Declare the parameter ``frame_prefix``, which each node that publishes frame ids has."""
    return param('', 'Prefix of every frame id, including its slash')


def group(cls: type[ParametersT], **overrides: Any) -> Any:
    """Declare a field that is itself a parameter dataclass, with the defaults ``overrides`` for some of its fields."""
    return dataclasses.field(default_factory=lambda: cls(**overrides))


def specs(cls_or_instance: Any) -> dict[str, ParamSpec]:
    """Return every parameter of a dataclass by dotted name, in order of declaration."""
    instance = cls_or_instance() if isinstance(cls_or_instance, type) else cls_or_instance
    return {spec.name: spec for spec in _walk(instance, '')}


def _walk(instance: Any, prefix: str) -> Iterator[ParamSpec]:
    hints = typing.get_type_hints(type(instance))
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if dataclasses.is_dataclass(value):
            yield from _walk(value, f'{prefix}{field.name}.')
        else:
            yield ParamSpec(prefix + field.name, hints[field.name], value, field.metadata[_KEY])


def flatten(instance: Any) -> dict[str, Value]:
    """Return the values of a parameter dataclass by dotted name."""
    return {name: spec.default for name, spec in specs(instance).items()}


def plain(value: Value) -> bool | int | float | str | list[Any]:
    """Return a value as ROS and YAML hold it.

    Neither has a type for an empty list, so no strings are ``['']``.
    """
    return (list(value) or ['']) if isinstance(value, tuple) else value


def check(spec: ParamSpec, value: object) -> Value:
    """Return ``value`` as the parameter's type.

    An integer is accepted where a float is meant, a list where a tuple is meant; ``['']`` means no strings. Nothing
    else is converted.

    Raises:
        ParameterError: wrong type or number of elements (INVALID_ARGUMENT), NaN or infinity (NOT_FINITE), out of range
            (OUT_OF_RANGE), or a string that is not one of the choices (UNKNOWN_NAME).
    """
    if typing.get_origin(spec.type) is tuple:
        element = typing.get_args(spec.type)[0]
        if not isinstance(value, (list, tuple)):
            raise _type_error(spec, value)
        if spec.info.elements and len(value) != len(spec.info.elements):
            raise ParameterError(
                ReasonCode.INVALID_ARGUMENT,
                f'{spec.name}: expected {", ".join(spec.info.elements)}, got {len(value)} values')
        return tuple(_check_scalar(spec, element, v) for v in value if v != '')
    return cast('Value', _check_scalar(spec, spec.type, value))


def _check_scalar(spec: ParamSpec, kind: type, value: object) -> Any:
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise _type_error(spec, value)
    info = spec.info
    if isinstance(value, str) and info.choices and value not in info.choices:
        unavailable = ''.join(f'; {choice}: {reason}' for choice, reason in info.unavailable.items())
        raise ParameterError(
            ReasonCode.UNKNOWN_NAME, f'{spec.name}: "{value}" is not one of {", ".join(info.choices)}{unavailable}')
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ParameterError(ReasonCode.NOT_FINITE, f'{spec.name}: {value} is not a finite number')
        if (info.minimum is not None and value < info.minimum) or (
                info.maximum is not None and value > info.maximum):
            raise ParameterError(ReasonCode.OUT_OF_RANGE, f'{spec.name}: {value} is outside {range_text(info)}')
    return value


def _type_error(spec: ParamSpec, value: object) -> ParameterError:
    return ParameterError(
        ReasonCode.INVALID_ARGUMENT,
        f'{spec.name}: expected {type_text(spec)}, got {type(value).__name__} {value!r}')


def type_text(spec: ParamSpec) -> str:
    """Return the name of the type in ROS: ``bool``, ``int``, ``double``, ``string`` or one of these with ``[]``."""
    is_sequence = typing.get_origin(spec.type) is tuple
    kind = typing.get_args(spec.type)[0] if is_sequence else spec.type
    name = {bool: 'bool', int: 'int', float: 'double', str: 'string'}[kind]
    return name + '[]' if is_sequence else name


def range_text(info: ParamInfo) -> str:
    """Return the allowed values as text, empty for any."""
    unit = f' {info.unit}' if info.unit else ''
    if info.choices:
        return ', '.join(info.choices)
    if info.minimum is not None and info.maximum is not None:
        return f'{info.minimum:g} to {info.maximum:g}{unit}'
    if info.minimum is not None:
        return f'at least {info.minimum:g}{unit}'
    if info.maximum is not None:
        return f'at most {info.maximum:g}{unit}'
    return ''


def replace(instance: ParametersT, changes: Mapping[str, object]) -> ParametersT:
    """Return a copy with some parameters changed, all or none.

    Args:
        instance: a parameter dataclass.
        changes: new values by dotted name.

    Raises:
        ParameterError: a name is unknown, a value is not allowed (see :func:`check`), or the values are inconsistent
            (``__post_init__`` of the dataclass raised a ValueError).
    """
    known = specs(instance)
    for name in changes:
        if name not in known:
            raise ParameterError(ReasonCode.UNKNOWN_NAME, f'unknown parameter "{name}"')
    checked = {name: check(known[name], value) for name, value in changes.items()}
    try:
        return cast('ParametersT', _rebuild(instance, checked, ''))
    except TurretError:
        raise
    except ValueError as error:
        raise ParameterError(ReasonCode.INVALID_ARGUMENT, str(error)) from error


def _rebuild(instance: Any, changes: Mapping[str, Value], prefix: str) -> Any:
    fields = {}
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        name = prefix + field.name
        if dataclasses.is_dataclass(value):
            fields[field.name] = _rebuild(value, changes, name + '.')
        elif name in changes:
            fields[field.name] = changes[name]
    return dataclasses.replace(instance, **fields)


def build(cls: type[ParametersT], values: Mapping[str, object]) -> ParametersT:
    """Return a parameter dataclass with the given values and defaults for the rest. Raises as :func:`replace`."""
    return replace(cls(), values)
