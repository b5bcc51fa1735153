"""rosbridge operations on actions: sending goals, and offering an action.

An action is three services and two topics, so goals are sent with the means for services and topics alone.
"""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from turret_common.errors import TurretError
from turret_common.messages.cdr import CodecError, goal_id_of
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Use
from turret_web.gateway.gateway import ActionCodec, Closable
from turret_web.rosbridge.bridge import (
    Bridge,
    Client,
    OperationGroup,
    get,
    get_compression,
    get_fragment_size,
    get_name,
)
from turret_web.rosbridge.calls import by_name

_STATUS_UNKNOWN = 0
_STATUS_SUCCEEDED = 4
_STATUS_CANCELED = 5
_STATUS_ABORTED = 6


class ActionOperations(OperationGroup):
    """The goals that one client pursues, and the actions that it offers."""

    def __init__(self, bridge: Bridge, client: Client) -> None:
        self._bridge = bridge
        self._client = client
        self._goals: dict[str, Goal] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._offered: dict[str, OfferedAction] = {}
        self._own_ids = (f'goal:{number}' for number in itertools.count(1))
        self.operations = {
            'send_action_goal': self._send_goal,
            'cancel_action_goal': self._cancel_goal,
            'advertise_action': self._advertise_action,
            'unadvertise_action': self._unadvertise_action,
            'action_feedback': self._action_feedback,
            'action_result': self._action_result,
        }

    async def close(self) -> None:
        """Follow the goals no longer (they go on) and take the offered actions back."""
        for task in self._tasks:
            task.cancel()
        for offered in self._offered.values():
            await offered.close()

    # --- goals of this client ---

    async def _send_goal(self, message: dict[str, Any]) -> None:
        limit = self._bridge.limits.calls
        if len(self._tasks) >= limit:
            raise TurretError(ReasonCode.RATE_LIMITED, f'more than {limit} goals under way on one connection')
        task = asyncio.create_task(self._pursue(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pursue(self, message: dict[str, Any]) -> None:
        request_id = message.get('id')
        answer: dict[str, Any] = {'op': 'action_result', 'action': message.get('action')}
        compression, fragment_size = 'none', None
        key = str(request_id) if request_id is not None else next(self._own_ids)
        try:
            compression, fragment_size = get_compression(message, ('none', 'png')), get_fragment_size(message)
            if key in self._goals:
                raise TurretError(ReasonCode.ALREADY_EXISTS, f'goal {key} is under way already')
            action = get_name(message, 'action')
            goal = self._goals[key] = Goal(self._bridge, self._client, action, get(message, 'action_type', str))

            def on_feedback(values: dict[str, Any]) -> None:
                self._client.send(
                    {'op': 'action_feedback', 'action': message['action'], 'values': values}, request_id,
                    compression, fragment_size)
            try:
                status, values = await goal.pursue(
                    get(message, 'args', (dict, list), {}),
                    on_feedback if get(message, 'feedback', bool, False) else None)
            finally:
                del self._goals[key]
            answer |= {'values': values, 'status': status, 'result': True}
        except (TurretError, CodecError) as error:
            answer |= {'values': str(error), 'status': _STATUS_UNKNOWN, 'result': False}
        self._client.send(answer, request_id, compression, fragment_size)

    async def _cancel_goal(self, message: dict[str, Any]) -> None:
        goal = self._goals.get(str(get(message, 'id', (str, int))))
        if goal is None:
            raise TurretError(ReasonCode.NOT_FOUND, f'no goal {message["id"]} is under way')
        await goal.cancel()

    # --- actions that this client offers ---

    async def _advertise_action(self, message: dict[str, Any]) -> None:
        action = get_name(message, 'action')
        self._bridge.policy.check(Use.OFFER, self._client.role, action)
        type_name = get(message, 'type', str)
        codec = self._bridge.gateway.action(type_name)
        if action in self._offered:
            await self._offered.pop(action).close()
        if self._bridge.gateway.service_type(f'{action}/_action/send_goal') is not None:
            raise TurretError(ReasonCode.ALREADY_EXISTS, f'action {action} exists already')
        offered = OfferedAction(self._client, action, type_name, codec)
        offered.handle = await self._bridge.gateway.offer_action(action, type_name, offered)
        self._offered[action] = offered

    async def _unadvertise_action(self, message: dict[str, Any]) -> None:
        action = get_name(message, 'action')
        self._offered_action(action)
        await self._offered.pop(action).close()

    async def _action_feedback(self, message: dict[str, Any]) -> None:
        offered = self._offered_action(get_name(message, 'action'))
        offered.take_feedback(get(message, 'id', str), get(message, 'values', dict, {}))

    async def _action_result(self, message: dict[str, Any]) -> None:
        offered = self._offered_action(get_name(message, 'action'))
        succeeded = get(message, 'result', bool, True)
        offered.take_result(
            get(message, 'id', str), get(message, 'status', int, _STATUS_SUCCEEDED) if succeeded else _STATUS_ABORTED,
            get(message, 'values', dict, {}) if succeeded else {})

    def _offered_action(self, action: str) -> OfferedAction:
        if action not in self._offered:
            raise TurretError(ReasonCode.NOT_FOUND, f'action {action} is not advertised by this client')
        return self._offered[action]


class Goal:
    """One goal from sending to result."""

    def __init__(self, bridge: Bridge, client: Client, action: str, type_name: str) -> None:
        bridge.policy.check(Use.SEND_GOAL, client.role, action)
        self._gateway = bridge.gateway
        self._limits = bridge.limits
        self._action = action
        self._codec = self._gateway.action(type_name)
        self._type = self._codec.goal.kind.name.removesuffix('_Goal')
        self._uuid = list(uuid.uuid4().bytes)

    async def pursue(
            self, args: Any, on_feedback: Callable[[dict[str, Any]], None] | None) -> tuple[int, dict[str, Any]]:
        """Send the goal and wait for its end; return the status and the values of the result.

        Raises:
            TurretError: there is no such action, it does not answer, or rejects the goal.
            CodecError: the arguments do not fit.
        """
        goal = by_name(args, self._codec.goal.kind)
        self._codec.goal.encode(goal, 0)  # for errors that name the fields as the client knows them
        feed: Closable | None = None
        if on_feedback is not None:
            feed = await self._watch_feedback(on_feedback)
        try:
            accepted = await self._call(
                'send_goal', f'{self._type}_SendGoal', {'goal_id': {'uuid': self._uuid}, 'goal': goal},
                self._limits.call_s)
            if not accepted['accepted']:
                raise TurretError(ReasonCode.NOT_READY, f'{self._action} rejected the goal')
            answer = await self._call(
                'get_result', f'{self._type}_GetResult', {'goal_id': {'uuid': self._uuid}}, self._limits.goal_s)
            return answer['status'], answer['result']
        finally:
            if feed is not None:
                await feed.close()

    async def cancel(self) -> None:
        """Ask for an early end."""
        await self._call(
            'cancel_goal', 'action_msgs/srv/CancelGoal', {'goal_info': {'goal_id': {'uuid': self._uuid}}},
            self._limits.call_s)

    async def _watch_feedback(self, show: Callable[[dict[str, Any]], None]) -> Closable:
        type_name = f'{self._type}_FeedbackMessage'
        codec = self._gateway.message(type_name)
        own = bytes(self._uuid)

        def deliver(data: bytes) -> None:
            if goal_id_of(data) == own:
                show(codec.to_json(data)['feedback'])
        return await self._gateway.subscribe(f'{self._action}/_action/feedback', type_name, deliver)

    async def _call(self, verb: str, type_name: str, values: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        codec = self._gateway.service(type_name)
        request = codec.request.encode(values, time.time_ns())
        return codec.response.to_json(
            await self._gateway.call(f'{self._action}/_action/{verb}', type_name, request, timeout_s))


@dataclass
class _OfferedGoal:
    """A goal that the client works on."""

    result: asyncio.Future[tuple[int, bytes]]
    feedback: Callable[[bytes], None]


class OfferedAction:
    """An action that a client offers: goals go out, feedback and results come back."""

    def __init__(self, client: Client, name: str, type_name: str, codec: ActionCodec) -> None:
        self._client = client
        self._name = name
        self._type = type_name
        self._codec = codec
        self._goals: dict[str, _OfferedGoal] = {}
        self.handle: Closable | None = None

    async def execute(self, goal_id: str, goal: bytes, feedback: Callable[[bytes], None]) -> tuple[int, bytes]:
        """Have the client pursue a goal."""
        under_way = self._goals[goal_id] = _OfferedGoal(asyncio.get_running_loop().create_future(), feedback)
        self._client.send({
            'op': 'send_action_goal', 'action': self._name, 'action_type': self._type,
            'args': self._codec.goal.to_json(goal), 'feedback': True}, goal_id)
        try:
            return await under_way.result
        except asyncio.CancelledError:
            return _STATUS_ABORTED, self._codec.result.encode({}, time.time_ns())
        finally:
            del self._goals[goal_id]

    def cancel(self, goal_id: str) -> None:
        """Tell the client that a goal should end early."""
        if goal_id in self._goals:
            self._client.send({'op': 'cancel_action_goal', 'action': self._name}, goal_id)

    def take_feedback(self, goal_id: str, values: dict[str, Any]) -> None:
        """Pass the client's feedback on."""
        self._goal(goal_id).feedback(self._codec.feedback.encode(values, time.time_ns()))

    def take_result(self, goal_id: str, status: int, values: dict[str, Any]) -> None:
        """End a goal with the client's result."""
        result = self._goal(goal_id).result
        if status not in (_STATUS_SUCCEEDED, _STATUS_CANCELED, _STATUS_ABORTED):
            raise TurretError(ReasonCode.OUT_OF_RANGE, f'"status" is {status}, not one that a goal can end with')
        if not result.done():
            result.set_result((status, self._codec.result.encode(values, time.time_ns())))

    def _goal(self, goal_id: str) -> _OfferedGoal:
        if goal_id not in self._goals:
            raise TurretError(ReasonCode.NOT_FOUND, f'no goal {goal_id} is under way')
        return self._goals[goal_id]

    async def close(self) -> None:
        """Take the action out of the graph; goals under way are aborted."""
        for goal in self._goals.values():
            goal.result.cancel()
        if self.handle is not None:
            await self.handle.close()
