# SPDX-License-Identifier: Apache-2.0
"""The rendered room that the simulated camera sees."""
