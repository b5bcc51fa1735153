# SPDX-License-Identifier: Apache-2.0
"""Log records of clients' doings: one line each, printable, and at a limited rate."""

from __future__ import annotations

import logging

import pytest

from turret_web.ros_logging import RosLogHandler


class Lines:
    """A logger of a node that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __getattr__(self, level: str):
        return lambda text: self.lines.append((level, text))


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def log(lines: Lines) -> logging.Logger:
    logger = logging.Logger('turret_web.test')
    logger.addHandler(RosLogHandler(lines))
    return logger


def test_a_flood_of_records_is_limited_and_counted(
        lines: Lines, log: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr('turret_web.ros_logging.time.monotonic', lambda: now)
    for number in range(10_000):
        log.warning('bad request %d', number)
    assert len(lines.lines) == 200
    log.error('another level')
    assert lines.lines[-1] == ('error', 'test: another level')
    now += 1.0
    log.warning('later')
    assert lines.lines[-1] == ('warning', 'test: later (9800 records before were suppressed)')
    now += 3600.0
    for number in range(1000):
        log.warning('bad request %d', number)
    assert len(lines.lines) == 202 + 200


def test_a_record_is_one_printable_line_without_a_traceback(lines: Lines, log: logging.Logger) -> None:
    try:
        raise ValueError('line 1\nline 2\x1b[31m\udcff')
    except ValueError:
        log.exception('from %s', 'a\r\nb\0c')
    log.info('x' * 100_000)
    text = lines.lines[0][1]
    assert text.isprintable()
    assert 'Traceback' not in text
    assert 'ValueError: line 1 line 2' in text
    text.encode()
    assert len(lines.lines[1][1]) <= 1000
