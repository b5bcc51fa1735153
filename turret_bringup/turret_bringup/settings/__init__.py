# SPDX-License-Identifier: Apache-2.0
"""Graph of nodes, parameter layers, robot description."""
