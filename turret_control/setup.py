# SPDX-License-Identifier: Apache-2.0
from setuptools import find_packages, setup

package_name = 'turret_control'

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
    description='Aiming, drivers, simulated hardware, safety and status of the pan-tilt tracking turret.',
    license='Apache-2.0',
    entry_points={'console_scripts': [
        'controller = turret_control.controller_node:main',
        'gimbal = turret_control.gimbal_node:main',
        'laser = turret_control.laser_node:main',
        'safety = turret_control.safety_node:main',
        'status = turret_control.status_node:main',
        'plant = turret_control.plant_node:main',
    ]},
)
