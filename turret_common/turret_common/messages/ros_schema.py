# SPDX-License-Identifier: Apache-2.0
"""Schemas and classes of the installed message, service and action types."""

from __future__ import annotations

import array
import functools
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rosidl_parser import definition as idl

from turret_common.messages.schema import PRIMITIVES, Array, Field, FieldType, Primitive, Sequence, Struct, Text
from turret_common.ros.internals import constants

_NAME = re.compile(r'([a-z][a-z0-9_]*)/(?:(msg|srv|action)/)?([A-Z][A-Za-z0-9_]*)')

_PRIMITIVES = {'boolean': 'bool', 'float': 'float32', 'double': 'float64', 'char': 'char', 'octet': 'octet'}


class UnknownTypeError(LookupError):
    """No such message, service or action type is installed."""


@functools.cache
def interface(name: str, kind: str) -> Any:
    """Return the class of a message, service or action type.

    Args:
        name: ``package/Name`` or ``package/msg/Name`` (``srv``, ``action``); the parts of an action are messages and
            services like ``package/action/Name_FeedbackMessage``.
        kind: ``msg``, ``srv`` or ``action``.

    Raises:
        UnknownTypeError: there is no such type; the message names what is missing.
    """
    match = _NAME.fullmatch(name)
    if match is None or match[2] not in (None, kind, 'action'):
        raise UnknownTypeError(f'"{name}" is not the name of a {kind} type (package/{kind}/Name)')
    package, folder, base = match[1], match[2] or kind, match[3]
    if not _has_interfaces(package, folder):
        raise UnknownTypeError(f'package {package} with {folder} types is not installed')
    try:
        cls = _find(package, folder, base)
        cls.__class__.__import_type_support__()
    except (ImportError, AttributeError):
        raise UnknownTypeError(f'type {package}/{folder}/{base} is not installed') from None
    return cls


def _has_interfaces(package: str, folder: str) -> bool:
    """Return whether a package has interfaces, without importing it: package names come from clients."""
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    return any((Path(place) / folder / '__init__.py').is_file() for place in places or ())


def _find(package: str, folder: str, base: str) -> Any:
    module = importlib.import_module(f'{package}.{folder}')
    if folder == 'action' and not hasattr(module, base):  # a part of an action, beside it in its module
        module = importlib.import_module(getattr(module, base.split('_')[0]).__module__)
    return getattr(module, base)


@functools.cache
def schema(cls: Any) -> Struct:
    """Return the schema of a message class."""
    package, kind = cls.__module__.split('.')[:2]
    instance = cls()
    fields = tuple(
        Field(name, _field_type(slot), _default(getattr(instance, name)))
        for name, slot in zip(cls.get_fields_and_field_types(), cls.SLOT_TYPES, strict=True))
    return Struct(f'{package}/{kind}/{cls.__name__}', fields, _constants(cls))


@functools.cache
def builder(cls: Any) -> Callable[[dict[str, Any]], Any]:
    """Return a function that makes a message of a class from values as ``Codec(schema(cls)).to_cbor`` gives them."""
    converters = {
        name: convert for name, slot in zip(cls.get_fields_and_field_types(), cls.SLOT_TYPES, strict=True)
        if (convert := _converter(slot)) is not None}

    def build(values: dict[str, Any]) -> Any:
        message = cls()
        for name, value in values.items():
            convert = converters.get(name)
            setattr(message, name, value if convert is None else convert(value))
        return message
    return build


def _converter(slot: Any) -> Callable[[Any], Any] | None:
    """Return the function from the codec's value of a field to the message's; None where they are equal."""
    if isinstance(slot, idl.BasicType):
        return (lambda value: bytes((value,))) if slot.typename == 'octet' else None
    if isinstance(slot, idl.NamespacedType):
        return builder(_find(slot.namespaces[0], slot.namespaces[1], slot.name))
    if not isinstance(slot, idl.AbstractNestedType):
        return None
    element = slot.value_type
    if isinstance(element, idl.BasicType) and element.typename not in ('boolean', 'octet'):
        letter = PRIMITIVES[_PRIMITIVES.get(element.typename, element.typename)][1]
        return lambda value: array.array(letter, getattr(value, 'value', value))  # a typed array of CBOR has a value
    convert = _converter(element)
    if convert is None:
        return None
    return lambda value: [convert(part) for part in getattr(value, 'value', value)]


def _constants(cls: Any) -> tuple[tuple[str, FieldType, Any], ...]:
    return tuple((name, _constant_type(value), value) for name, value in constants(cls).items())


def _constant_type(value: Any) -> FieldType:
    """Return a type that can hold a constant; Python does not keep the declared type."""
    if isinstance(value, str):
        return Text()
    return Primitive('bool' if isinstance(value, bool) else 'float64' if isinstance(value, float) else 'int64')


def _field_type(slot: Any) -> FieldType:
    if isinstance(slot, idl.BasicType):
        return Primitive(_PRIMITIVES.get(slot.typename, slot.typename))
    if isinstance(slot, idl.AbstractGenericString):
        limit = getattr(slot, 'maximum_size', None)
        return Text(limit, wide=isinstance(slot, idl.AbstractWString))
    if isinstance(slot, idl.Array):
        return Array(_field_type(slot.value_type), slot.size)
    if isinstance(slot, idl.BoundedSequence):
        return Sequence(_field_type(slot.value_type), slot.maximum_size)
    if isinstance(slot, idl.UnboundedSequence):
        return Sequence(_field_type(slot.value_type))
    return schema(_find(slot.namespaces[0], slot.namespaces[1], slot.name))


def _default(value: Any) -> Any:
    """Return the default of a field in JSON types; nested messages have their own defaults."""
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return value[0]
    if hasattr(value, 'get_fields_and_field_types'):
        return {}
    return value.tolist() if hasattr(value, 'tolist') else [_default(element) for element in value]
