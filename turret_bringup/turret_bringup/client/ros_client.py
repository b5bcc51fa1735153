"""A program's access to a running turret: services, parameters, topics and the operator's lease."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import rclpy
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import GetParameters, ListParameters, SetParameters
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message, serialize_message

from turret_bringup.settings.environment import environment
from turret_common.errors import TurretError
from turret_common.interface import ACTIONS, SERVICES, TOPICS
from turret_common.messages.cdr import Codec, CodecError
from turret_common.messages.ros_schema import interface, schema
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode
from turret_msgs.srv import AcquireLease, Heartbeat, ReleaseLease

_TOPIC_TYPES = {topic.name: topic.type for topic in TOPICS}
_ACTION_TYPES = {action.name: action.type for action in ACTIONS}
_SERVICE_TYPES = {service.name: service.type for service in SERVICES}
_HEARTBEAT_S = 0.05
_RELEASE_S = 1.0
_LOOK_AGAIN_S = 0.3
#: A node may hear of a new lease so much later than the one who holds it, in s; it answers like this until then.
_HEARD_S = 2.0
_NOT_HEARD = (ReasonCode.NO_OPERATOR, ReasonCode.WRONG_LEASE, ReasonCode.HEARTBEAT_LOST)


@dataclass
class Lease:
    """The operator's lease while it is held; set ``trigger`` to hold the trigger."""

    id: str
    nonce: str
    trigger: bool = False


class TurretClient:
    """One node of its own beside a running turret. Use it in a ``with`` statement.

    Every method raises :class:`TurretError` when the turret does not answer in time or refuses.
    """

    def __init__(self, namespace: str, timeout_s: float = 5.0) -> None:
        """Prepare a client.

        Args:
            namespace: of the turret.
            timeout_s: how long any answer may take.
        """
        self.namespace = namespace
        self._timeout_s = timeout_s
        # Subscriptions and clients by name. They live as long as the node: one that is destroyed while another thread
        # spins makes the executor fail.
        self._entities: dict[str, Any] = {}
        self._leases: set[str] = set()
        self._listeners: dict[str, list[Callable[[Any], None]]] = {}

    def __enter__(self) -> TurretClient:
        os.environ.update(environment())
        self._context = Context()
        rclpy.init(context=self._context)
        self.node = Node(f'client_{os.getpid()}', namespace=self.namespace, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self._thread.join()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def _spin(self) -> None:
        with contextlib.suppress(rclpy.executors.ExternalShutdownException):
            self._executor.spin()

    def messages(self, topic: str) -> Generator[Any, None, None]:
        """Give the messages of a topic of the turret as they arrive."""
        received: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with self.listening(topic, received.put):
            while True:
                try:
                    yield received.get(timeout=self._timeout_s)
                except queue.Empty:
                    raise self._absent(f'nothing arrived on {topic}') from None

    @contextlib.contextmanager
    def listening(self, topic: str, take: Callable[[Any], None]) -> Iterator[None]:
        """Hand the messages of a topic to ``take``, in another thread, as long as the ``with`` block lasts."""
        listeners = self._listeners.setdefault(topic, [])
        listeners.append(take)

        def distribute(message: Any) -> None:
            for listener in list(listeners):
                listener(message)
        if topic not in self._entities:
            self._entities[topic] = self.node.create_subscription(
                interface(_TOPIC_TYPES[topic], 'msg'), topic, distribute, QoSProfile(depth=10))
        try:
            yield
        finally:
            listeners.remove(take)

    def wait_for(self, topic: str, condition: Callable[[Any], bool], timeout_s: float) -> Any:
        """Return the first message of a topic that meets a condition."""
        deadline = time.monotonic() + timeout_s
        with contextlib.closing(self.messages(topic)) as messages:
            for message in messages:
                if condition(message):
                    return message
                if time.monotonic() > deadline:
                    break
        raise TurretError(ReasonCode.TIMED_OUT, f'{topic} is not as awaited after {timeout_s:g} s')

    def send(self, service_type: Any, service: str, request: Any, timeout_s: float | None = None) -> Any:
        """Call a service and return its response, whatever it says."""
        timeout_s = timeout_s or self._timeout_s
        client = self._entities.get(service) or self.node.create_client(service_type, service)
        self._entities[service] = client
        if not client.wait_for_service(timeout_s):
            raise self._absent(f'nobody offers {service}')
        response = self._awaited(client.call_async(request), timeout_s)
        if response is None:
            raise TurretError(ReasonCode.TIMED_OUT, f'{service} did not answer within {timeout_s:g} s')
        return response

    def call(self, service: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Call a service of the turret with plain values and return plain values.

        Commands that need the operator's lease get it, unless ``values`` bring one: the client becomes the operator for
        the duration of the call.
        """
        if service not in _SERVICE_TYPES:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'the turret has no service "{service}"')
        cls = interface(_SERVICE_TYPES[service], 'srv')
        with self._as_operator(cls.Request, values) as given:
            request = _message(cls.Request, given)
            return self._heard(given, lambda: as_values(self.send(cls, service, request)))

    def run(self, action: str, values: Mapping[str, Any],
            report: Callable[[dict[str, Any]], None] = lambda _: None) -> dict[str, Any]:
        """Run an action of the turret to its end, with plain values, and return its result; an interrupt cancels it.

        It gets the operator's lease as in :meth:`call`. ``report`` is given the feedback, in the caller's
        thread, and may itself call the turret.
        """
        if action not in _ACTION_TYPES:
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'the turret has no action "{action}"')
        cls = interface(_ACTION_TYPES[action], 'action')
        with self._as_operator(cls.Goal, values) as given:
            goal = _message(cls.Goal, given)
            return self._heard(given, lambda: self._run(cls, action, goal, report))

    def _run(self, cls: Any, action: str, goal: Any, report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        client = self._entities.get(action) or ActionClient(self.node, cls, action)
        self._entities[action] = client
        if not client.wait_for_server(self._timeout_s):
            raise self._absent(f'nobody offers {action}')
        told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        accepted = self._awaited(client.send_goal_async(
            goal, lambda message: told.put(message.feedback)), self._timeout_s)
        if accepted is None:
            raise TurretError(ReasonCode.TIMED_OUT, f'{action} did not answer within {self._timeout_s:g} s')
        result = accepted.get_result_async()
        result.add_done_callback(lambda _: told.put(None))
        try:
            while (feedback := told.get()) is not None:
                report(as_values(feedback))
            return as_values(result.result().result)
        except (KeyboardInterrupt, TurretError):
            self._awaited(accepted.cancel_goal_async(), self._timeout_s)
            self._awaited(result, self._timeout_s)
            raise

    @contextlib.contextmanager
    def _as_operator(self, request_type: Any, values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Give the values with a lease where they need one and bring none."""
        if 'lease_id' in request_type.get_fields_and_field_types() and 'lease_id' not in values:
            with self.lease() as lease:
                yield {**values, 'lease_id': lease.id}
        else:
            yield values

    def _heard(self, given: Mapping[str, Any], ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Ask, and ask again while the one asked has not heard of this client's lease yet."""
        deadline = time.monotonic() + _HEARD_S
        while True:
            answer = ask()
            heard = answer.get('code') not in _NOT_HEARD or given.get('lease_id') not in self._leases
            if heard or time.monotonic() > deadline:
                return answer
            time.sleep(_HEARTBEAT_S)

    @staticmethod
    def _awaited(future: Any, timeout_s: float | None) -> Any:
        """Return a future's result once the spinning thread has it; None when that takes too long."""
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        return future.result() if done.wait(timeout_s) else None

    @contextlib.contextmanager
    def lease(self, take_over: bool = False) -> Iterator[Lease]:
        """Be the operator, with heartbeats, as long as the ``with`` block lasts."""
        try:
            secret = (state_dir(self.namespace) / 'operator.secret').read_text().strip()
        except OSError as error:
            raise TurretError(ReasonCode.IO_ERROR, f'cannot read the operator secret: {error.strerror}') from error
        granted = self._accepted(
            AcquireLease, 'safety/acquire_lease',
            AcquireLease.Request(secret=secret, name='command line', take_over=take_over))
        lease = Lease(granted.lease_id, granted.nonce)
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(_HEARTBEAT_S):
                with contextlib.suppress(TurretError):
                    lease.nonce = self._accepted(Heartbeat, 'safety/heartbeat', Heartbeat.Request(
                        lease_id=lease.id, nonce=lease.nonce, trigger=lease.trigger)).nonce
        heart = threading.Thread(target=beat, daemon=True)
        heart.start()
        self._leases.add(lease.id)
        try:
            yield lease
        finally:
            self._leases.remove(lease.id)
            ended.set()
            heart.join()
            with contextlib.suppress(TurretError):  # the turret may be gone, and the lease lapses by itself
                self.send(ReleaseLease, 'safety/release_lease', ReleaseLease.Request(lease_id=lease.id), _RELEASE_S)

    def running(self, nodes: Sequence[str]) -> list[str]:
        """Return those of the nodes that run.

        Discovery takes a moment: it waits until two looks at the graph see the same.
        """
        before: list[str] = []
        deadline = time.monotonic() + self._timeout_s
        while time.monotonic() < deadline:
            present = self.node.get_node_names_and_namespaces()
            seen = [node for node in nodes if (node, f'/{self.namespace}') in present]
            if seen and seen == before:
                return seen
            before = seen
            time.sleep(_LOOK_AGAIN_S)
        raise self._absent('no node appeared')

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
        """Change a parameter of a node."""
        message: ParameterMessage = Parameter(name, value=value).to_parameter_msg()
        answer = self.send(SetParameters, f'{node}/set_parameters', SetParameters.Request(parameters=[message]))
        if not answer.results[0].successful:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{node} refuses: {answer.results[0].reason}')

    def _accepted(self, service_type: Any, service: str, request: Any) -> Any:
        response = self.send(service_type, service, request)
        if not response.success:
            code = ReasonCode(response.code)
            raise TurretError(code, f'{service} refuses: {response.message or code.name}')
        return response

    def _absent(self, what: str) -> TurretError:
        return TurretError(
            ReasonCode.NOT_READY, f'{what} within {self._timeout_s:g} s: does a turret run in the namespace '
            f'"{self.namespace}"? ./turret doctor tells')


def as_values(message: Any) -> dict[str, Any]:
    """Return a message as plain values; NaN, which JSON does not have, is None."""
    values: dict[str, Any] = orjson.loads(orjson.dumps(_codec(type(message)).to_json(serialize_message(message))))
    return values


def _message(cls: Any, values: Mapping[str, Any]) -> Any:
    """Return a message from plain values.

    Raises:
        TurretError: INVALID_ARGUMENT, a field is unknown or of another type.
    """
    try:
        return deserialize_message(_codec(cls).encode(values, time.time_ns()), cls)
    except CodecError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, str(error)) from error


def _codec(cls: Any) -> Codec:
    return Codec(schema(cls))
