# SPDX-License-Identifier: Apache-2.0
"""Which libraries read and write bags on this machine."""

from __future__ import annotations

from importlib.util import find_spec

#: Python packages that bags need. No package of Ubuntu 24.04 contains them, so there they are optional.
BAG_LIBRARIES = ('mcap', 'lz4', 'zstandard')
#: Name of the writer in the header of a file.
LIBRARY = 'turret'


def missing_bag_libraries() -> list[str]:
    """Return those of the packages for bags that are not installed."""
    return [name for name in BAG_LIBRARIES if find_spec(name) is None]


def is_rosbag2_needed() -> bool:
    """Return whether bags are read and written with ``rosbag2_py``, because packages for bags are missing."""
    return bool(missing_bag_libraries()) and has_rosbag2()


def has_rosbag2() -> bool:
    """Return whether ``rosbag2_py``, which a ROS distribution has, is installed."""
    return find_spec('rosbag2_py') is not None


def can_record() -> bool:
    """Return whether there is a library that writes bags."""
    return not missing_bag_libraries() or has_rosbag2()
