# SPDX-License-Identifier: Apache-2.0
"""The operator secret: made once, for its user only, and refused when it cannot be used."""

from __future__ import annotations

import pytest

from turret_common.errors import TurretError
from turret_common.operator_secret import obtain_secret, secret_file
from turret_common.reason_codes import ReasonCode


def test_it_is_made_once_for_its_user_only() -> None:
    secret = obtain_secret('turret')
    assert len(secret) >= 40
    assert obtain_secret('turret') == secret
    assert obtain_secret('other') != secret
    assert secret_file('turret').stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(('content', 'mode', 'code'), [
    (b'', 0o600, ReasonCode.IO_ERROR), (b' \n', 0o600, ReasonCode.IO_ERROR),
    (b'\xff\xfe\x80', 0o600, ReasonCode.IO_ERROR),
    (b'secret', 0o640, ReasonCode.NOT_ALLOWED), (b'secret', 0o602, ReasonCode.NOT_ALLOWED)])
def test_one_that_cannot_be_used_is_refused_and_left_alone(content: bytes, mode: int, code: ReasonCode) -> None:
    file = secret_file('turret')
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(TurretError, match=r'operator\.secret') as refusal:
        obtain_secret('turret')
    assert refusal.value.code is code
    assert file.read_bytes() == content


def test_a_folder_in_its_place_is_refused() -> None:
    secret_file('turret').mkdir(mode=0o700)
    with pytest.raises(TurretError) as refusal:
        obtain_secret('turret')
    assert refusal.value.code is ReasonCode.IO_ERROR
