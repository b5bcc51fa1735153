# SPDX-License-Identifier: Apache-2.0
"""The key of a run: one for all processes, readable by its user only."""

from __future__ import annotations

import hashlib
import hmac
import threading
from pathlib import Path

import pytest

from turret_common.errors import TurretError
from turret_common.messages.run_key import key_file, mac, mac_valid, renew_run_key, run_id, run_key
from turret_common.reason_codes import ReasonCode


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))


def test_all_processes_get_the_same_key() -> None:
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(run_key('turret'))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert [path.name for path in key_file('turret').parent.iterdir()] == ['run.key']
    assert key_file('turret').stat().st_mode & 0o777 == 0o600


def test_a_new_run_has_another_key() -> None:
    before = run_key('turret')
    renew_run_key('turret')
    assert run_key('turret') != before
    assert run_key('turret') != run_key('other')
    assert run_id(before) != run_id(run_key('turret'))


@pytest.mark.parametrize(('content', 'mode', 'code'), [
    (b'short', 0o600, ReasonCode.IO_ERROR), (bytes(33), 0o600, ReasonCode.IO_ERROR), (b'', 0o600, ReasonCode.IO_ERROR),
    (bytes(32), 0o644, ReasonCode.NOT_ALLOWED), (bytes(32), 0o620, ReasonCode.NOT_ALLOWED),
    (bytes(32), 0o601, ReasonCode.NOT_ALLOWED)])
def test_a_key_that_is_unreliable_is_refused(content: bytes, mode: int, code: ReasonCode) -> None:
    key_file('turret').write_bytes(content)
    key_file('turret').chmod(mode)
    with pytest.raises(TurretError) as refusal:
        run_key('turret')
    assert refusal.value.code is code


def test_a_key_that_only_its_owner_may_use_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    key_file('turret').write_bytes(b'k' * 32)
    key_file('turret').chmod(0o700)
    monkeypatch.setattr('turret_common.messages.run_key.write_atomically', None)  # nothing is written
    assert run_key('turret') == b'k' * 32


def test_a_key_that_cannot_be_read_or_written_is_an_error() -> None:
    key_file('turret').mkdir(mode=0o700)
    for use in (run_key, renew_run_key):
        with pytest.raises(TurretError) as refusal:
            use('turret')
        assert refusal.value.code is ReasonCode.IO_ERROR
        assert 'the key of the run' in refusal.value.message


def test_the_names_of_runs_and_the_codes_have_their_lengths() -> None:
    assert len(run_key('turret')) == 32
    assert len(run_id(run_key('turret'))) == 16
    expected = hmac.new(b'key', repr(('permit', 1, True, 'x')).encode(), hashlib.sha256).hexdigest()
    assert mac(b'key', 'permit', (1, True, 'x')) == expected[:32]


def test_a_code_belongs_to_key_kind_and_values() -> None:
    code = mac(b'key', 'permit', (1, True, 'x'))
    assert mac_valid(code, b'key', 'permit', (1, True, 'x'))
    for key, kind, values in (
            (b'other', 'permit', (1, True, 'x')), (b'key', 'grant', (1, True, 'x')), (b'key', 'permit', (1, True)),
            (b'key', 'permit', (1, False, 'x')), (b'key', 'permit', (1, True, 'y'))):
        assert not mac_valid(code, key, kind, values)
    assert not mac_valid('', b'key', 'permit', (1, True, 'x'))
