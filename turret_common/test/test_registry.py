# SPDX-License-Identifier: Apache-2.0
"""A registry finds the parts of a folder and of installed packages, and lists what cannot be loaded."""

from __future__ import annotations

import abc
import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from turret_common import params
from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.reason_codes import ReasonCode
from turret_common.registry import Registry, group_of, with_groups
from turret_common.testing.out_of_tree import install_package


@dataclasses.dataclass(frozen=True)
class ToneParameters:
    pitch: float = param(440.0, 'Pitch', unit='Hz', minimum=20.0, maximum=20000.0)


class Sound(abc.ABC):
    name: ClassVar[str]
    groups: ClassVar[Mapping[str, type]] = {}

    @abc.abstractmethod
    def play(self) -> str: ...


OWN = """
from test_registry import Sound, ToneParameters

class Tone(Sound):
    name = 'tone'
    groups = {'tone': ToneParameters}

    def play(self):
        return 'beep'
"""
OTHER = """
import dataclasses
from test_registry import Sound
from turret_common.params import param

@dataclasses.dataclass(frozen=True)
class BellParameters:
    strokes: int = param(3, 'Strokes', minimum=1, maximum=12)

class Bell(Sound):
    name = 'bell'
    groups = {'bell': BellParameters}

    def play(self):
        return 'ding'

class Twin(Bell):
    name = 'tone'

class Half(Sound):
    name = 'half'

class Clash(Bell):
    name = 'clash'
    groups = {'tone': BellParameters}
"""
GROUP = 'turret.test_sounds'


@pytest.fixture(scope='module')
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry[Sound]:
    folder = tmp_path_factory.mktemp('parts')
    own = folder / 'own_sounds'
    own.mkdir()
    for name, text in (('__init__', ''), ('tone', OWN), ('broken', 'import no_such_library')):
        (own / f'{name}.py').write_text(text)
    target = install_package(folder / 'other', 'bells', {'bell': OTHER}, {GROUP: {
        'bell': 'bells.bell:Bell', 'twin': 'bells.bell:Twin', 'half': 'bells.bell:Half',
        'clash': 'bells.bell:Clash', 'gone': 'bells.gone:Gone'}})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(target))
        patch.syspath_prepend(str(folder))
        patch.setitem(sys.modules, 'test_registry', sys.modules[__name__])
        return Registry(Sound, 'own_sounds', GROUP)


def test_parts_of_the_folder_and_of_other_packages_are_found(registry: Registry[Sound]) -> None:
    assert registry.names == ('tone', 'bell')
    assert registry['bell']().play() == 'ding'


def test_parts_that_cannot_be_loaded_are_listed_with_the_reason(registry: Registry[Sound]) -> None:
    reasons = {source.partition(' ')[0]: reason for source, reason in registry.failed.items()}
    assert 'no_such_library' in reasons['own_sounds.broken']
    assert 'already taken' in reasons['twin']
    assert 'concrete' in reasons['half']
    assert '"tone" is already taken' in reasons['clash']
    assert 'bells.gone' in reasons['gone']
    assert len(reasons) == 5
    with pytest.raises(TurretError, match='no_such_library') as refusal:
        registry['broken']
    assert refusal.value.code is ReasonCode.UNKNOWN_NAME


def test_parameter_groups_of_the_parts_are_added(registry: Registry[Sound]) -> None:
    @with_groups(registry)
    @dataclasses.dataclass(frozen=True)
    class Parameters:
        """Parameters."""

        sound: str = param('tone', 'Sound', choices=registry.names)

        def __post_init__(self) -> None:
            if self.sound == 'bell' and group_of(self, ToneParameters).pitch != 440.0:
                raise ValueError('a bell has no pitch')

    assert list(params.specs(Parameters)) == ['sound', 'tone.pitch', 'bell.strokes']
    built = params.build(Parameters, {'tone.pitch': 220.0, 'bell.strokes': 5})
    assert group_of(built, ToneParameters).pitch == 220.0
    with pytest.raises(LookupError):
        group_of(built, Parameters)
    with pytest.raises(params.ParameterError, match='no pitch'):
        params.replace(built, {'sound': 'bell'})


def test_other_packages_are_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'empty_sounds').mkdir()
    (tmp_path / 'empty_sounds' / '__init__.py').touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert Registry(Sound, 'empty_sounds', 'turret.no_such_group').names == ()
