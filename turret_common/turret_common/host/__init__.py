# SPDX-License-Identifier: Apache-2.0
"""What runs the turret on its computer: systemd, and the installed Python packages."""
