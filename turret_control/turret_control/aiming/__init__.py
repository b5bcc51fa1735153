# SPDX-License-Identifier: Apache-2.0
"""Target selection, prediction, backlash compensation, PID and limits."""
