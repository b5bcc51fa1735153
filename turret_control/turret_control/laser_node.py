"""The laser node as it is started: its guardian, which runs the driver and imports no ROS."""

from __future__ import annotations

import sys

from turret_control.guardian import Guardian


def main() -> int:
    """Run the driver under its guardian; return the exit code."""
    return Guardian([sys.executable, '-m', 'turret_control.laser_driver_node', *sys.argv[1:]]).run()


if __name__ == '__main__':
    raise SystemExit(main())
