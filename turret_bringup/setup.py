# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from setuptools import find_packages, setup

package_name = 'turret_bringup'

setup(
    name=package_name,
    version='0.1.0',
    packages=find_packages(exclude=['test']),
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (f'share/{package_name}', ['package.xml']),
        (f'share/{package_name}/launch', [str(path) for path in Path(package_name, 'launch').glob('*.launch.py')]),
        *((f'share/{package_name}/{folder}', [str(path) for path in Path(package_name, folder).iterdir()])
          for folder in ('config', 'urdf')),
    ],
    install_requires=['setuptools'],
    extras_require={'test': ['pytest']},
    package_data={package_name: ['client/README.md', 'config/*', 'launch/*', 'urdf/*']},
    zip_safe=True,
    maintainer='Turret maintainers',
    maintainer_email='maintainers@turret.invalid',
    description='Graph, launch files, parameters, supervisor and command line of the pan-tilt tracking turret.',
    license='Apache-2.0',
    entry_points={'console_scripts': [
        'bag = turret_bringup.bag_node:main',
        'markers = turret_bringup.markers_node:main',
        'replay = turret_bringup.replay_node:main',
        'turret = turret_bringup.cli:main',
    ]},
)
