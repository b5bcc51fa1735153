# SPDX-License-Identifier: Apache-2.0
"""Functions handed to the thread that owns something: their results, errors and time-outs."""

import threading

import pytest

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.threads.mailbox import Mailbox

LONG_S = 30.0


class Owner(threading.Thread):
    """Runs what arrives until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.mailbox = Mailbox('owner')
        self._running = True

    def run(self) -> None:
        while self._running:
            self.mailbox.run_next(LONG_S)

    def stop(self) -> None:
        self.mailbox.post(lambda: setattr(self, '_running', False))
        self.join(LONG_S)
        assert not self.is_alive()


@pytest.fixture
def owner():
    made = Owner()
    made.start()
    yield made
    made.stop()


def test_a_call_returns_the_result_of_the_owning_thread(owner: Owner) -> None:
    assert owner.mailbox.call(threading.get_ident, LONG_S) == owner.ident


def test_a_call_raises_the_error_and_the_owner_continues(owner: Owner) -> None:
    def fail() -> None:
        raise TurretError(ReasonCode.BUSY, 'busy')
    with pytest.raises(TurretError, match='busy'):
        owner.mailbox.call(fail, LONG_S)
    assert owner.mailbox.call(lambda: 7, LONG_S) == 7


def test_a_call_that_timed_out_never_runs() -> None:
    mailbox, ran = Mailbox('owner'), []
    with pytest.raises(TurretError) as error:
        mailbox.call(lambda: ran.append(1), 0.01)
    assert error.value.code is ReasonCode.TIMED_OUT
    mailbox.run_pending()
    assert ran == []


def test_pending_functions_run_in_order_and_those_added_meanwhile_wait() -> None:
    mailbox, ran = Mailbox('owner'), []
    mailbox.post(lambda: (ran.append(1), mailbox.post(lambda: ran.append(3))))
    mailbox.post(lambda: ran.append(2))
    mailbox.run_pending()
    assert ran == [1, 2]
    assert mailbox.run_next()
    assert ran == [1, 2, 3]
    assert not mailbox.run_next()
