# SPDX-License-Identifier: Apache-2.0
"""Setting up real hardware: what is plugged in, servo buses, and the wizard that writes the parameter file."""
