# SPDX-License-Identifier: Apache-2.0
"""Fixtures that the tests of all packages share."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from turret_common.host.minimum_versions import BASIS, MINIMUM, unmet

with contextlib.suppress(ImportError):  # not needed by the tests of an installation
    from hypothesis import settings

    # The same examples every time; ``--hypothesis-profile=default`` looks for new ones.
    settings.register_profile('repeatable', derandomize=True)
    settings.load_profile('repeatable')

with contextlib.suppress(ImportError):  # tests of packages that do not use pins run without it
    from turret_control.devices.gpio_pins import import_lgpio

    import_lgpio()  # before a test imports lgpio, which would leave a named pipe in the working directory

#: A ROS distribution does not use the supervisor, which these tests are about; test/launched has the same scenarios.
collect_ignore_glob = ['turret_*/test/system/*'] if 'ROS_DISTRO' in os.environ else []


#: Modules that a distribution may not have; test modules that need one of them are skipped without it.
OPTIONAL = {
    'amqtt', 'lgpio', 'lz4', 'mcap', 'onnx', 'onnxruntime', 'pwdlib', 'pyarrow', 'rosbags', 'roslibpy', 'simple_pid',
    'urdf_parser_py', 'zstandard'}


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Report a test module that cannot import an optional module, or one that is too old here, as skipped."""
    outcome = yield
    report: pytest.CollectReport = outcome.get_result()  # type: ignore[attr-defined]  pluggy sends it
    if not report.failed:
        return
    text = str(report.longrepr or '')
    missing = re.search(r"ModuleNotFoundError: No module named '([a-z0-9_]+)", text)
    reasons = [f'the Python module {missing[1]} is not installed'] if missing and missing[1] in OPTIONAL else [
        refusal for refusal, packages in _refusals() if any(name in text for name in packages)]
    if reasons:
        report.outcome = 'skipped'
        report.longrepr = (str(collector.path), 0, reasons[0])


def _refusals() -> Iterator[tuple[str, Iterable[str]]]:
    """Yield why features are refused with the packages that are installed here, and the packages that they need."""
    for feature in MINIMUM.keys() - {BASIS}:
        if refusal := unmet(feature):
            yield refusal, MINIMUM[feature]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Report a test that needs an optional module as skipped without it, and one of a feature that is refused here."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()  # type: ignore[attr-defined]  pluggy sends it
    if report.failed and call.excinfo is not None:
        error = call.excinfo.value
        if isinstance(error, ModuleNotFoundError) and error.name in OPTIONAL:
            report.outcome = 'skipped'
            report.longrepr = (str(item.path), 0, f'the Python module {error.name} is not installed')
        for refusal, _ in _refusals():
            if refusal in str(call.excinfo.value):
                report.outcome = 'skipped'
                report.longrepr = (str(item.path), 0, refusal)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a state and a runtime folder of its own."""
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path / 'state'))
    monkeypatch.delenv('XDG_RUNTIME_DIR', raising=False)
    return tmp_path / 'state'


@pytest.fixture
def ros() -> Iterator[Any]:
    """A :class:`turret_common.testing.ros_testing.RosHarness` in a ROS domain of its own."""
    from turret_common.testing.ros_testing import ros_harness
    with ros_harness() as harness:
        yield harness


@pytest.fixture(scope='session')
def footage() -> Path:
    """The folder with the shared real footage; the test is skipped where there is none."""
    folder = Path(os.environ.get('TURRET_TEST_DATA') or Path(__file__).parent.parent / 'shared' / 'data')
    if not folder.is_dir():
        pytest.skip(f'no footage: {folder} does not exist and TURRET_TEST_DATA is not set')
    return folder
