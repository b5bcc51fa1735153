# SPDX-License-Identifier: Apache-2.0
"""Parameters of the node ``web``."""

from __future__ import annotations

from dataclasses import dataclass

from turret_common.params import group, param

#: Environment variable with the secret path of the upstream bridge. A parameter could be read by every node.
BRIDGE_PATH_VARIABLE = 'TURRET_BRIDGE_PATH'
#: Values of the parameters ``bridge`` and ``video``.
BRIDGES = ('embedded', 'rosbridge_suite', 'none')
VIDEOS = ('embedded', 'web_video_server', 'none')


@dataclass(frozen=True)
class AccessParameters:
    """Access lists: patterns of names, relative to the namespace of the turret unless they begin with a slash."""

    topics: tuple[str, ...] = param(
        ('status', '*/state', 'vision/*', 'camera/*', 'exclusion/people', 'controller/target', 'gimbal/command',
        'joint_states', 'markers', 'safety/permit', 'sim/ground_truth', '/tf', '/tf_static', '/diagnostics', '/rosout'),
        'Topics that every client may subscribe to')
    operator_topics: tuple[str, ...] = param((), 'Topics that an operator may publish')
    viewer_services: tuple[str, ...] = param(
        ('safety/stop', 'status/get_faults', 'camera/list_media', 'bag/list', '*/get_parameters', '*/list_parameters',
         '*/describe_parameters', '*/get_parameter_types', '/rosapi/*'),
        'Services that every client may call: none that moves, fires, writes or deletes; stopping is always allowed')
    operator_services: tuple[str, ...] = param(
        ('camera/*', 'vision/*', 'controller/*', 'gimbal/*', 'laser/*', 'safety/*', 'bag/*', 'replay/*',
         '*/save_parameters'), 'Additional services that an operator may call')
    operator_actions: tuple[str, ...] = param(
        ('controller/*', 'gimbal/*', 'camera/*'), 'Actions that an operator may use')
    operator_offers: tuple[str, ...] = param((), "Services and actions that an operator's client may provide")
    parameters: tuple[str, ...] = param(
        ('camera:*', 'vision:*', 'controller:*', 'gimbal:*', 'laser:*', 'status:*', 'bag:*'),
        'Parameters that an operator may change, as node:name; read-only ones remain read-only')


@dataclass(frozen=True)
class LimitParameters:
    """Limits per client and in total."""

    clients: int = param(100, 'Maximum number of WebSocket connections', minimum=1, maximum=10_000)
    viewers: int = param(50, 'Maximum number of video streams', minimum=1, maximum=1000)
    subscriptions: int = param(200, 'Maximum number of subscriptions per connection', minimum=1, maximum=10_000)
    message_bytes: int = param(
        1_000_000, 'Maximum size of a message from a client', unit='bytes', minimum=1000, maximum=100_000_000)
    messages_per_s: float = param(
        500.0, 'Maximum message rate of a connection, averaged over one second', unit='1/s', minimum=1.0, maximum=1e6)
    json_depth: int = param(32, 'Maximum nesting depth of a message from a client', minimum=4, maximum=1000)
    stall_s: float = param(
        10.0, 'Time after which a client that reads nothing is disconnected', unit='s', minimum=0.1, maximum=3600.0)
    calls: int = param(64, 'Maximum number of pending calls and goals per connection', minimum=1, maximum=10_000)
    call_s: float = param(10.0, 'Maximum duration of a service call', unit='s', minimum=0.1, maximum=3600.0)
    goal_s: float = param(3600.0, 'Maximum duration of an action goal', unit='s', minimum=0.1, maximum=86_400.0)


@dataclass(frozen=True)
class WebParameters:
    """Parameters of the node ``web``."""

    host: str = param('127.0.0.1', 'Address to listen on')
    port: int = param(8000, 'TCP port to listen on; 0 = any free port', minimum=0, maximum=65535)
    allowed_origins: tuple[str, ...] = param(
        (), 'Additional web sites, such as https://robots.example, whose pages may use this server')
    allowed_hosts: tuple[str, ...] = param((), 'Additional host names under which browsers may reach this server')
    tls_certificate: str = param(
        '', 'PEM file of the TLS certificate, or "self-signed" to create one; empty = no encryption')
    tls_key: str = param('', 'PEM file of the private key; empty = in the file of the certificate')
    tokens_file: str = param(
        '', 'File of the tokens, for servers that share them; empty = web.tokens in the state folder')
    bridge: str = param(
        'embedded', 'Server of the rosbridge protocol: embedded, upstream rosbridge_suite behind the gateway, or none',
        choices=BRIDGES)
    bridge_upstream: str = param(
        'ws://127.0.0.1:9090', 'Address of rosbridge_websocket on this machine, for bridge rosbridge_suite')
    video: str = param(
        'embedded', 'Video server: embedded, upstream web_video_server behind the gateway, or none', choices=VIDEOS)
    video_upstream: str = param(
        'http://127.0.0.1:8080', 'Address of web_video_server on this machine, for video web_video_server')
    webrtc: bool = param(True, 'Video over WebRTC in addition to MJPEG')
    webrtc_bits_per_s: int = param(
        2_000_000, 'Bit rate of a WebRTC stream', unit='bit/s', minimum=100_000, maximum=20_000_000)
    rounded_topics: tuple[str, ...] = param(
        ('status',), 'Topics for display, whose numbers are rounded in JSON to reduce traffic')
    rounded_decimals: int = param(4, 'Number of decimals of rounded numbers', minimum=0, maximum=15)
    media_dir: str = param('', 'Folder of stills and videos to serve; empty = media in the state folder')
    bag_dir: str = param('', 'Folder of the bags to send as downloads; empty = bags in the state folder')
    fleet_file: str = param(
        '', 'File with addresses and tokens of other turrets to show; empty = fleet.yaml beside the state folders')
    access: AccessParameters = group(AccessParameters)
    limits: LimitParameters = group(LimitParameters)
