# SPDX-License-Identifier: Apache-2.0
"""Serial buses of servos with feedback: their protocols, and emulated servos for tests and trials without hardware."""
