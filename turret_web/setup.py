# SPDX-License-Identifier: Apache-2.0
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import find_packages, setup

package_name = 'turret_web'


def build_panel():
    """Build the panel where it is missing or older than its sources (a release contains it); only report a failure."""
    package = Path(__file__).resolve().parent
    built = package / package_name / 'panel' / 'index.html'
    sources = [*(package / 'panel' / 'src').rglob('*'), *(package.parent / 'turret_msgs').glob('*/*')]
    if built.exists() and all(path.stat().st_mtime <= built.stat().st_mtime for path in sources):
        return
    npm = shutil.which('npm')
    try:
        if npm is None:
            raise OSError('npm was not found')
        for command in (['ci', '--no-audit', '--no-fund', '--include=dev'], ['run', 'build']):
            subprocess.run([npm, *command], cwd=package / 'panel', check=True, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(
            f'turret_web: the panel was not built ({error}). It needs Node.js 18 or newer with npm; ./turret'
            ' setup in the repository brings its own.\n')


build_panel()


def shared(folder):
    """Return what installs a folder of the package, with the folders in it, to share as well."""
    files = sorted(path for path in Path(package_name, folder).rglob('*') if path.is_file())
    return [(f'share/{path.parent}', [str(path)]) for path in files]


setup(
    name=package_name,
    version='0.1.0',
    packages=find_packages(exclude=['test']),
    package_data={package_name: ['pages/*', 'panel/**/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (f'share/{package_name}', ['package.xml']),
        *shared('pages'),
        *shared('panel'),
    ],
    install_requires=['setuptools'],
    extras_require={'test': ['pytest']},
    zip_safe=True,
    maintainer='Turret maintainers',
    maintainer_email='maintainers@turret.invalid',
    description='Browser panel, web gateway, embedded bridge and video server of the pan-tilt tracking turret.',
    license='Apache-2.0',
    entry_points={'console_scripts': [
        'web = turret_web.web_node:main',
    ]},
)
