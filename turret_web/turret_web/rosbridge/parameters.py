# SPDX-License-Identifier: Apache-2.0
"""Writing parameters of nodes for clients: only parameters that the turret declared, converted to the declared type.

A parameter that the turret declared has a description. The ones that rclpy declares by itself (``use_sim_time`` and
others) have none; with them a client could stop the clock of a node.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: Fields of rcl_interfaces/msg/ParameterValue by the number of the type (ParameterType).
VALUE_FIELDS = (
    None, 'bool_value', 'integer_value', 'double_value', 'string_value', 'byte_array_value', 'bool_array_value',
    'integer_array_value', 'double_array_value', 'string_array_value')

_TYPE_NAMES = (
    'nothing', 'a boolean', 'an integer', 'a double', 'a string', 'bytes', 'a list of booleans', 'a list of integers',
    'a list of doubles', 'a list of strings')
#: Integers up to this size are within the range of a double.
_DOUBLE_BITS = 1023
#: Types whose values JSON does not distinguish: numbers, and arrays of numbers.
_NUMBERS = ({2, 3}, {7, 8})
_ARRAYS = range(5, 10)
_PYTHON_TYPES = {1: bool, 2: int, 3: float, 4: str, 6: bool, 7: int, 8: float, 9: str}

#: Calls the service of a node with a request and returns the response.
CallNode = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


async def declared_types(call: CallNode, node: str, names: list[str]) -> dict[str, int]:
    """Return the types (ParameterType) of parameters that the turret declared.

    Args:
        call: calls services of the node.
        node: name of the node.
        names: names of the parameters.

    Raises:
        TurretError: UNKNOWN_NAME, the node has no such parameter; NOT_ALLOWED, the turret did not declare it.
    """
    answer = await call('describe_parameters', {'names': names})
    types = {descriptor['name']: descriptor for descriptor in answer['descriptors']}
    for name in names:
        descriptor = types.get(name)
        if descriptor is None or descriptor['type'] == 0:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'{node} has no parameter {name:.60}')
        if not descriptor['description']:
            raise TurretError(ReasonCode.NOT_ALLOWED, f'parameter {name} of {node} is not a parameter of the turret')
    return {name: types[name]['type'] for name in names}


def convert_numbers(changes: list[dict[str, Any]], types: dict[str, int]) -> None:
    """Convert the numbers in changes (rcl_interfaces/msg/Parameter) to the declared types, in place.

    JSON does not distinguish 2 and 2.0: a program that sets a double to a whole number writes an integer.

    Raises:
        TurretError: INVALID_ARGUMENT, a change has an unknown type, or a number that the declared type cannot hold.
    """
    for change in changes:
        value, declared = change.get('value'), types[change['name']]
        if not isinstance(value, dict):
            continue
        given = value.get('type', 0)
        if not isinstance(given, (int, float)) or given not in range(len(VALUE_FIELDS)):
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT, f'{change["name"]}: {given!s:.60} is not a type of parameters')
        field = VALUE_FIELDS[int(given)]
        if given != declared and field in value and any({given, declared} == pair for pair in _NUMBERS):
            change['value'] = parameter_value(value[field], declared)


def parameter_value(value: Any, declared: int) -> dict[str, Any]:
    """Return a JSON value as a ``rcl_interfaces/msg/ParameterValue`` of the declared type.

    Raises:
        TurretError: INVALID_ARGUMENT, the value does not fit the type.
    """
    kind, field = _PYTHON_TYPES.get(declared), VALUE_FIELDS[declared]
    elements = value if declared in _ARRAYS and isinstance(value, list) else [value]
    if kind is None or (declared in _ARRAYS) != isinstance(value, list) or not all(
            _fits(element, kind) for element in elements):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'value: the parameter takes {_TYPE_NAMES[declared]}')
    return {'type': declared, str(field): [kind(x) for x in elements] if declared in _ARRAYS else kind(value)}


def _fits(value: Any, kind: type) -> bool:
    if kind is float:
        return type(value) is float or (type(value) is int and value.bit_length() <= _DOUBLE_BITS)
    if kind is int:
        return type(value) is int or (type(value) is float and value.is_integer())
    return type(value) is kind
