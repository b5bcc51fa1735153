# SPDX-License-Identifier: Apache-2.0
from setuptools import find_packages, setup

package_name = 'turret_camera'

setup(
    name=package_name,
    version='0.1.0',
    packages=find_packages(exclude=['test']),
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (f'share/{package_name}', ['package.xml']),
    ],
    install_requires=['setuptools'],
    extras_require={'test': ['pytest']},
    zip_safe=True,
    maintainer='Turret maintainers',
    maintainer_email='maintainers@turret.invalid',
    description='Image sources, camera node, stills and video recording of the pan-tilt tracking turret.',
    license='Apache-2.0',
    entry_points={'console_scripts': [
        'camera = turret_camera.camera_node:main',
    ]},
)
