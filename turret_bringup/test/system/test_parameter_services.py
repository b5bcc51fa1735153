# SPDX-License-Identifier: Apache-2.0
"""Every node of every graph answers its parameter services, and lives on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy.parameter import Parameter, parameter_value_to_python

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import ScratchTurret, scratch_turret
from turret_bringup.settings.configuration import compose
from turret_common.params import specs
from turret_common.testing.waiting import wait_until

pytestmark = pytest.mark.system
#: Starts each node that a turret can have.
WITH_EVERY_NODE = ('safety.exclusion=always',)
GRAPH = compose('turret', assignments=WITH_EVERY_NODE).nodes
NODES = tuple(spec.name for spec in GRAPH)


@pytest.fixture(scope='module')
def turret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchTurret]:
    with scratch_turret(tmp_path_factory.mktemp('state'), ['--set', *WITH_EVERY_NODE]) as turret:
        yield turret


def test_every_node_lists_describes_returns_and_sets_its_parameters(client: TurretClient) -> None:
    assert 'exclusion' in NODES
    wait_until(lambda: client.running(NODES) == list(NODES), 60.0, 'every node')
    for spec in GRAPH:
        expected = specs(spec.parameters())
        names = sorted(client.send(
            ListParameters, f'{spec.name}/list_parameters', ListParameters.Request()).result.names)
        assert set(names) >= set(expected), spec.name
        described = client.send(
            DescribeParameters, f'{spec.name}/describe_parameters', DescribeParameters.Request(names=names)).descriptors
        assert [descriptor.name for descriptor in described] == names
        types = client.send(
            GetParameterTypes, f'{spec.name}/get_parameter_types', GetParameterTypes.Request(names=names)).types
        values = client.send(
            GetParameters, f'{spec.name}/get_parameters', GetParameters.Request(names=names)).values
        assert [value.type for value in values] == list(types)
        for descriptor in described:
            if descriptor.name in expected:
                assert descriptor.description
                assert descriptor.read_only is not expected[descriptor.name].info.live, descriptor.name
        live = [name for name in names if name in expected and expected[name].info.live][:1]
        present = [client.parameters(spec.name, [name])[name] for name in live]
        for name, value in zip(live, present, strict=True):
            client.set_parameter(spec.name, name, value)
        refused = client.send(
            SetParametersAtomically, f'{spec.name}/set_parameters_atomically', SetParametersAtomically.Request(
                parameters=[_unknown()])).result
        assert not refused.successful
        refused = client.send(
            SetParameters, f'{spec.name}/set_parameters', SetParameters.Request(parameters=[_unknown()])).results[0]
        assert not refused.successful
        assert all(parameter_value_to_python(value) is not None for value in values)
    assert client.running(NODES) == list(NODES)


def test_the_parameters_of_all_nodes_can_be_dumped(turret: ScratchTurret, client: TurretClient) -> None:
    wait_until(lambda: client.running(NODES) == list(NODES), 60.0, 'every node')
    dump = subprocess.run(
        [sys.executable, '-m', 'turret_bringup.cli', 'param', 'dump'], env=turret.environment, capture_output=True,
        text=True, timeout=60.0, check=False)
    assert dump.returncode == 0, dump.stderr
    assert [name for name in NODES if f'/{name}:' not in dump.stdout] == []
    assert not any('exited with code' in line for line in turret.lines)


def _unknown() -> ParameterMessage:
    return Parameter('there_is_no_such_parameter', value=1).to_parameter_msg()
