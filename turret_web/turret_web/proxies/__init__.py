"""Proxies in front of the upstream rosbridge and video servers."""
