# SPDX-License-Identifier: Apache-2.0
"""Python client of a running turret: status, commands, actions, parameters and the operator lease."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import GetParameters, ListParameters, SetParameters
from rclpy.action import ActionClient
from rclpy.parameter import Parameter, parameter_value_to_python

from turret_bringup.client.ros_connection import Connection
from turret_bringup.client.ros_operator import Operator
from turret_bringup.client.ros_values import as_message, as_values
from turret_bringup.settings.graph import GRAPH
from turret_common.errors import TurretError
from turret_common.interface import ACTIONS, SERVICES
from turret_common.messages.ros_schema import interface
from turret_common.reason_codes import ReasonCode
from turret_msgs.msg import TurretStatus

_ACTION_TYPES = {action.name: action.type for action in ACTIONS}
_SERVICE_TYPES = {
    **{service.name: service.type for service in SERVICES},
    **{f'{spec.name}/save_parameters': 'turret_msgs/srv/SaveParameters' for spec in GRAPH}}
_RETRY_S = 0.05
#: Fast DDS discovers a node up to 3.7 s later than another one of the same idle machine (measured).
_DISCOVERY_S = 5.0
#: A node learns of a new lease up to this much later than its holder, and on a busy machine it may miss permits for a
#: moment; it then refuses with these codes, an action within this time.
_LEASE_KNOWN_S = 2.0
_LEASE_UNKNOWN = (
    ReasonCode.NO_OPERATOR, ReasonCode.WRONG_LEASE, ReasonCode.HEARTBEAT_LOST, ReasonCode.PERMIT_STALE,
    ReasonCode.PERMIT_MISSING)
_REFUSED_S = 0.3


class RunningAction:
    """An action goal that the turret has accepted."""

    def __init__(self, goal: Any, feedback: queue.SimpleQueue[Any], timeout_s: float) -> None:
        self._goal = goal
        self._feedback = feedback
        self._timeout_s = timeout_s
        self._result = goal.get_result_async()
        self._result.add_done_callback(lambda _: feedback.put(None))

    def feedback(self) -> Iterator[dict[str, Any]]:
        """Yield the feedback as it arrives, until the action has finished."""
        while (message := self._feedback.get()) is not None:
            yield as_values(message)

    def lacks_lease(self) -> bool:
        """Wait for a moment; return whether the goal was refused because its lease is not known yet."""
        result = Connection.wait(self._result, _REFUSED_S)
        return result is not None and as_values(result.result).get('code') in _LEASE_UNKNOWN

    def result(self, timeout_s: float | None = None) -> dict[str, Any]:
        """Wait until the action has finished and return its result.

        Raises:
            TurretError: TIMED_OUT; the action continues.
        """
        result = Connection.wait(self._result, timeout_s)
        if result is None:
            raise TurretError(ReasonCode.TIMED_OUT, f'the action has not finished within {timeout_s:g} s')
        return as_values(result.result)

    def cancel(self) -> dict[str, Any]:
        """Cancel the action and return its result."""
        Connection.wait(self._goal.cancel_goal_async(), self._timeout_s)
        return self.result(self._timeout_s)


class TurretClient(Connection):
    """Client of one turret. Use it in a ``with`` statement; see the README beside this file.

    Every method raises :class:`TurretError` when the turret does not answer in time. Names of topics, services and
    actions are relative to the namespace of the turret, as in docs/interfaces.md.
    """

    def __init__(self, namespace: str = 'turret', timeout_s: float = 5.0, name: str = 'Python client') -> None:
        """Prepare a client; ``with`` connects it.

        Args:
            namespace: of the turret.
            timeout_s: maximum wait for any answer.
            name: of the operator while this client holds the lease.
        """
        super().__init__(namespace, timeout_s)
        self._name = name
        self._operator: Operator | None = None

    def status(self) -> TurretStatus:
        """Return the next status message, which arrives at 2 Hz."""
        with contextlib.closing(self.messages('status')) as messages:
            status: TurretStatus = next(messages)
            return status

    def call(self, service: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Call a service with plain values and return its response, a refusal too, as plain values.

        A command that needs the operator lease gets the one of :meth:`operator`; outside of it, the client becomes the
        operator for the duration of the call.
        """
        cls = interface(_known(_SERVICE_TYPES, service, 'service'), 'srv')
        with self._with_lease(cls.Request, values) as given:
            request = as_message(cls.Request, given)
            deadline = time.monotonic() + _LEASE_KNOWN_S
            while True:
                answer = as_values(self.send(cls, service, request))
                if answer.get('code') not in _LEASE_UNKNOWN or given is values or time.monotonic() > deadline:
                    return answer
                time.sleep(_RETRY_S)

    def command(self, service: str, **values: Any) -> dict[str, Any]:
        """Call a service as :meth:`call` does. Also raises TurretError with the code of a refusal."""
        answer = self.call(service, values)
        if not answer['success']:
            code = ReasonCode(answer['code'])
            raise TurretError(code, f'{service} was refused: {answer["message"] or code.name}')
        return answer

    @contextlib.contextmanager
    def start(self, action: str, values: Mapping[str, Any]) -> Iterator[RunningAction]:
        """Start an action with plain values; it is canceled where the ``with`` block is left by an exception.

        It gets the operator lease as in :meth:`call`.
        """
        cls = interface(_known(_ACTION_TYPES, action, 'action'), 'action')
        client = self.entity(action, lambda: ActionClient(self.node, cls, action))
        if not client.wait_for_server(self.timeout_s):
            raise self.absent(f'no action {action}')
        deadline = time.monotonic() + _LEASE_KNOWN_S
        with self._with_lease(cls.Goal, values) as given:  # one lease for all attempts
            goal = as_message(cls.Goal, given)
            running = self._send_goal(client, action, goal)
            try:
                while given is not values and running.lacks_lease() and time.monotonic() < deadline:
                    time.sleep(_RETRY_S)
                    running = self._send_goal(client, action, goal)
                yield running
            except (KeyboardInterrupt, Exception):
                running.cancel()
                raise

    def _send_goal(self, client: Any, action: str, message: Any) -> RunningAction:
        feedback: queue.SimpleQueue[Any] = queue.SimpleQueue()
        goal = self.wait(
            client.send_goal_async(message, lambda sent: feedback.put(sent.feedback)), self.timeout_s)
        if goal is None:
            raise TurretError(ReasonCode.TIMED_OUT, f'no response from {action} within {self.timeout_s:g} s')
        return RunningAction(goal, feedback, self.timeout_s)

    def run(self, action: str, values: Mapping[str, Any],
            report: Callable[[dict[str, Any]], None] = lambda _: None) -> dict[str, Any]:
        """Run an action to its end and return its result; Ctrl-C cancels it.

        ``report`` is called with each feedback, in the caller's thread.
        """
        with self.start(action, values) as running:
            for feedback in running.feedback():
                report(feedback)
            return running.result()

    @contextlib.contextmanager
    def operator(self, take_over: bool = False) -> Iterator[Operator]:
        """Be the operator, with heartbeats, while the ``with`` block lasts.

        Args:
            take_over: also while there is another operator.
        """
        operator = Operator(self, self._name)
        operator.acquire(take_over)
        self._operator = operator
        try:
            yield operator
        finally:
            self._operator = None
            operator.release()

    @contextlib.contextmanager
    def _with_lease(self, request_type: Any, values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the values with a lease id where the request has that field and they do not."""
        if 'lease_id' not in request_type.get_fields_and_field_types() or 'lease_id' in values:
            yield values
        elif self._operator is not None:
            yield {**values, 'lease_id': self._operator.lease_id}
        else:
            with self.operator() as operator:
                yield {**values, 'lease_id': operator.lease_id}

    def running(self, nodes: Sequence[str]) -> list[str]:
        """Return those of the nodes that are running.

        Discovery takes a moment: it waits until all are found, or no further one appears for some seconds.
        """
        found: list[str] = []
        changed_s = began_s = time.monotonic()
        while True:
            present = self.node.get_node_names_and_namespaces()
            seen = [node for node in nodes if (node, f'/{self.namespace}') in present]
            now_s = time.monotonic()
            if seen != found:
                found, changed_s = seen, now_s
            if found == list(nodes) or (found and now_s - changed_s > _DISCOVERY_S):
                return found
            if now_s - began_s > self.timeout_s and not found:
                raise self.absent('no node')
            time.sleep(_RETRY_S)

    def parameters(self, node: str, names: list[str] | None = None) -> dict[str, Any]:
        """Return parameters of a node by name; all of them without ``names``."""
        if names is None:
            names = sorted(self.send(ListParameters, f'{node}/list_parameters', ListParameters.Request()).result.names)
        answer = self.send(GetParameters, f'{node}/get_parameters', GetParameters.Request(names=names))
        if len(answer.values) != len(names):
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'{node} does not have all of {", ".join(names)}')
        values = map(parameter_value_to_python, answer.values)
        return {
            name: value if isinstance(value, (bool, int, float, str)) else list(value)
            for name, value in zip(names, values, strict=True)}

    def set_parameter(self, node: str, name: str, value: Any) -> None:
        """Change a parameter of a node. Also raises TurretError (INVALID_ARGUMENT) when the node refuses it."""
        message: ParameterMessage = Parameter(name, value=value).to_parameter_msg()
        answer = self.send(SetParameters, f'{node}/set_parameters', SetParameters.Request(parameters=[message]))
        if not answer.results[0].successful:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{node} refused {name}: {answer.results[0].reason}')


def _known(types: Mapping[str, str], name: str, kind: str) -> str:
    if name not in types:
        raise TurretError(ReasonCode.UNKNOWN_NAME, f'the turret has no {kind} "{name}"')
    return types[name]
