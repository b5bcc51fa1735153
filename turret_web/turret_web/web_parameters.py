"""Parameters of the node ``web``."""

from __future__ import annotations

from dataclasses import dataclass

from turret_common.params import group, param

#: Values of the parameters ``bridge`` and ``video``.
BRIDGES = ('embedded', 'rosbridge_suite', 'none')
VIDEOS = ('embedded', 'web_video_server', 'none')


@dataclass(frozen=True)
class AccessParameters:
    """What passes the front door; patterns, relative to the turret's namespace unless they begin with a slash."""

    topics: tuple[str, ...] = param(
        ('status', '*/state', 'vision/*', 'camera/*', 'exclusion/people', 'controller/target', 'gimbal/command',
         'joint_states', 'markers', 'safety/permit', 'sim/ground_truth', '/tf', '/tf_static', '/diagnostics',
         '/rosout'),
        'topics that everybody may subscribe to')
    operator_topics: tuple[str, ...] = param(
        ('controller/jog',), 'topics that an operator may publish')
    viewer_services: tuple[str, ...] = param(
        ('safety/stop', 'status/get_faults', 'camera/list_media', 'bag/list', '*/get_parameters', '*/list_parameters',
         '*/describe_parameters', '*/get_parameter_types', '/rosapi/*'),
        'services that everybody may call: nothing that moves, fires, writes or deletes; anybody may stop')
    operator_services: tuple[str, ...] = param(
        ('camera/*', 'vision/*', 'controller/*', 'gimbal/*', 'laser/*', 'safety/*', 'bag/*', 'replay/*',
         '*/save_parameters'),
        'services that an operator may call besides')
    operator_actions: tuple[str, ...] = param(
        ('controller/*', 'gimbal/*', 'camera/*'), 'actions that an operator may use')
    operator_offers: tuple[str, ...] = param(
        (), 'services and actions that the client of an operator may offer itself')
    parameters: tuple[str, ...] = param(
        ('camera:*', 'vision:*', 'controller:*', 'gimbal:*', 'laser:*', 'status:*', 'bag:*'),
        'parameters that an operator may change, as node:name; read-only ones stay so')


@dataclass(frozen=True)
class LimitParameters:
    """Bounds on what one client, and all together, may ask for."""

    clients: int = param(100, 'WebSocket connections at one time', minimum=1, maximum=10_000)
    viewers: int = param(50, 'video streams at one time', minimum=1, maximum=1000)
    subscriptions: int = param(200, 'subscriptions of one connection', minimum=1, maximum=10_000)
    message_bytes: int = param(
        1_000_000, 'largest message from a client', unit='bytes', minimum=1000, maximum=100_000_000)
    messages_per_s: float = param(
        500.0, 'messages of one connection, on average over a second', unit='1/s', minimum=1.0, maximum=1e6)
    json_depth: int = param(32, 'nesting of a message from a client', minimum=4, maximum=1000)
    stall_s: float = param(
        10.0, 'a client that reads nothing for so long is dropped', unit='s', minimum=0.1, maximum=3600.0)
    calls: int = param(64, 'calls, and goals, of one connection at one time', minimum=1, maximum=10_000)
    call_s: float = param(
        10.0, 'longest time that a service may take', unit='s', minimum=0.1, maximum=3600.0)
    goal_s: float = param(
        3600.0, 'longest time that a goal of an action may take', unit='s', minimum=0.1, maximum=86_400.0)


@dataclass(frozen=True)
class WebParameters:
    """Parameters of the node ``web``."""

    host: str = param('127.0.0.1', 'address to listen on')
    port: int = param(8000, 'TCP port to listen on; 0 for any free one', minimum=0, maximum=65535)
    allowed_origins: tuple[str, ...] = param(
        (), 'web sites, like https://robots.example, whose pages may use this server too')
    allowed_hosts: tuple[str, ...] = param(
        (), 'further host names under which browsers may reach this server')
    tls_certificate: str = param(
        '', 'PEM file of a certificate to encrypt with, or "self-signed" for one made here; empty = no encryption')
    tls_key: str = param('', "PEM file of the certificate's key; empty = it is in the same file")
    bridge: str = param(
        'embedded', 'the server of the rosbridge protocol: our own, the stock one behind this door, or none',
        choices=BRIDGES)
    bridge_upstream: str = param(
        'ws://127.0.0.1:9090', 'where rosbridge_websocket listens, for bridge rosbridge_suite; on this machine')
    video: str = param(
        'embedded', 'the server of the video: our own, the stock one behind this door, or none', choices=VIDEOS)
    video_upstream: str = param(
        'http://127.0.0.1:8080', 'where web_video_server listens, for video web_video_server; on this machine')
    webrtc: bool = param(True, 'offer video over WebRTC besides; MJPEG is always there')
    webrtc_bits_per_s: int = param(
        2_000_000, 'of a stream over WebRTC', unit='bit/s', minimum=100_000, maximum=20_000_000)
    rounded_topics: tuple[str, ...] = param(
        ('status',), 'topics for people to look at, whose numbers are rounded in JSON to save bytes')
    rounded_decimals: int = param(4, 'decimals that are left of them', minimum=0, maximum=15)
    media_dir: str = param('', 'folder of stills and videos to hand out; empty = media in the state folder')
    access: AccessParameters = group(AccessParameters)
    limits: LimitParameters = group(LimitParameters)
