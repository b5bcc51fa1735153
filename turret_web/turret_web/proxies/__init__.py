# SPDX-License-Identifier: Apache-2.0
"""Proxies in front of the upstream rosbridge and video servers."""
