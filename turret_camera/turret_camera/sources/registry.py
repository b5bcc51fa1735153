# SPDX-License-Identifier: Apache-2.0
"""The registry of camera sources, also of other packages through the entry point group ``turret.camera_sources``."""

from __future__ import annotations

from turret_camera.sources.source import ImageSource, SourceContext
from turret_common.registry import Registry

SOURCES: Registry[ImageSource] = Registry(ImageSource, 'turret_camera.sources', 'turret.camera_sources')


def make_source(context: SourceContext) -> ImageSource:
    """Return the source that the parameters choose, not yet open."""
    return SOURCES[context.parameters.source].create(context)
