"""Message types of the ROS installation as :mod:`turret_web.schema` describes them."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from rosidl_parser import definition as idl

from turret_web.schema import Array, Field, FieldType, Primitive, Sequence, Struct, Text

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
        UnknownTypeError: there is none; the text says what is missing.
    """
    package, *middle, base = name.split('/')
    folder = middle[0] if middle else kind
    if len(middle) > 1 or folder not in (kind, 'action') or not (package.isidentifier() and base.isidentifier()):
        raise UnknownTypeError(f'"{name}" is not the name of a {kind} type (package/{kind}/Name)')
    try:
        module = importlib.import_module(f'{package}.{folder}')
        if folder != kind:  # a message or service inside an action
            module = importlib.import_module(getattr(module, base.rpartition('_')[0]).__module__)
        cls = getattr(module, base)
        cls.__class__.__import_type_support__()
    except (ImportError, AttributeError):
        raise UnknownTypeError(f'type {package}/{folder}/{base} is not installed') from None
    return cls


@functools.cache
def schema(cls: Any) -> Struct:
    """Return the shape of a message class."""
    package, kind = cls.__module__.split('.')[:2]
    instance = cls()
    fields = tuple(
        Field(name, _field_type(slot), _default(getattr(instance, name)))
        for name, slot in zip(cls.get_fields_and_field_types(), cls.SLOT_TYPES, strict=True))
    return Struct(f'{package}/{kind}/{cls.__name__}', fields, _constants(cls))


def _constants(cls: Any) -> tuple[tuple[str, FieldType, Any], ...]:
    metaclass = type(cls)
    values = getattr(metaclass, f'_{metaclass.__name__}__constants', {})
    return tuple((name, _constant_type(value), value) for name, value in values.items())


def _constant_type(value: Any) -> FieldType:
    """Return a type that holds a constant; Python does not keep the one that was declared."""
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
    return schema(getattr(importlib.import_module('.'.join(slot.namespaces)), slot.name))


def _default(value: Any) -> Any:
    """Return a field's default in JSON's types; nested messages start from their own defaults."""
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return value[0]
    if hasattr(value, 'get_fields_and_field_types'):
        return {}
    return value.tolist() if hasattr(value, 'tolist') else [_default(element) for element in value]
