# SPDX-License-Identifier: Apache-2.0
"""The laser node as it is started: its guardian, which runs the driver as a child and imports no ROS itself."""

from __future__ import annotations

from turret_control.laser.guardian import Guardian, GuardianLink


def _drive(guardian: GuardianLink) -> int:
    from turret_control import laser_driver_node  # in the child only

    return laser_driver_node.main(guardian)


def main() -> int:
    """Run the driver under its guardian; return the exit code."""
    return Guardian(_drive).run()


if __name__ == '__main__':
    raise SystemExit(main())
