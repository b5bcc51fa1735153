# SPDX-License-Identifier: Apache-2.0
"""Files that tell rviz, rqt and Foxglove what to show, for the namespace and frames of a turret."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from turret_bringup.settings.graph import DEFAULT_NAMESPACE

#: Layouts for bags.
BAG_LAYOUTS = ('bag.foxglove.json', 'bag.plotjuggler.xml')


def viewer_file(name: str, namespace: str, frame_prefix: str = '') -> str:
    """Return a file of ``config/``, which is written for the default namespace and no prefix, for another turret."""
    content = (resources.files('turret_bringup') / 'config' / name).read_text()
    for old, new in (
            (f'/{DEFAULT_NAMESPACE}/', f'/{namespace}/' if namespace else '/'),
            ('Fixed Frame: base_link', f'Fixed Frame: {frame_prefix}base_link'),
            ('TF Prefix: ""', f'TF Prefix: "{frame_prefix.rstrip("/")}"'),
            ('"base_link"', f'"{frame_prefix}base_link"')):
        content = content.replace(old, new)
    return content


def adapted(name: str, folder: Path, namespace: str, frame_prefix: str = '') -> Path:
    """Write such a file into a folder and return its path."""
    path = folder / name
    path.write_text(viewer_file(name, namespace, frame_prefix))
    return path
