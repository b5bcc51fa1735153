# SPDX-License-Identifier: Apache-2.0
"""The first response to a client waits until the client is discovered, without blocking other responses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rclpy.action
from rclpy.action import GoalResponse
from rclpy.client import Client
from rclpy.node import Node
from std_srvs.srv import Trigger

from turret_common.ros import deferred_response
from turret_common.ros.deferred_response import DeferredActionServer, DiscoveredClients
from turret_common.testing.ros_testing import RosHarness, ros_harness
from turret_common.testing.waiting import wait_until
from turret_msgs.action import Home


@pytest.fixture
def ros() -> Iterator[RosHarness]:
    with ros_harness() as harness:
        yield harness


class Server(Node):
    """Offers a service and an action; while ``discovery_blocked`` it discovers no new clients."""

    def __init__(self, ros: RosHarness) -> None:
        super().__init__('server', namespace='turret', context=ros.context)
        self.discovery_blocked = False
        self._discovered: set[bytes] = set()
        self.create_service(Trigger, 'ask', self._ask)
        self.goals: list[str] = []
        self.action = DeferredActionServer(self, Home, 'home', self._home, goal_callback=self._accept)

    def get_subscriptions_info_by_topic(self, *args: Any, **kwargs: Any) -> list[Any]:
        readers = super().get_subscriptions_info_by_topic(*args, **kwargs)
        if not self.discovery_blocked:
            self._discovered |= {bytes(reader.endpoint_gid) for reader in readers}
        return [reader for reader in readers if bytes(reader.endpoint_gid) in self._discovered]

    @staticmethod
    def _ask(_: Any, response: Any) -> Any:
        response.success = True
        return response

    def _accept(self, goal: Any) -> GoalResponse:
        self.goals.append(goal.lease_id)
        return GoalResponse.ACCEPT

    @staticmethod
    def _home(goal: Any) -> Any:
        goal.succeed()
        return Home.Result(success=True)


@pytest.fixture
def server(ros: RosHarness, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(deferred_response, '_TIMEOUT_S', 1000.0)  # only discovery ends the waiting
    server = Server(ros)
    ros.add(server)
    return server


def two_calls(ros: RosHarness) -> Any:
    """Return the first and the second call of a new client."""
    client = ros.probe.create_client(Trigger, 'ask')
    assert client.wait_for_service(10.0)
    return client.call_async(Trigger.Request()), client.call_async(Trigger.Request())


def test_discovered_clients_get_responses(ros: RosHarness, server: Server) -> None:
    for _ in range(3):
        wait_until(two_calls(ros)[0].done, what='a response')
        assert ros.call(Trigger, 'ask', Trigger.Request()).success  # by a client that leaves


@pytest.fixture
def known(ros: RosHarness, server: Server) -> Client:
    """A client that has been served."""
    client = ros.probe.create_client(Trigger, 'ask')
    assert client.wait_for_service(10.0)
    for _ in range(5):
        wait_until(client.call_async(Trigger.Request()).done, what='a response to a client that stays')
    return client


def test_a_deferred_response_does_not_block_those_to_others(ros: RosHarness, server: Server, known: Client) -> None:
    server.discovery_blocked = True
    first, second = two_calls(ros)
    for _ in range(5):
        wait_until(known.call_async(Trigger.Request()).done, what='a response to another client')
    assert not first.done()
    assert not second.done()
    server.discovery_blocked = False
    for call in (first, second):
        wait_until(call.done, what='a response')
        assert call.result().success


def test_a_response_is_sent_after_the_time_out(
        ros: RosHarness, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferred_response, '_TIMEOUT_S', 0.05)
    server.discovery_blocked = True
    wait_until(two_calls(ros)[0].done, what='a response')


def test_each_response_of_an_action_is_deferred(ros: RosHarness, server: Server, known: Client) -> None:
    client = rclpy.action.ActionClient(ros.probe, Home, 'home')
    assert client.wait_for_server(10.0)
    server.discovery_blocked = True
    goal = client.send_goal_async(Home.Goal())
    wait_until(known.call_async(Trigger.Request()).done, what='a later response')
    assert not goal.done()
    server.discovery_blocked = False
    wait_until(goal.done, what='the acceptance')
    result = goal.result().get_result_async()
    wait_until(result.done, what='the result')
    assert result.result().result.success
    cancelled = goal.result().cancel_goal_async()
    wait_until(cancelled.done, what='the answer to a cancellation')
    client.destroy()


def test_goals_are_taken_in_the_order_in_which_they_were_sent(ros: RosHarness, server: Server, known: Client) -> None:
    client = rclpy.action.ActionClient(ros.probe, Home, 'home')
    assert client.wait_for_server(10.0)
    server.discovery_blocked = True
    goals = [client.send_goal_async(Home.Goal(lease_id=str(number))) for number in range(5)]
    wait_until(known.call_async(Trigger.Request()).done, what='a later response')
    assert server.goals == []
    server.discovery_blocked = False
    goals += [client.send_goal_async(Home.Goal(lease_id=str(number))) for number in range(5, 10)]
    for goal in goals:
        wait_until(goal.done, what='the acceptance')
    assert server.goals == [str(number) for number in range(10)]
    client.destroy()


def test_a_destroyed_action_server_leaves_no_timer_or_waitable(server: Server) -> None:
    timers, waitables = len(list(server.timers)), len(list(server.waitables))
    server.action.destroy()
    assert (len(list(server.timers)), len(list(server.waitables))) == (timers - 1, waitables - 1)


@pytest.fixture
def discovered() -> set[bytes]:
    return set()


@pytest.fixture
def clients(discovered: set[bytes]) -> DiscoveredClients:
    return DiscoveredClients(lambda: set(discovered))


def test_one_more_client_must_be_discovered_than_was_served(discovered: set[bytes], clients: DiscoveredClients) -> None:
    assert not clients.take_discovered(1)
    discovered.add(b'a')
    assert clients.take_discovered(1)
    assert not clients.take_discovered(1)
    discovered.add(b'b')
    assert clients.take_discovered(1)
    discovered.remove(b'a')  # those that leave had been served
    assert not clients.take_discovered(1)
    discovered.add(b'c')
    assert clients.take_discovered(1)


def test_a_client_of_an_earlier_server_must_be_discovered_too(
        discovered: set[bytes], clients: DiscoveredClients) -> None:
    assert clients.may_be_undiscovered(7)
    assert not clients.take_discovered(7)
    discovered.add(b'a')
    assert clients.take_discovered(7)
    assert clients.take_discovered(8)
    assert not clients.may_be_undiscovered(9)
    assert clients.may_be_undiscovered(1)
    assert not clients.take_discovered(1)
