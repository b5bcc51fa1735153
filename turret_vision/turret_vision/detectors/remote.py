# SPDX-License-Identifier: Apache-2.0
"""Detection by an inference server over HTTP, of the Roboflow kind."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import http.client
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, urlencode, urlsplit

import cv2

from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Box, Detection, View
from turret_vision.detectors.detector import Detector, confidence_param, width_param

_QUALITY = 85
_MAX_RESPONSE = 1 << 20


@dataclasses.dataclass(frozen=True)
class RemoteParameters:
    """Detection by an inference server over HTTP, of the Roboflow kind."""

    width: int = width_param(640)
    url: str = param('http://127.0.0.1:9001', 'URL of the inference server', live=True)
    hosts: tuple[str, ...] = param(('127.0.0.1', 'localhost'), 'Hosts that images may be sent to')
    model: str = param('', 'Project and version, for example "balloons/3"', live=True)
    key_file: str = param('', 'File with the API key; empty = none')
    confidence: float = confidence_param(0.5)
    timeout_s: float = param(0.5, 'Maximum wait for a response', unit='s', minimum=0.05, maximum=10.0, live=True)


class RemoteDetector(Detector[RemoteParameters]):
    """Sends each image to a server and takes its boxes.

    It waits at most ``timeout_s``, in the worker of vision alone, and follows no redirection: images go to the hosts
    named in the configuration and nowhere else.

    Raises:
        TurretError: DETECTOR_FAILED where the address is not allowed, no model is named or the key cannot be read.
    """

    name: ClassVar = 'remote'
    groups: ClassVar = {name: RemoteParameters}

    def __init__(self, parameters: RemoteParameters, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parameters)
        self._clock = clock
        address = urlsplit(parameters.url)
        if address.scheme not in ('http', 'https') or not address.hostname:
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'remote.url "{parameters.url}" is not an HTTP URL')
        if address.hostname not in parameters.hosts:
            raise TurretError(
                ReasonCode.DETECTOR_FAILED, f'images may not be sent to {address.hostname}: it is not in remote.hosts')
        if not parameters.model:
            raise TurretError(ReasonCode.DETECTOR_FAILED, 'remote needs remote.model, as in "balloons/3"')
        self._kind = http.client.HTTPSConnection if address.scheme == 'https' else http.client.HTTPConnection
        self._host, self._port = address.hostname, address.port
        key = _read_key(parameters.key_file)
        query = urlencode({'confidence': parameters.confidence, **({'api_key': key} if key else {})})
        self._target = f'{address.path.rstrip("/")}/{quote(parameters.model)}?{query}'

    @property
    def mode(self) -> str:
        """The model on the server."""
        return self._parameters.model

    def tune(self, parameters: RemoteParameters) -> bool:
        """Any change needs a new detector."""
        return parameters == self._parameters

    def detect(self, view: View) -> list[Detection]:
        """Return the detections of the server in a view.

        Raises:
            TurretError: DETECTOR_FAILED without a valid response in time.
        """
        _, jpeg = cv2.imencode('.jpg', view.image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        try:
            answer = json.loads(self._ask(base64.b64encode(jpeg.tobytes())))
            found = [self._detection(prediction) for prediction in answer['predictions']]
        except (OSError, http.client.HTTPException) as error:
            # The URL contains the key, so only the type of the error is reported.
            raise TurretError(
                ReasonCode.DETECTOR_FAILED, f'{self._host} does not respond: {type(error).__name__}') from error
        except (ValueError, KeyError, TypeError) as error:
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'{self._host} sent an invalid response') from error
        return [detection for detection in found if detection is not None]

    def _ask(self, body: bytes) -> bytes:
        deadline = self._clock() + self._parameters.timeout_s
        connection = self._kind(self._host, self._port, timeout=self._parameters.timeout_s)
        with contextlib.closing(connection):
            connection.request(
                'POST', self._target, body, {'Content-Type': 'application/x-www-form-urlencoded'})
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise TurretError(
                    ReasonCode.DETECTOR_FAILED, f'{self._host} refuses with status {response.status}')
            answer = b''
            while piece := response.read1(65536):
                answer += piece
                if len(answer) > _MAX_RESPONSE:
                    raise ValueError('too long')
                if self._clock() > deadline:  # the socket's time-out alone does not limit a slow response
                    raise TimeoutError
            return answer

    def _detection(self, prediction: dict[str, Any]) -> Detection | None:
        x, y, width, height, confidence = (
            float(prediction[name]) for name in ('x', 'y', 'width', 'height', 'confidence'))
        if not all(map(math.isfinite, (x, y, width, height, confidence))) or min(width, height) <= 0.0:
            return None
        if not self._parameters.confidence <= confidence <= 1.0:
            return None
        return Detection(str(prediction['class'])[:64], Box(x - 0.5, y - 0.5, width, height), confidence)


def _read_key(file: str) -> str:
    if not file:
        return ''
    try:
        return Path(file).expanduser().read_text(encoding='utf-8').strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TurretError(ReasonCode.DETECTOR_FAILED, f'the key in {file} cannot be read') from error
