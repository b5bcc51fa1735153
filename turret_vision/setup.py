# SPDX-License-Identifier: Apache-2.0
from setuptools import find_packages, setup

package_name = 'turret_vision'

setup(
    name=package_name,
    version='0.1.0',
    packages=find_packages(exclude=['test']),
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (f'share/{package_name}', ['package.xml']),
        (f'share/{package_name}/data', [
            f'{package_name}/data/marked_boxes.json', f'{package_name}/data/person.jpg']),
    ],
    install_requires=['setuptools'],
    extras_require={'test': ['pytest']},
    package_data={package_name: ['data/*']},
    zip_safe=True,
    maintainer='Turret maintainers',
    maintainer_email='maintainers@turret.invalid',
    description='Detectors, multi-object tracker and annotated image of the pan-tilt tracking turret.',
    license='Apache-2.0',
    entry_points={'console_scripts': [
        'exclusion = turret_vision.exclusion_node:main',
        'vision = turret_vision.vision_node:main',
    ]},
)
