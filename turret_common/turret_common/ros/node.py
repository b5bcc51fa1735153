# SPDX-License-Identifier: Apache-2.0
"""Running a node, and responses of services and actions, in the same way for all nodes."""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import inspect
import os
import select
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
from turret_common.threads.output import detach_output, restore_output
from turret_common.threads.real_time import prepare_process, raise_middleware

RequestT = TypeVar('RequestT')
ResponseT = TypeVar('ResponseT')


_END_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Environment variable with the id of the process with which the node ends, however that process does. ``ros2 launch``
#: leaves its nodes running when it gets SIGTERM or SIGKILL.
LAUNCHER_VARIABLE = 'TURRET_LAUNCHER'
#: Arguments for ``rclpy.init`` of programs whose output is kept or seen anyway: no log file in ``~/.ros``. Where that
#: folder cannot be made, rclpy would not start.
NO_LOG_FILE = ('--ros-args', '--disable-external-lib-logs')


def run(make_node: Callable[[], Node], args: list[str] | None = None, *, real_time: bool = False) -> int:
    """Run one node until SIGINT, SIGTERM or the end of its launcher; return the exit code. SIGUSR1 prints all stacks.

    The process should exit afterwards: it ignores further SIGINT and SIGTERM, which terminal and launcher both send.
    ``destroy_node`` of the node must stop its threads and leave its hardware safe; it is always called, on a signal
    while the node can still publish. A failing thread of the node shuts the context down, which ends the process with
    exit code 1. A refused start (:class:`TurretError`) exits with the error message on standard error and exit code
    2.

    Args:
        make_node: returns the node.
        args: arguments of ROS; None = those of the process.
        real_time: a busy machine must not delay the process: see
            :func:`turret_common.threads.real_time.prepare_process`. What it logs is written by a thread of its own and
            to no file of ROS.
    """
    if real_time:
        prepare_process()
        detach_output()
        args = [*(sys.argv if args is None else args), *NO_LOG_FILE]
    # The handlers of rclpy would shut the context down while threads publish. Blocking the signals is not enough:
    # threads that a library started at its import would receive them and end the process.
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
        raise_middleware()
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
        for number in _END_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        restore_output()


def _only_wake(*_: object) -> None:
    """Do nothing: the wake-up descriptor reports the signal."""


def _spin_until_signal(node: Node, woken: int) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    defer_responses(node)
    ending = threading.Event()
    wake = node.create_guard_condition(ending.set)

    def wait_for_end() -> None:
        with contextlib.suppress(ProcessLookupError):  # the launcher is gone already
            select.select([woken, *_launcher()], [], [])
        wake.trigger()

    threading.Thread(target=wait_for_end, name='signals', daemon=True).start()
    while not ending.is_set():
        executor.spin_once()


def _launcher() -> list[int]:
    launcher = os.environ.get(LAUNCHER_VARIABLE)
    return [os.pidfd_open(int(launcher))] if launcher else []


def answered(handler: Callable[[Any, RequestT, ResponseT], Any]) -> Callable[[Any, RequestT, ResponseT], Any]:
    """Make a service callback of a method that raises :class:`TurretError` on refusal.

    It fills ``success``, ``code`` and ``message`` of the response. Other exceptions are logged and become
    INTERNAL_ERROR, so that the caller always gets a response. The method may be a coroutine.
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
    """Fill ``success``, ``code`` and ``message`` of a result, and set the final state of the goal."""
    if error is None:
        result.success = True
        goal.succeed()
        return
    result.code, result.message = int(error.code), error.message
    if error.code is ReasonCode.CANCELLED and goal.is_cancel_requested:
        goal.canceled()
    else:
        goal.abort()
