# SPDX-License-Identifier: Apache-2.0
"""Every use of rclpy internals: what rclpy (Jazzy) needs for this project and has no public API for.

An update of rclpy breaks this module or nothing. Each use names the upstream issue or the missing API.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import CallbackGroup, ReentrantCallbackGroup
from rclpy.client import Client
from rclpy.exceptions import InvalidHandle
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.subscription import Subscription

_UNLIMITED_NS = -1

#: Raised when the middleware refuses an entity. rclpy has no public name for it.
RclError = rclpy_implementation.RCLError

#: The module whose ``rclpy_logging_rcutils_log`` writes each line of the log; for tests that count the lines.
implementation: Any = rclpy_implementation


class UnspunGroup(CallbackGroup):
    """Callback group of entities that an executor must not serve. It keeps no reference to them.

    rclpy has no public way to exclude a subscription from the executor that spins its node.
    """

    def add_entity(self, _: Any) -> None:
        """Do not keep a reference: rclpy never removes destroyed entities from a group."""

    def can_execute(self, _: Any) -> bool:
        """Return False: an executor must not take its messages."""
        return False


class UntrackedGroup(ReentrantCallbackGroup):
    """Reentrant callback group that keeps no reference to its entities, for those made and destroyed all the time.

    The groups of rclpy keep a weak reference to each entity ever added.
    """

    def add_entity(self, _: Any) -> None:
        """Do not keep a reference."""


def take(subscription: Subscription) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Give the messages that wait in a subscription, oldest first, each with its ``rmw_message_info`` as a dictionary.

    The public API delivers messages to callbacks only.
    """
    handle = subscription.handle
    with handle:
        while (taken := handle.take_message(subscription.msg_type, subscription.raw)) is not None:
            yield taken


def matched_publishers(subscription: Subscription) -> int:
    """Return the number of publishers that a subscription is matched with (rcl_subscription_get_publisher_count).

    rclpy has no public method for it.
    """
    return int(subscription.handle.get_publisher_count())


def finish_calls(client: Client) -> None:
    """Pass the responses that have arrived to the futures of their requests. In rclpy only an executor does it."""
    handle = client.handle
    with handle:
        while True:
            header, response = handle.take_response(client.srv_type.Response)
            if header is None:
                return
            with contextlib.suppress(KeyError):  # nothing waits for it any more
                client.get_pending_request(header.request_id.sequence_number).set_result(response)


EntityT = TypeVar('EntityT', Subscription, Client)


class WaitSet(Generic[EntityT]):
    """Waits for several subscriptions, or clients, in the calling thread. rclpy has a wait set for executors only."""

    def __init__(self, node: Node, entities: Sequence[EntityT] = ()) -> None:
        self._context = node.context.handle
        self._guard = GuardCondition(None, None, context=node.context)
        self._entities = tuple(entities)
        self._made_for: tuple[EntityT, ...] | None = None
        self._wait_set: Any = None
        node.context.on_shutdown(self.wake)

    def watch(self, entities: Sequence[EntityT]) -> None:
        """Wait for these entities instead, from any thread. One that was removed may then be destroyed."""
        self._entities = tuple(entities)
        self.wake()

    def wait(self, timeout_s: float | None = None) -> list[EntityT]:
        """Return the subscriptions that have messages, or the clients that have responses; from one thread only.

        The list is empty after the time-out [s] (None = no limit), after :meth:`wake`, when the context is shut down
        and when an entity was destroyed.
        """
        watched, guard = self._entities, self._guard.handle
        clients = bool(watched) and isinstance(watched[0], Client)
        # InvalidHandle: destroyed meanwhile; RCLError: the context was shut down.
        with contextlib.suppress(InvalidHandle, RclError), contextlib.ExitStack() as held:
            handles: list[Any] = [entity.handle for entity in watched]
            for handle in (self._context, guard, *handles):
                held.enter_context(handle)
            if watched != self._made_for:
                counts = (0, 1, 0, len(handles)) if clients else (len(handles), 1, 0, 0)
                self._wait_set = rclpy_implementation.WaitSet(*counts, 0, 0, self._context)
                self._made_for = watched
            wait_set = self._wait_set
            wait_set.clear_entities()
            wait_set.add_guard_condition(guard)
            for handle in handles:
                (wait_set.add_client if clients else wait_set.add_subscription)(handle)
            wait_set.wait(_UNLIMITED_NS if timeout_s is None else round(1e9 * timeout_s))
            ready = wait_set.get_ready_entities('client' if clients else 'subscription')
            return [entity for entity, handle in zip(watched, handles, strict=True) if handle.pointer in ready]
        return []

    def wake(self) -> None:
        """End the waiting, from any thread."""
        with contextlib.suppress(InvalidHandle):  # closed
            self._guard.trigger()

    def close(self) -> None:
        """Free what the waiting needs. No thread may wait after this."""
        self._wait_set = self._made_for = None
        self._guard.destroy()


def parameter_overrides(node: Node) -> dict[str, Any]:
    """Return the values of parameters given by file or command line, by name, declared or not.

    The public API gives an override only together with the declaration of its parameter.
    """
    return {name: parameter.value for name, parameter in node._parameter_overrides.items()}  # noqa: SLF001  see above


def feedback_type(goal: ServerGoalHandle) -> Any:
    """Return the feedback message class of a goal's action. A goal handle does not give its action type."""
    return goal._action_server.action_type.Feedback  # noqa: SLF001  see above


def constants(message_type: Any) -> dict[str, Any]:
    """Return the constants of a message class by name. rosidl keeps them under a mangled name of the metaclass."""
    metaclass = type(message_type)
    values: dict[str, Any] = getattr(metaclass, f'_{metaclass.__name__}__constants', {})
    return dict(values)
