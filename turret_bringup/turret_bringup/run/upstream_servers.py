# SPDX-License-Identifier: Apache-2.0
"""The upstream ``rosbridge_server`` and ``web_video_server`` with settings that are safe behind the web gateway.

They listen on this machine only, and where rosbridge_websocket listens has a secret path, because any web page may open
a WebSocket to this machine: only the web gateway, which knows who may do what, reaches it. Its own lists of names are
those of the web gateway; they do not cover actions, and an empty one would allow everything.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from turret_web.proxies.rosbridge_proxy import check_upstream
from turret_web.web_parameters import AccessParameters, WebParameters


class UpstreamNode(NamedTuple):
    """A node of a distribution's package, and its parameters."""

    package: str
    executable: str
    name: str
    parameters: dict[str, str | int | float | bool]


def secret_path() -> str:
    """Return a new secret path for rosbridge_websocket."""
    return f'/{secrets.token_urlsafe(24)}'


def bridge_nodes(web: WebParameters, namespace: str, path: str) -> list[UpstreamNode]:
    """Return the nodes of rosbridge_suite; none where the web gateway uses another bridge.

    Raises:
        TurretError: INVALID_ARGUMENT, it is to listen wider than on this machine.
    """
    if web.bridge != 'rosbridge_suite':
        return []
    url = urlsplit(check_upstream(web.bridge_upstream, ('ws',)))
    globs = _globs(web.access, namespace)
    return [
        UpstreamNode('rosbridge_server', 'rosbridge_websocket', 'rosbridge_websocket', {
            **globs, 'address': url.hostname or '', 'port': url.port or 9090, 'url_path': url.path.rstrip('/') + path,
            'max_message_size': web.limits.message_bytes, 'call_services_in_new_thread': True,
            'send_action_goals_in_new_thread': True}),
        UpstreamNode('rosapi', 'rosapi_node', 'rosapi', dict(globs))]


def video_nodes(web: WebParameters) -> list[UpstreamNode]:
    """Return the node of web_video_server; none where the web gateway uses another one. Raises as the other."""
    if web.video != 'web_video_server':
        return []
    url = urlsplit(check_upstream(web.video_upstream, ('http',)))
    return [UpstreamNode('web_video_server', 'web_video_server', 'web_video_server', {
        'address': url.hostname or '', 'port': url.port or 8080, 'verbose': False})]


def _globs(access: AccessParameters, namespace: str) -> dict[str, str | int | float | bool]:
    """Return the allow-lists in the form of rosbridge_suite; the web gateway knows further what each role may do."""
    def listed(patterns: Iterable[str]) -> str:
        names = [name if name.startswith('/') else f'/{namespace}/{name}' for name in patterns]
        return '[' + ', '.join(f"'{name}'" for name in names or ['/none']) + ']'
    services = (*access.viewer_services, *access.operator_services, '*/set_parameters')
    return {
        'topics_glob': listed((*access.topics, *access.operator_topics)), 'services_glob': listed(services),
        'params_glob': listed(access.parameters)}
