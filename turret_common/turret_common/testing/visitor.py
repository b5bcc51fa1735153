# SPDX-License-Identifier: Apache-2.0
"""What the browser of a visitor of the panel knows from earlier visits."""

from __future__ import annotations

import json


def remembered(name: str) -> str:
    """Return a script, to be run before the panel, after which the tour was seen and the operator has this name."""
    return f"""
        localStorage.setItem('turret.tour-seen', 'yes');
        localStorage.setItem('turret.operator-name', {json.dumps(name)});
    """
