# SPDX-License-Identifier: Apache-2.0
"""The TMC2209's datagrams are those of its datasheet, and nothing is assumed that the chip did not confirm."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tmc_bus import FakePort, checksum

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_control.devices.tmc2209 import (
    CHOPCONF,
    COOLCONF,
    GCONF,
    GSTAT,
    IFCNT,
    IHOLD_IRUN,
    PWMCONF,
    SGTHRS,
    VACTUAL,
    Chip,
    ChipSettings,
    crc8,
    keeps_current,
    parse_reply,
    read_request,
    write_request,
)

SETTINGS = ChipSettings(20, 6, 4, 20, 8, False)


def test_the_datasheets_example_of_a_checksum() -> None:
    assert read_request(0, GCONF) == bytes.fromhex('05000048')


@given(st.binary(max_size=8))
def test_the_checksum_is_the_datasheets(data: bytes) -> None:
    assert crc8(data) == checksum(data)


def test_a_write_carries_the_value_with_its_highest_byte_first() -> None:
    assert write_request(1, IHOLD_IRUN, 0x00041406)[:-1] == bytes.fromhex('05019000041406')


def test_only_a_whole_answer_about_the_right_register_counts() -> None:
    body = bytes.fromhex('05FF0212345678')
    good = body + bytes([checksum(body)])
    assert parse_reply(good, 2) == 0x12345678
    assert parse_reply(good, 3) is None
    assert parse_reply(good[:-1], 2) is None
    assert parse_reply(good[:-1] + bytes([good[-1] ^ 1]), 2) is None
    from_node = bytes.fromhex('05000212345678')
    assert parse_reply(from_node + bytes([checksum(from_node)]), 2) is None


def test_the_settings_as_registers() -> None:
    registers = SETTINGS.registers()
    assert registers[CHOPCONF] == 0x15010043
    assert registers[IHOLD_IRUN] == 0x00041406
    assert registers[GCONF] == 0x1C0
    assert dataclasses.replace(SETTINGS, spread_cycle=True).registers()[GCONF] == 0x1C4


@pytest.mark.parametrize(('microsteps', 'code'), [
    (1, 8), (2, 7), (4, 6), (8, 5), (16, 4), (32, 3), (64, 2), (128, 1), (256, 0)])
def test_microsteps_as_the_chip_counts_them(microsteps: int, code: int) -> None:
    assert dataclasses.replace(SETTINGS, microsteps=microsteps).registers()[CHOPCONF] >> 24 & 0xF == code


@pytest.mark.parametrize('echo', [True, False])
def test_configuring_writes_everything_and_forgets_the_reset(echo: bool) -> None:
    port = FakePort(echo)
    chip = Chip(port, 1, echo)
    chip.configure(SETTINGS)
    chip.check()
    for register, value in SETTINGS.registers().items():
        assert port.chips[1].registers[register] == value
    assert port.chips[0].registers[GSTAT] == 1
    assert port.chips[0].registers[IFCNT] == 250
    assert chip.written[IHOLD_IRUN] == 0x00041406


def test_configuring_clears_what_another_program_left() -> None:
    port = FakePort()
    Chip(port, 0).configure(SETTINGS)
    registers = port.chips[0].registers
    assert (registers[VACTUAL], registers[SGTHRS], registers[COOLCONF]) == (0, 0, 0)
    assert registers[PWMCONF] == 0xC10D0024
    first = [data[2] & 0x7F for data in port.sent if data[2] & 0x80][:3]
    assert first == [GSTAT, 0x03, VACTUAL], 'the motor must not rotate by itself while the rest is written'


def test_a_reset_while_the_settings_are_written_is_a_fault() -> None:
    port = FakePort()
    chip = port.chips[0]
    write = chip.write

    def reset_at_last(register: int, value: int) -> None:
        write(register, value)
        if register == PWMCONF:
            chip.registers = {GSTAT: 1, IFCNT: chip.registers[IFCNT]}
    chip.write = reset_at_last  # type: ignore[method-assign]
    with pytest.raises(TurretError, match='lost its settings'):
        Chip(port, 0).configure(SETTINGS)


def test_a_write_of_another_program_is_a_fault() -> None:
    port = FakePort()
    chip = Chip(port, 0)
    chip.configure(SETTINGS)
    chip.write(IHOLD_IRUN, 0x00041407)
    chip.check()
    port.chips[0].write(VACTUAL, 1000)
    with pytest.raises(TurretError, match='another program'):
        chip.check()


def test_an_echo_that_differs_is_named() -> None:
    port = FakePort()
    port.spoil_echo = True
    with pytest.raises(TurretError, match='does not come back'):
        Chip(port, 0).read(GCONF)
    with pytest.raises(TurretError, match='does not come back'):
        Chip(FakePort(echo=False), 0).read(GCONF)


@pytest.mark.parametrize(('register', 'value', 'kept'), [
    (IHOLD_IRUN, 0x00041401, True), (IHOLD_IRUN, 0x00041400, False), (IHOLD_IRUN, 0x0004141F, True),
    (PWMCONF, 0xC10D0024, True), (PWMCONF, 0, False), (PWMCONF, 1 << 18, True), (SGTHRS, 0, True)])
def test_what_takes_the_holding_current_away(register: int, value: int, kept: bool) -> None:
    assert keeps_current(register, value) is kept


def test_a_spoilt_answer_is_asked_for_again() -> None:
    port = FakePort()
    port.spoil = 2
    assert Chip(port, 0).read(GSTAT) == 1
    port.spoil = 3
    with pytest.raises(TurretError) as refusal:
        Chip(port, 0).read(GSTAT)
    assert refusal.value.code is ReasonCode.DRIVER_FAULT


def test_a_write_that_is_not_counted_is_not_believed() -> None:
    port = FakePort()
    port.chips[0].deaf = True
    chip = Chip(port, 0)
    with pytest.raises(TurretError, match='does not take register 0x10'):
        chip.write(IHOLD_IRUN, 0)
    assert chip.written == {}


@pytest.mark.parametrize(('status', 'error'), [
    (1, 'lost its settings'), (2, 'switched its motor off'), (4, 'GSTAT 4')])
def test_a_reset_or_an_error_is_a_fault(status: int, error: str) -> None:
    port = FakePort()
    chip = Chip(port, 0)
    chip.configure(SETTINGS)
    port.chips[0].registers[GSTAT] = status
    with pytest.raises(TurretError, match=error):
        chip.check()


def test_a_chip_that_is_not_there_is_a_fault() -> None:
    with pytest.raises(TurretError, match='address 3 does not answer'):
        Chip(FakePort(), 3).read(GCONF)
