"""What every node of the turret does the same way."""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import rclpy
from rclpy.action.server import ServerGoalHandle
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.ros.deferred_response import defer_responses

RequestT = TypeVar('RequestT')
ResponseT = TypeVar('ResponseT')


_END_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(make_node: Callable[[], Node], args: list[str] | None = None) -> int:
    """Run one node in this process until SIGINT or SIGTERM; return the exit code. SIGUSR1 has it tell where it is.

    The node's ``destroy_node`` must end its threads and leave its hardware safe; it is called whatever happens, on a
    signal while the node can still publish. A thread of the node that cannot go on shuts the context down, which ends
    the process with exit code 1. A start that is refused (:class:`TurretError`) ends with its message on standard error
    and exit code 2.
    """
    # rclpy's own handlers would shut the context down under the feet of the threads that publish. Blocking the signals
    # would not do: a library's threads, started when it was imported, would take them and end the process.
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for number in _END_SIGNALS:
        signal.signal(number, _only_wake)
    faulthandler.register(signal.SIGUSR1)
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    node = None
    try:
        node = make_node()
        _spin_until_signal(node, woken)
        return 0
    except ExternalShutdownException:
        return 1
    except TurretError as error:
        sys.stderr.write(f'{error.message}\n')
        return 2
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()


def _only_wake(*_: object) -> None:
    """Let the wake-up descriptor tell of the signal."""


def _spin_until_signal(node: Node, woken: int) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    defer_responses(node)
    ending = threading.Event()
    wake = node.create_guard_condition(ending.set)

    def wait_for_signal() -> None:
        os.read(woken, 1)
        wake.trigger()

    threading.Thread(target=wait_for_signal, name='signals', daemon=True).start()
    while not ending.is_set():
        executor.spin_once()


def answered(handler: Callable[[Any, RequestT, ResponseT], Any]) -> Callable[[Any, RequestT, ResponseT], Any]:
    """Turn a method that raises :class:`TurretError` on refusal into a service callback that answers.

    The response's ``success``, ``code`` and ``message`` are filled; other errors are logged and answered as
    INTERNAL_ERROR, so that a caller never waits in vain. The method may be a coroutine.
    """
    @functools.wraps(handler)
    def callback(self: Any, request: RequestT, response: ResponseT) -> ResponseT:
        with _answering(self, handler.__name__, response):
            handler(self, request, response)
        return response

    @functools.wraps(handler)
    async def async_callback(self: Any, request: RequestT, response: ResponseT) -> ResponseT:
        with _answering(self, handler.__name__, response):
            await handler(self, request, response)
        return response
    return async_callback if inspect.iscoroutinefunction(handler) else callback


@contextlib.contextmanager
def _answering(owner: Any, name: str, response: Any) -> Iterator[None]:
    try:
        yield
        response.success = True
    except TurretError as error:
        response.code, response.message = int(error.code), error.message
    except Exception as error:  # noqa: BLE001  the caller must get a response
        node = owner if isinstance(owner, Node) else owner.node
        node.get_logger().error(f'{name}: {type(error).__name__}: {error}')
        response.code = int(ReasonCode.INTERNAL_ERROR)
        response.message = f'{type(error).__name__}: {error}'


def finish(goal: ServerGoalHandle, result: Any, error: TurretError | None) -> None:
    """Fill ``success``, ``code`` and ``message`` of a result, and tell the goal how it ended."""
    if error is None:
        result.success = True
        goal.succeed()
        return
    result.code, result.message = int(error.code), error.message
    if error.code is ReasonCode.CANCELLED and goal.is_cancel_requested:
        goal.canceled()
    else:
        goal.abort()
