"""A client's first answer waits until the client is known, and nothing else waits with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rclpy.action
from rclpy.node import Node
from std_srvs.srv import Trigger

from turret_common.ros import deferred_response
from turret_common.ros.deferred_response import Clients, PatientActionServer
from turret_common.testing.ros_testing import RosHarness, ros_harness, wait_until
from turret_msgs.action import Home


@pytest.fixture
def ros() -> Iterator[RosHarness]:
    with ros_harness() as harness:
        yield harness


class Server(Node):
    """Offers a service and an action; as long as ``deaf`` it hears of no new clients."""

    def __init__(self, ros: RosHarness) -> None:
        super().__init__('server', namespace='turret', context=ros.context)
        self.deaf = False
        self._heard: set[bytes] = set()
        self.create_service(Trigger, 'ask', self._ask)
        self.action = PatientActionServer(self, Home, 'home', self._home)

    def get_subscriptions_info_by_topic(self, *args: Any, **kwargs: Any) -> list[Any]:
        readers = super().get_subscriptions_info_by_topic(*args, **kwargs)
        if not self.deaf:
            self._heard |= {bytes(reader.endpoint_gid) for reader in readers}
        return [reader for reader in readers if bytes(reader.endpoint_gid) in self._heard]

    @staticmethod
    def _ask(_: Any, response: Any) -> Any:
        response.success = True
        return response

    @staticmethod
    def _home(goal: Any) -> Any:
        goal.succeed()
        return Home.Result(success=True)


@pytest.fixture
def server(ros: RosHarness, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(deferred_response, '_PATIENCE_S', 1000.0)  # who is never known is never answered
    server = Server(ros)
    ros.add(server)
    return server


def asked(ros: RosHarness) -> Any:
    """Return a new client's first and second call."""
    client = ros.probe.create_client(Trigger, 'ask')
    assert client.wait_for_service(10.0)
    return client.call_async(Trigger.Request()), client.call_async(Trigger.Request())


def test_known_clients_are_answered(ros: RosHarness, server: Server) -> None:
    for _ in range(3):
        wait_until(asked(ros)[0].done, what='an answer')
        assert ros.call(Trigger, 'ask', Trigger.Request()).success  # by a client that leaves


def test_an_answer_waits_and_nothing_else_does(ros: RosHarness, server: Server) -> None:
    wait_until(asked(ros)[1].done, what='an answer to a client that stays')
    server.deaf = True
    first, second = asked(ros)
    wait_until(second.done, what='the second answer')
    assert not first.done()
    server.deaf = False
    wait_until(first.done, what='the first answer')
    assert first.result().success


def test_who_is_not_known_for_long_is_answered_all_the_same(
        ros: RosHarness, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferred_response, '_PATIENCE_S', 0.05)
    server.deaf = True
    wait_until(asked(ros)[0].done, what='an answer')


def test_an_action_waits_with_each_of_its_answers(ros: RosHarness, server: Server) -> None:
    client = rclpy.action.ActionClient(ros.probe, Home, 'home')
    assert client.wait_for_server(10.0)
    wait_until(asked(ros)[1].done, what='an answer to a client that stays')
    server.deaf = True
    goal = client.send_goal_async(Home.Goal())
    wait_until(asked(ros)[1].done, what='something that came later')
    assert not goal.done()
    server.deaf = False
    wait_until(goal.done, what='the acceptance')
    result = goal.result().get_result_async()
    wait_until(result.done, what='the result')
    assert result.result().result.success
    cancelled = goal.result().cancel_goal_async()
    wait_until(cancelled.done, what='the answer to a cancellation')
    client.destroy()


def test_an_action_server_leaves_nothing_behind(server: Server) -> None:
    timers, waitables = len(list(server.timers)), len(list(server.waitables))
    server.action.destroy()
    assert (len(list(server.timers)), len(list(server.waitables))) == (timers - 1, waitables - 1)


@pytest.fixture
def known() -> set[bytes]:
    return set()


@pytest.fixture
def clients(known: set[bytes]) -> Clients:
    return Clients(lambda: set(known))


def test_one_more_must_be_known_than_have_called(known: set[bytes], clients: Clients) -> None:
    assert not clients.one_is_known(1)
    known.add(b'a')
    assert clients.one_is_known(1)
    assert not clients.one_is_known(1)
    known.add(b'b')
    assert clients.one_is_known(1)
    known.remove(b'a')  # those who leave had called
    assert not clients.one_is_known(1)
    known.add(b'c')
    assert clients.one_is_known(1)


def test_who_outlived_an_earlier_server_must_be_known_too(known: set[bytes], clients: Clients) -> None:
    assert clients.may_be_unknown(7)
    assert not clients.one_is_known(7)
    known.add(b'a')
    assert clients.one_is_known(7)
    assert clients.one_is_known(8)
    assert not clients.may_be_unknown(9)
    assert clients.may_be_unknown(1)
    assert not clients.one_is_known(1)
