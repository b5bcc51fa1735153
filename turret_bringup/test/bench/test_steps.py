# SPDX-License-Identifier: Apache-2.0
"""The step benchmark measures what was asked for."""

from __future__ import annotations

import argparse

from turret_bringup.bench.steps import add_arguments, measure


def test_it_yields_rows_for_each_rate_and_the_limit() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    rows = list(measure(parser.parse_args(['--rates', '200', '--seconds', '0.2'])))
    assert [row.metric for row in rows] == [
        'rate reached', 'interval error median', 'interval error p99', 'interval error worst', 'CPU', 'rate']
    assert 0.0 < rows[0].value < 400.0
    assert {row.variant for row in rows} == {'imitated pins'}
