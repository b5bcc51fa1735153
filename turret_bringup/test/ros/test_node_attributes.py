# SPDX-License-Identifier: Apache-2.0
"""No node of the turret overwrites an attribute that rclpy's Node needs itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from rclpy.node import Node

from turret_common.testing.ros_testing import RosHarness

ROOT = Path(__file__).parents[3]
NODES = sorted(path for path in ROOT.glob('turret_*/turret_*/*_node.py'))


def attributes_set(path: Path) -> set[str]:
    """Return the attributes and methods of each class of a file that derives from Node."""
    found: set[str] = set()
    for cls in ast.walk(ast.parse(path.read_text())):
        if not isinstance(cls, ast.ClassDef) or 'Node' not in {ast.unparse(base) for base in cls.bases}:
            continue
        for node in ast.walk(cls):
            if isinstance(node, ast.FunctionDef):
                found.add(node.name)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
    return found


@pytest.mark.parametrize('path', NODES, ids=lambda path: path.stem)
def test_a_node_shadows_no_private_attribute_of_rclpy(path: Path, ros: RosHarness) -> None:
    private = {name for name in (*dir(Node), *vars(ros.probe)) if name.startswith('_') and not name.startswith('__')}
    assert '_parameters' in private
    assert not attributes_set(path) & private
