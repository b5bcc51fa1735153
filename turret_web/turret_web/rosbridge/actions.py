# SPDX-License-Identifier: Apache-2.0
"""rosbridge operations on actions: sending goals, and offering an action.

An action consists of three services and two topics, so goals are sent by means of services and topics.
"""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from turret_common.errors import TurretError
from turret_common.messages.cdr import goal_id_of
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Use
from turret_web.gateway.gateway import ActionCodec, Closable, Gateway
from turret_web.names import InterfaceType, RosName
from turret_web.rosbridge.bridge import (
    Bridge,
    Client,
    OperationGroup,
    get,
    get_action,
    get_compression,
    get_fragment_size,
    get_type,
    request_id_of,
)
from turret_web.rosbridge.calls import by_name

_STATUS_SUCCEEDED = 4
_STATUS_CANCELED = 5
_STATUS_ABORTED = 6
_CANCEL_GOAL = InterfaceType('action_msgs/srv/CancelGoal', 'srv')
#: Return codes of CancelGoal that mean that the goal continues.
_CANCEL_FAILURES = {1: 'the action server rejected the request', 2: 'the action server does not know the goal'}


class ActionOperations(OperationGroup):
    """Goals of one client, and the actions that it offers."""

    def __init__(self, bridge: Bridge, client: Client) -> None:
        self._bridge = bridge
        self._client = client
        self._goals: dict[str, Goal] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._offered: dict[RosName, OfferedAction] = {}
        self._generated_ids = (f'goal:{number}' for number in itertools.count(1))
        self.operations = {
            'send_action_goal': self._send_goal,
            'cancel_action_goal': self._cancel_goal,
            'advertise_action': self._advertise_action,
            'unadvertise_action': self._unadvertise_action,
            'action_feedback': self._action_feedback,
            'action_result': self._action_result,
        }

    async def close(self) -> None:
        """Stop following the goals (they continue) and withdraw the offered actions."""
        for task in self._tasks:
            task.cancel()
        for offered in self._offered.values():
            await offered.close()

    # --- goals of this client ---

    async def _send_goal(self, message: dict[str, Any]) -> None:
        """Register a goal, so that a cancel request that follows finds it, and send it."""
        limit = self._bridge.limits.calls
        if len(self._goals) >= limit:
            raise TurretError(ReasonCode.RATE_LIMITED, f'more than {limit} active goals on one connection')
        request_id = request_id_of(message)
        key = str(request_id) if request_id is not None else next(self._generated_ids)
        if key in self._goals:
            raise TurretError(ReasonCode.ALREADY_EXISTS, f'goal {key:.60} is active already')
        answer = _GoalAnswer(
            self._client, message['action'].partition('#')[0] if isinstance(message.get('action'), str) else '',
            request_id, get_compression(message, ('none', 'png')), get_fragment_size(message))
        self._goals[key] = goal = Goal(
            self._bridge, self._client, get_action(message), get_type(message, 'action', 'action_type'),
            get(message, 'args', (dict, list), {}), answer.feedback if get(message, 'feedback', bool, False) else None)
        self._start(self._execute(goal, key, message, answer))

    async def _execute(self, goal: Goal, key: str, message: dict[str, Any], answer: _GoalAnswer) -> None:
        try:
            answer.result(*await goal.execute())
        except Exception as error:  # noqa: BLE001  boundary: the caller waits for an answer
            self._client.refuse(message, error)
        finally:
            del self._goals[key]

    async def _cancel_goal(self, message: dict[str, Any]) -> None:
        key = request_id_of(message)
        goal = self._goals.get(str(key))
        if key is None or goal is None:
            raise TurretError(ReasonCode.NOT_FOUND, f'no goal {key!s:.60} is active')
        self._start(self._cancel(goal, message))

    async def _cancel(self, goal: Goal, message: dict[str, Any]) -> None:
        try:
            await goal.cancel()
        except Exception as error:  # noqa: BLE001  boundary: a goal that could not be cancelled must be reported
            self._client.refuse(message, error)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- actions that this client offers ---

    async def _advertise_action(self, message: dict[str, Any]) -> None:
        action = get_action(message)
        self._bridge.policy.check(Use.OFFER, self._client.role, action)
        type_name = get_type(message, 'action')
        codec = self._bridge.gateway.action(type_name)
        if action in self._offered:
            await self._offered.pop(action).close()
        await self._bridge.gateway.withdrawn(action)
        if self._bridge.gateway.service_type(RosName(f'{action}/_action/send_goal')) is not None:
            raise TurretError(ReasonCode.ALREADY_EXISTS, f'action {action} exists already')
        offered = OfferedAction(self._client, action, message['type'], codec)
        offered.handle = await self._bridge.gateway.offer_action(action, type_name, offered)
        self._offered[action] = offered

    async def _unadvertise_action(self, message: dict[str, Any]) -> None:
        self._offered_action(message)
        await self._offered.pop(get_action(message)).close()

    async def _action_feedback(self, message: dict[str, Any]) -> None:
        self._offered_action(message).take_feedback(get(message, 'id', str), get(message, 'values', dict, {}))

    async def _action_result(self, message: dict[str, Any]) -> None:
        offered = self._offered_action(message)
        succeeded = get(message, 'result', bool, True)
        offered.take_result(
            get(message, 'id', str), get(message, 'status', int, _STATUS_SUCCEEDED) if succeeded else _STATUS_ABORTED,
            get(message, 'values', dict, {}) if succeeded else {})

    def _offered_action(self, message: dict[str, Any]) -> OfferedAction:
        action = get_action(message)
        if action not in self._offered:
            raise TurretError(ReasonCode.NOT_FOUND, f'action {action} is not advertised by this client')
        return self._offered[action]


@dataclass(frozen=True)
class _GoalAnswer:
    """Messages to the client about one of its goals."""

    client: Client
    action: str
    request_id: str | int | None
    compression: str
    fragment_size: int | None

    def feedback(self, values: dict[str, Any]) -> None:
        self._send({'op': 'action_feedback', 'action': self.action, 'values': values})

    def result(self, status: int, values: dict[str, Any]) -> None:
        self._send({
            'op': 'action_result', 'action': self.action, 'values': values, 'status': status, 'result': True})

    def _send(self, message: dict[str, Any]) -> None:
        self.client.send(message, self.request_id, self.compression, self.fragment_size)


def check_action(gateway: Gateway, action: RosName, type_name: InterfaceType) -> None:
    """Check that an action exists and has a type, before a client of it is created.

    Raises:
        TurretError: NOT_FOUND; INVALID_ARGUMENT, it has another type.
    """
    actual = gateway.service_type(RosName(f'{action}/_action/send_goal'))
    if actual is None:
        raise TurretError(ReasonCode.NOT_FOUND, f'action {action} does not exist')
    if actual != f'{type_name}_SendGoal':
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT,
            f'action {action} has type {actual.removesuffix("_SendGoal")}, not {type_name}')


class Goal:
    """One goal, from sending it to its result."""

    def __init__(
            self, bridge: Bridge, client: Client, action: RosName, type_name: InterfaceType, args: Any,
            on_feedback: Callable[[dict[str, Any]], None] | None) -> None:
        """Check a goal, without sending it.

        Raises:
            TurretError: the client may not use the action, the action does not exist or has another type.
            CodecError: the arguments do not fit.
        """
        bridge.policy.check(Use.SEND_GOAL, client.role, action)
        self._gateway = bridge.gateway
        self._limits = bridge.limits
        self._action = action
        codec = self._gateway.action(type_name)
        self._type = type_name
        check_action(self._gateway, action, type_name)
        self._goal = by_name(args, codec.goal.kind)
        codec.goal.encode(self._goal, 0)  # for errors that name the fields as the client knows them
        self._on_feedback = on_feedback
        self._uuid = list(uuid.uuid4().bytes)
        self._accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def execute(self) -> tuple[int, dict[str, Any]]:
        """Send the goal and wait for its end; return the status and the values of the result.

        Raises:
            TurretError: the action server does not answer, or rejects the goal.
        """
        feed: Closable | None = None
        try:
            if self._on_feedback is not None:
                feed = await self._subscribe_feedback(self._on_feedback)
            answer = await self._call(
                'send_goal', InterfaceType(f'{self._type}_SendGoal', 'srv'),
                {'goal_id': {'uuid': self._uuid}, 'goal': self._goal}, self._limits.call_s)
            if not answer['accepted']:
                raise TurretError(ReasonCode.NOT_READY, f'{self._action} rejected the goal')
            self._accepted.set_result(True)
            answer = await self._call(
                'get_result', InterfaceType(f'{self._type}_GetResult', 'srv'), {'goal_id': {'uuid': self._uuid}},
                self._limits.goal_s)
            return answer['status'], answer['result']
        finally:
            if not self._accepted.done():
                self._accepted.set_result(False)
            if feed is not None:
                await feed.close()

    async def cancel(self) -> None:
        """Cancel the goal as soon as the action server has accepted it; a goal that has ended needs nothing.

        Raises:
            TurretError: the goal continues.
        """
        if not await asyncio.shield(self._accepted):
            return
        answer = await self._call(
            'cancel_goal', _CANCEL_GOAL, {'goal_info': {'goal_id': {'uuid': self._uuid}}}, self._limits.call_s)
        failure = _CANCEL_FAILURES.get(answer['return_code'])
        if answer['return_code'] == 0 and answer.get('goals_canceling') == []:  # rclpy servers reject in this form
            failure = _CANCEL_FAILURES[1]
        if failure is not None:
            raise TurretError(ReasonCode.NOT_READY, f'{self._action} was not cancelled: {failure}')

    async def _subscribe_feedback(self, on_feedback: Callable[[dict[str, Any]], None]) -> Closable:
        type_name = InterfaceType(f'{self._type}_FeedbackMessage', 'msg')
        codec = self._gateway.message(type_name)
        own = bytes(self._uuid)

        def deliver(data: bytes) -> None:
            if goal_id_of(data) == own:
                on_feedback(codec.to_json(data)['feedback'])
        return await self._gateway.subscribe(RosName(f'{self._action}/_action/feedback'), type_name, deliver)

    async def _call(
            self, verb: str, type_name: InterfaceType, values: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        codec = self._gateway.service(type_name)
        request = codec.request.encode(values, time.time_ns())
        return codec.response.to_json(
            await self._gateway.call(RosName(f'{self._action}/_action/{verb}'), type_name, request, timeout_s))


@dataclass
class _OfferedGoal:
    """A goal that the client executes."""

    result: asyncio.Future[tuple[int, bytes]]
    feedback: Callable[[bytes], None]


class OfferedAction:
    """An action that a client offers: goals are sent to it, feedback and results arrive from it.

    Goals carry the type as the client wrote it.
    """

    def __init__(self, client: Client, name: RosName, type_name: str, codec: ActionCodec) -> None:
        self._client = client
        self._name = name
        self._type = type_name
        self._codec = codec
        self._goals: dict[str, _OfferedGoal] = {}
        self.handle: Closable | None = None

    async def execute(self, goal_id: str, goal: bytes, feedback: Callable[[bytes], None]) -> tuple[int, bytes]:
        """Send a goal to the client and wait for its result."""
        active = self._goals[goal_id] = _OfferedGoal(asyncio.get_running_loop().create_future(), feedback)
        self._client.send({
            'op': 'send_action_goal', 'action': self._name, 'action_type': self._type,
            'args': self._codec.goal.to_json(goal), 'feedback': True}, goal_id)
        try:
            return await active.result
        except asyncio.CancelledError:
            return _STATUS_ABORTED, self._codec.result.encode({}, time.time_ns())
        finally:
            del self._goals[goal_id]

    def cancel(self, goal_id: str) -> None:
        """Forward a request to cancel a goal to the client."""
        if goal_id in self._goals:
            self._client.send({'op': 'cancel_action_goal', 'action': self._name}, goal_id)

    def take_feedback(self, goal_id: str, values: dict[str, Any]) -> None:
        """Publish feedback of the client."""
        self._goal(goal_id).feedback(self._codec.feedback.encode(values, time.time_ns()))

    def take_result(self, goal_id: str, status: int, values: dict[str, Any]) -> None:
        """End a goal with the result of the client."""
        result = self._goal(goal_id).result
        if status not in (_STATUS_SUCCEEDED, _STATUS_CANCELED, _STATUS_ABORTED):
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'"status" is {status}, which is not a final status of a goal')
        if not result.done():
            result.set_result((status, self._codec.result.encode(values, time.time_ns())))

    def _goal(self, goal_id: str) -> _OfferedGoal:
        if goal_id not in self._goals:
            raise TurretError(ReasonCode.NOT_FOUND, f'no goal {goal_id:.60} is active')
        return self._goals[goal_id]

    async def close(self) -> None:
        """Withdraw the action; active goals are aborted."""
        for goal in self._goals.values():
            goal.result.cancel()
        if self.handle is not None:
            await self.handle.close()
