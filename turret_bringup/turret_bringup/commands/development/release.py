# SPDX-License-Identifier: Apache-2.0
"""Write a source archive with the built panel, its checksum and the notices of third parties.

The archive contains the committed files of the repository and the panel, so that installing it needs no Node.js. Run
./turret setup first, which builds the panel. CONTRIBUTING.md lists the steps of a release.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

from turret_bringup.run.prepared import ROOT
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

PANEL = Path('turret_web', 'turret_web', 'panel')
_NOTICES = 'THIRD_PARTY_NOTICES.txt'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        '--output', type=Path, default=Path('build'), metavar='FOLDER',
        help='folder to write to (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Write the archive and its checksum."""
    if not (ROOT / PANEL / 'index.html').is_file():
        raise TurretError(ReasonCode.NOT_READY, 'the panel is not built: run ./turret setup')
    if _git('status', '--porcelain', '--untracked-files=no'):
        raise TurretError(ReasonCode.NOT_READY, 'there are uncommitted changes, which would not be in the archive')
    args.output.mkdir(parents=True, exist_ok=True)
    name = f'turret-{version()}'
    path: Path = args.output / f'{name}.tar.gz'
    path.write_bytes(archive(name))
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f'{path.name}.sha256').write_text(f'{checksum}  {path.name}\n')
    sys.stdout.write(f'wrote {path}\nsha256 {checksum}\n')
    return 0


def version() -> str:
    """Return the version of the packages."""
    text = ET.parse(ROOT / 'turret_bringup' / 'package.xml').findtext('version')
    return (text or '').strip()


def archive(prefix: str) -> bytes:
    """Return the archive; the same commit and panel give the same bytes."""
    stamp = int(_git('show', '--no-patch', '--format=%ct', 'HEAD'))
    content = io.BytesIO(_git_bytes('archive', '--format=tar', f'--prefix={prefix}/', 'HEAD'))
    with tarfile.open(fileobj=content, mode='a') as tar:
        added = {str(path.relative_to(ROOT)): path.read_bytes()
                 for path in sorted((ROOT / PANEL).rglob('*')) if path.is_file()}
        for name, data in {**added, _NOTICES: notices().encode()}.items():
            entry = tarfile.TarInfo(f'{prefix}/{name}')
            entry.size, entry.mtime = len(data), stamp
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(content.getvalue(), mtime=stamp)


def notices() -> str:
    """Return the licenses of the JavaScript packages that the panel contains."""
    panel = ROOT / 'turret_web' / 'panel'
    packages = json.loads((panel / 'package-lock.json').read_text())['packages']
    parts = ['The built panel contains these packages:\n']
    for name, package in sorted(packages.items()):
        if not name or package.get('dev') or package.get('optional'):
            continue
        folder = panel / name
        texts = [path.read_text(errors='replace') for path in sorted(folder.glob('LICEN[SC]E*')) if path.is_file()]
        short = name.rpartition('node_modules/')[2]
        title = f'{short} {package["version"]}, license {package.get("license", "unknown")}'
        parts += [title, '=' * len(title), *texts, '']
    return '\n'.join(parts)


def _git_bytes(*words: str) -> bytes:
    try:
        return subprocess.run(['git', '-C', str(ROOT), *words], check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise TurretError(ReasonCode.IO_ERROR, f'git {words[0]} failed: {error}') from error


def _git(*words: str) -> str:
    return _git_bytes(*words).decode().strip()
