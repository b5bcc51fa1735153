# SPDX-License-Identifier: Apache-2.0
"""OpenAPI 3.1 document of ``/api``, generated from the services in the ROS graph."""

from __future__ import annotations

from typing import Any

from turret_common.errors import TurretError
from turret_common.messages.schema import PRIMITIVES, Array, FieldType, Primitive, Sequence, Struct, Text, is_blob
from turret_web.access.policy import Policy
from turret_web.gateway.gateway import Gateway
from turret_web.names import InterfaceType

_REFUSAL = {
    'description': 'refused; nothing was changed',
    'content': {'application/json': {'schema': {
        'type': 'object', 'properties': {
            'success': {'const': False}, 'code': {'type': 'integer'}, 'message': {'type': 'string'}}}}}}


def describe(gateway: Gateway, policy: Policy, status: Struct) -> dict[str, Any]:
    """Return the document.

    Args:
        gateway: access to ROS.
        policy: only services that may be called are described.
        status: type of the status.
    """
    paths: dict[str, Any] = {'/api/status': {'get': {
        'summary': 'The whole turret', 'responses': {'200': _json_content(status), 'default': _REFUSAL}}}}
    prefix = f'{gateway.namespace}/'
    for name, types in sorted(gateway.services().items()):
        if name.startswith(prefix) and '/_action/' not in name and policy.is_callable(name):
            try:
                codec = gateway.service(InterfaceType(types[0], 'srv'))
            except TurretError:  # the type is not installed, so the service cannot be called
                continue
            paths[f'/api/{name.removeprefix(prefix)}'] = {'post': {
                'summary': types[0],
                'description': 'for viewers and operators' if policy.is_open_to_viewers(name) else 'for operators',
                'requestBody': _json_content(codec.request.kind),
                'responses': {'200': _json_content(codec.response.kind), 'default': _REFUSAL}}}
    return {
        'openapi': '3.1.0',
        'info': {'title': 'Turret', 'version': '1', 'description': 'Every service of the turret as a POST.'},
        'components': {'securitySchemes': {'token': {'type': 'http', 'scheme': 'bearer'}}},
        'security': [{}, {'token': []}],
        'paths': paths,
    }


def _json_content(kind: Struct) -> dict[str, Any]:
    return {'description': kind.name, 'content': {'application/json': {'schema': json_schema(kind)}}}


def json_schema(kind: FieldType) -> dict[str, Any]:
    """Return the JSON schema of values of a type, as the web gateway reads and writes them."""
    if isinstance(kind, Struct):
        return {
            'type': 'object', 'title': kind.name, 'additionalProperties': False,
            'properties': {field.name: json_schema(field.type) for field in kind.fields}}
    if isinstance(kind, Text):
        return {'type': 'string'} if kind.limit is None else {'type': 'string', 'maxLength': kind.limit}
    if is_blob(kind):
        return {'type': 'string', 'contentEncoding': 'base64'}
    if isinstance(kind, Array):
        return {
            'type': 'array', 'items': json_schema(kind.element), 'minItems': kind.size, 'maxItems': kind.size}
    if isinstance(kind, Sequence):
        items = {'type': 'array', 'items': json_schema(kind.element)}
        return items if kind.limit is None else {**items, 'maxItems': kind.limit}
    return _number(kind)


def _number(kind: Primitive) -> dict[str, Any]:
    if kind.name == 'bool':
        return {'type': 'boolean'}
    if kind.name.startswith('float'):
        return {'type': ['number', 'null'], 'description': 'null = not finite'}
    bits = 8 * PRIMITIVES[kind.name][0]
    if kind.name.startswith('int'):
        return {'type': 'integer', 'minimum': -(2 ** (bits - 1)), 'maximum': 2 ** (bits - 1) - 1}
    return {'type': 'integer', 'minimum': 0, 'maximum': 2**bits - 1}
