# SPDX-License-Identifier: Apache-2.0
"""The controller: modes, target, head commands, presets."""
