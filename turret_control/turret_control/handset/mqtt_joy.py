# SPDX-License-Identifier: Apache-2.0
"""Receives the handset's messages from an MQTT broker. Needs paho-mqtt, which is imported when it is used."""

from __future__ import annotations

import contextlib
import logging
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.user_files import read_text
from turret_control.handset.handset import HandsetParameters

_KEEPALIVE_S = 5
_MOST_WAITING = 16

_log = logging.getLogger(__name__)


class MqttJoy:
    """A subscription at a broker, which is looked for again whenever it is lost, in a thread of its own."""

    def __init__(self, parameters: HandsetParameters) -> None:
        """Prepare it; nothing is opened before :meth:`start`."""
        self._parameters = parameters
        self._received: queue.Queue[str] = queue.Queue(_MOST_WAITING)
        self._client: Any = None

    def start(self) -> None:
        """Begin to connect.

        Raises:
            TurretError: IO_ERROR, the password cannot be read; NOT_SUPPORTED, paho-mqtt is missing.
        """
        p = self._parameters
        path = Path(p.password_file).expanduser()
        try:
            others = path.stat().st_mode & 0o077
            password = read_text(path).strip()
        except OSError as error:
            raise TurretError(
                ReasonCode.IO_ERROR, f'mqtt_joy: cannot read the password in {path}: {error.strerror}') from error
        except TurretError as error:
            raise TurretError(error.code, f'mqtt_joy: cannot read the password in {path}: {error.message}') from error
        if others:
            raise TurretError(ReasonCode.IO_ERROR, f'mqtt_joy: others may read {path}; run: chmod 600 {path}')
        try:
            from paho.mqtt import client as mqtt
        except ImportError as error:
            raise TurretError(ReasonCode.NOT_SUPPORTED, 'mqtt_joy needs paho-mqtt: pip install paho-mqtt') from error
        versions = getattr(mqtt, 'CallbackAPIVersion', None)  # None in paho-mqtt 1.6
        client = self._client = mqtt.Client(*([versions.VERSION2] if versions else []))
        client.username_pw_set(p.user, password)
        if p.tls:
            client.tls_set()
        client.reconnect_delay_set(1, 5)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.connect_async(p.host, p.port, _KEEPALIVE_S)
        client.loop_start()

    def stop(self) -> None:
        """Leave the broker; harmless when never started."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()

    def take(self) -> Iterator[str]:
        """Give the messages that have arrived since the last call, oldest first."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._received.get_nowait()

    def _on_connect(self, client: Any, _userdata: Any, _flags: Any, reason: Any, *_: Any) -> None:
        if getattr(reason, 'is_failure', reason):  # a number in paho-mqtt 1.6, 0 = accepted
            _log.warning('mqtt_joy: the broker refuses: %s', reason)
            return
        client.subscribe(self._parameters.topic)
        _log.info('mqtt_joy: listening at %s port %d', self._parameters.host, self._parameters.port)

    def _on_disconnect(self, _client: Any, _userdata: Any, *reasons: Any) -> None:
        _log.warning('mqtt_joy: connection to the broker lost: %s', ', '.join(map(str, reasons)))

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        if message.retain:  # kept by the broker: from any time in the past
            return
        with contextlib.suppress(queue.Full):
            self._received.put_nowait(message.payload.decode(errors='replace'))
