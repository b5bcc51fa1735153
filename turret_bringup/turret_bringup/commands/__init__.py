# SPDX-License-Identifier: Apache-2.0
"""Commands of ``./turret``, one module each with a docstring (the help text), ``add_arguments`` and ``run``."""

from __future__ import annotations

from types import ModuleType

from turret_bringup.commands import (
    bag,
    bench,
    calibrate,
    call,
    discovery_server,
    doctor,
    down,
    hw,
    import_legacy,
    list_turrets,
    model,
    param,
    replay,
    security,
    service,
    status,
    token,
    up,
    view,
)
from turret_bringup.commands.development import docs, release, setup, test

COMMANDS: dict[str, ModuleType] = {
    'up': up,
    'down': down,
    'list': list_turrets,
    'status': status,
    'call': call,
    'calibrate': calibrate,
    'param': param,
    'bag': bag,
    'view': view,
    'replay': replay,
    'test': test,
    'bench': bench,
    'doctor': doctor,
    'hw': hw,
    'model': model,
    'token': token,
    'security': security,
    'discovery-server': discovery_server,
    'import': import_legacy,
    'service': service,
    'setup': setup,
    'release': release,
    'docs': docs,
}
