# SPDX-License-Identifier: Apache-2.0
"""ROS parameters of a node from its parameter dataclass, and the service that saves them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

import yaml
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter

from turret_common import params
from turret_common.paths import state_dir, write_atomically
from turret_common.reason_codes import ReasonCode
from turret_common.ros.internals import parameter_overrides
from turret_common.ros.qos import STATE
from turret_common.ros.subscriptions import PolledSubscription
from turret_common.ros.time import age_s
from turret_msgs.msg import LaserState
from turret_msgs.srv import SaveParameters

ParametersT = TypeVar('ParametersT')

_INT_LIMIT = 2**31 - 1
_TYPES = {kind.value for kind in Parameter.Type}
_DISARMED = (LaserState.STATE_OFF, LaserState.STATE_FAULT)
#: A laser whose newest state is older than this [s] does not run.
_LASER_GONE_S = 2.0


class ArmedGuard:
    """Refuses changes of parameters while the laser is armed."""

    def __init__(self, node: Node, free: Sequence[str]) -> None:
        """Subscribe to the state of the laser.

        Args:
            node: the owner of the parameters.
            free: prefixes of the names of parameters that may change while the laser is armed.
        """
        self._free = tuple(free)
        self._node = node
        self._states = PolledSubscription(node, LaserState, 'laser/state', STATE)
        self._newest: LaserState | None = None

    def check(self, names: Iterable[str]) -> None:
        """Check a change of the parameters of these names.

        Raises:
            ParameterError: WRONG_MODE while the laser is armed, unless all of them may change then.
        """
        for state in self._states.take():
            self._newest = state
        kept = [name for name in names if not name.startswith(self._free)]
        if kept and self._armed():
            raise params.ParameterError(ReasonCode.WRONG_MODE, f'disarm the laser before changing {", ".join(kept)}')

    def _armed(self) -> bool:
        newest = self._newest
        if newest is None or newest.state in _DISARMED:
            return False
        return age_s(self._node, newest.header.stamp) < _LASER_GONE_S


class RosParameters(Generic[ParametersT]):
    """Declares the parameters of a node and keeps their values; of several changes, all are made or none.

    Attributes:
        value: the current parameters, a frozen dataclass that is replaced at each change.
    """

    def __init__(
            self, node: Node, cls: type[ParametersT],
            on_change: Callable[[ParametersT], None] | None = None, guard: ArmedGuard | None = None) -> None:
        """Declare every parameter of ``cls`` on ``node`` and offer ``~/save_parameters``.

        Args:
            node: the node that owns them.
            cls: a parameter dataclass (:mod:`turret_common.params`).
            on_change: called with the new values after a change; a ``ValueError`` that it raises refuses the change.
            guard: refuses changes while the laser is armed.

        Raises:
            ParameterError: an override from a file or the command line is not valid.
        """
        self._node = node
        self._on_change = on_change
        self._guard = guard
        self._specs = params.specs(cls)
        overrides = {
            name: _sequence(value) for name, value in parameter_overrides(node).items() if name in self._specs}
        self.value: ParametersT = params.build(cls, overrides)
        for name, value in params.flatten(self.value).items():
            node.declare_parameter(
                name, params.plain(value), _descriptor(self._specs[name]), ignore_override=True)
        node.add_on_set_parameters_callback(self._set)
        _refuse_unknown_types(node)
        node.create_service(SaveParameters, '~/save_parameters', self._save)

    def _set(self, changes: Sequence[Parameter]) -> SetParametersResult:
        own = {change.name: _sequence(change.value) for change in changes if change.name in self._specs}
        if not own:
            return SetParametersResult(successful=True)
        try:
            new = params.replace(self.value, own)
            if self._guard is not None:
                self._guard.check(own)
            if self._on_change is not None:
                self._on_change(new)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.value = new
        return SetParametersResult(successful=True)

    def frame(self, name: str) -> str:
        """Return a frame id with the node's ``frame_prefix``."""
        prefix: str = self.value.frame_prefix  # type: ignore[attr-defined]
        return prefix + name

    def set(self, changes: dict[str, Any]) -> None:
        """Change live parameters from within the node, with a parameter event.

        Raises:
            ParameterError: as :func:`turret_common.params.replace` and :meth:`ArmedGuard.check`.
        """
        params.replace(self.value, changes)
        if self._guard is not None:
            self._guard.check(changes)
        self._node.set_parameters([Parameter(name, value=params.plain(value)) for name, value in changes.items()])

    def _save(self, _: SaveParameters.Request, response: SaveParameters.Response) -> SaveParameters.Response:
        path = state_dir(self._node.get_namespace()) / 'parameters' / f'{self._node.get_name()}.yaml'
        saved = {
            name: params.plain(value) for name, value in params.flatten(self.value).items()
            if self._specs[name].info.saved}
        document = {f'/**/{self._node.get_name()}': {'ros__parameters': saved}}
        try:
            write_atomically(path, yaml.safe_dump(document, sort_keys=False).encode())
        except OSError as error:
            response.code = ReasonCode.IO_ERROR
            response.message = str(error)
            return response
        response.success, response.path = True, str(path)
        return response


def _refuse_unknown_types(node: Node) -> None:
    """Have changes to a value of an unknown type refused: rclpy raises an error, which would end the node."""
    for service in node.services:
        if service.srv_type in (SetParameters, SetParametersAtomically):
            service.callback = _refusing_unknown_types(service.callback)


def _refusing_unknown_types(change: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def callback(request: Any, response: Any) -> Any:
        unknown = [
            f'{each.name}: type {each.value.type}' for each in request.parameters if each.value.type not in _TYPES]
        if not unknown:
            return change(request, response)
        refused = SetParametersResult(successful=False, reason=f'{", ".join(unknown)} is not a type of parameters')
        if isinstance(response, SetParameters.Response):
            response.results = [refused] * len(request.parameters)
        else:
            response.result = refused
        return response
    return callback


def _sequence(value: Any) -> Any:
    """Return an array as a tuple and any other value unchanged."""
    if isinstance(value, (str, bytes)) or not hasattr(value, '__iter__'):
        return value
    return tuple(value)


def _descriptor(spec: params.ParamSpec) -> ParameterDescriptor:
    info = spec.info
    text = info.description + (f' [{info.unit}]' if info.unit else '')
    descriptor = ParameterDescriptor(
        description=text, read_only=not info.live, additional_constraints=params.range_text(info))
    if info.minimum is not None or info.maximum is not None:
        kind = params.type_text(spec)
        if kind == 'double':
            descriptor.floating_point_range = [FloatingPointRange(
                from_value=-1e308 if info.minimum is None else float(info.minimum),
                to_value=1e308 if info.maximum is None else float(info.maximum))]
        elif kind == 'int':
            descriptor.integer_range = [IntegerRange(
                from_value=-_INT_LIMIT if info.minimum is None else int(info.minimum),
                to_value=_INT_LIMIT if info.maximum is None else int(info.maximum))]
    return descriptor
