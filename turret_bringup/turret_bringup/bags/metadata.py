# SPDX-License-Identifier: Apache-2.0
"""The content of ``metadata.yaml`` in a rosbag2 folder: version 9 (Jazzy) is written, older ones are read too."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from turret_common.errors import TurretError, printable
from turret_common.reason_codes import ReasonCode

VERSION = 9
FILE_NAME = 'metadata.yaml'
STORAGE = 'mcap'
SERIALIZATION = 'cdr'
#: First and last bytes of an MCAP file.
MAGIC = b'\x89MCAP0\r\n'
#: The recorder's entries in ``custom_data``: the namespace of the turret, the number of messages that were lost.
NAMESPACE = 'turret.namespace'
DROPPED = 'turret.dropped'
#: Duration that stands for "no limit" in rmw: its maximum.
INFINITE_NS = 2**63 - 1

_DUMPER = getattr(yaml, 'CSafeDumper', yaml.SafeDumper)
_ROOT = 'rosbag2_bagfile_information'
#: The numbers that rmw, and versions before 9, use for the words of a policy.
_WORDS: dict[str, dict[int, str]] = {
    'history': {0: 'system_default', 1: 'keep_last', 2: 'keep_all', 3: 'unknown'},
    'reliability': {0: 'system_default', 1: 'reliable', 2: 'best_effort', 3: 'unknown', 4: 'best_available'},
    'durability': {0: 'system_default', 1: 'transient_local', 2: 'volatile', 3: 'unknown', 4: 'best_available'},
    'liveliness': {
        0: 'system_default', 1: 'automatic', 2: 'manual_by_node', 3: 'manual_by_topic', 4: 'unknown',
        5: 'best_available'},
}


class _Loader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):  # type: ignore[misc]  # that in C is ten times faster
    """YAML loader that refuses merge keys, with which a short text can expand without bound."""

    def flatten_mapping(self, node: Any) -> None:
        """Leave merge keys as they are; there is no constructor for them."""


class BagError(TurretError, ValueError):
    """A bag is damaged, foreign or missing, or cannot be written; the message names it, control characters escaped."""

    def __init__(self, code: ReasonCode, message: str) -> None:
        super().__init__(code, printable(message))


@dataclasses.dataclass(frozen=True)
class Qos:
    """The quality of service that a publisher offered, in the words of rosbag2. Times in ns."""

    history: str = 'unknown'
    depth: int = 0
    reliability: str = 'reliable'
    durability: str = 'volatile'
    deadline_ns: int = INFINITE_NS
    lifespan_ns: int = INFINITE_NS
    liveliness: str = 'automatic'
    liveliness_lease_ns: int = INFINITE_NS

    def as_yaml(self) -> dict[str, Any]:
        """Return the entry of ``offered_qos_profiles``."""
        return {
            'history': self.history, 'depth': self.depth, 'reliability': self.reliability,
            'durability': self.durability, 'deadline': _duration(self.deadline_ns),
            'lifespan': _duration(self.lifespan_ns), 'liveliness': self.liveliness,
            'liveliness_lease_duration': _duration(self.liveliness_lease_ns),
            'avoid_ros_namespace_conventions': False}


@dataclasses.dataclass(frozen=True)
class Topic:
    """A topic of a bag.

    Attributes:
        name: absolute.
        type: like ``std_msgs/msg/String``.
        definition: text of the type, usually in the form ``ros2msg``: the ``.msg`` file, then those of the types that
            it uses.
        type_hash: like ``RIHS01_...``; empty = unknown.
        qos: what each publisher offered; empty = unknown.
        encoding: form of the definition, ``ros2msg`` or ``ros2idl``.
    """

    name: str
    type: str
    definition: str = ''
    type_hash: str = ''
    qos: tuple[Qos, ...] = ()
    encoding: str = 'ros2msg'


@dataclasses.dataclass(frozen=True)
class FileEntry:
    """One file of a bag: its name in the folder, the times of its first and last message [ns], and their number."""

    name: str
    start_ns: int = 0
    end_ns: int = 0
    messages: int = 0


@dataclasses.dataclass(frozen=True)
class Metadata:
    """The content of ``metadata.yaml``.

    Attributes:
        files: in order of recording.
        topics: with the number of messages of each.
        custom: ``custom_data``, entries of the recorder.
        distro: of ROS; empty = unknown.
        storage: name of the kind of files.
        compression: of whole files or of single messages, "file" or "message"; empty = none, or that of MCAP.
    """

    files: tuple[FileEntry, ...]
    topics: tuple[tuple[Topic, int], ...] = ()
    custom: Mapping[str, str] = dataclasses.field(default_factory=dict)
    distro: str = ''
    storage: str = STORAGE
    compression: str = ''

    @property
    def is_plain_mcap(self) -> bool:
        """Whether the files are MCAP files as they are."""
        return self.storage == STORAGE and not self.compression

    def information(self) -> dict[str, Any]:
        """Return what is under the root key, in rosbag2's order."""
        filled = [file for file in self.files if file.messages]
        start_ns = min((file.start_ns for file in filled), default=0)
        end_ns = max((file.end_ns for file in filled), default=start_ns)
        return {
            'version': VERSION, 'storage_identifier': STORAGE, 'duration': {'nanoseconds': end_ns - start_ns},
            'starting_time': {'nanoseconds_since_epoch': start_ns},
            'message_count': sum(count for _, count in self.topics),
            'topics_with_message_count': [
                {'topic_metadata': {
                    'name': topic.name, 'type': topic.type, 'serialization_format': SERIALIZATION,
                    'offered_qos_profiles': [qos.as_yaml() for qos in topic.qos],
                    'type_description_hash': topic.type_hash},
                 'message_count': count} for topic, count in self.topics],
            'compression_format': '', 'compression_mode': '',
            'relative_file_paths': [file.name for file in self.files],
            'files': [
                {'path': file.name, 'starting_time': {'nanoseconds_since_epoch': file.start_ns},
                 'duration': {'nanoseconds': file.end_ns - file.start_ns}, 'message_count': file.messages}
                for file in self.files],
            'custom_data': dict(self.custom) or None, 'ros_distro': self.distro}

    def text(self) -> str:
        """Return the file's text."""
        return dump({_ROOT: self.information()})

    def embedded_text(self) -> str:
        """Return the text that rosbag2 keeps inside an MCAP file."""
        return dump(self.information())


def qos_text(profiles: tuple[Qos, ...]) -> str:
    """Return offered profiles as the channel metadata of MCAP files holds them."""
    return dump([qos.as_yaml() for qos in profiles])


def parse_qos(value: Any) -> tuple[Qos, ...]:
    """Return the profiles in a text or a YAML value, policies as numbers or words. Invalid entries are left out."""
    if isinstance(value, str):
        try:
            value = yaml.load(value, _Loader)
        except (yaml.YAMLError, RecursionError, ValueError):
            return ()
    return tuple(_qos(entry) for entry in value if isinstance(entry, dict)) if isinstance(value, list) else ()


def parse(text: str, origin: str) -> Metadata:
    """Return the content of a ``metadata.yaml`` of any version.

    Args:
        text: of the file.
        origin: name of the file for error messages.

    Raises:
        BagError: DAMAGED when it is not such a file.
    """
    try:
        document = yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BagError(ReasonCode.DAMAGED, f'{origin}: not valid YAML') from error
    information = document.get(_ROOT) if isinstance(document, dict) else None
    if not isinstance(information, dict):
        raise BagError(ReasonCode.DAMAGED, f'{origin}: not the metadata of a rosbag2 bag')
    storage = information.get('storage_identifier')
    names = information.get('relative_file_paths')
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BagError(ReasonCode.DAMAGED, f'{origin}: relative_file_paths is not a list of names')
    # "ros2 bag reindex" may leave the storage empty.
    if not isinstance(storage, str) or not storage:
        storage = STORAGE if all(name.endswith('.mcap') for name in names) else _words(storage)
    mode = information.get('compression_mode') or 'none'
    mode = mode.lower() if isinstance(mode, str) else _words(mode)
    custom, distro = information.get('custom_data'), information.get('ros_distro')
    topics = information.get('topics_with_message_count')
    return Metadata(
        files=tuple(_files(names, information)),
        topics=tuple(_topics(topics if isinstance(topics, list) else [])),
        custom={key: value for key, value in custom.items() if isinstance(key, str) and isinstance(value, str)}
        if isinstance(custom, dict) else {},
        distro=distro[:40] if isinstance(distro, str) else '', storage=storage[:40],
        compression='' if mode in ('none', 'storage') else mode[:40])


def _words(value: Any) -> str:
    """Return what to show of a value; aliases can make the text of anything but a string endless."""
    return repr(value[:40]) if isinstance(value, str) else type(value).__name__


def _files(names: list[str], information: dict[Any, Any]) -> Iterator[FileEntry]:
    """Give the files with their entries; versions before 5 describe only the whole bag."""
    described = information.get('files')
    by_name = {entry.get('path'): entry for entry in described if isinstance(entry, dict)
               and isinstance(entry.get('path'), str)} if isinstance(described, list) else {}
    for number, name in enumerate(names):
        entry = by_name.get(name, information if number == 0 else {})
        start_ns = _number(entry.get('starting_time'), 'nanoseconds_since_epoch')
        yield FileEntry(
            name, start_ns, start_ns + _number(entry.get('duration'), 'nanoseconds'), _number(entry, 'message_count'))


def _number(entry: Any, key: str) -> int:
    value = entry.get(key) if isinstance(entry, dict) else None
    return value if type(value) is int and 0 <= value < 1 << 64 else 0


def _topics(entries: list[Any]) -> Iterator[tuple[Topic, int]]:
    """Give the topics that make sense."""
    for entry in entries:
        described = entry.get('topic_metadata') if isinstance(entry, dict) else None
        if isinstance(described, dict):
            name, kind, type_hash = (described.get(key) for key in ('name', 'type', 'type_description_hash'))
            if isinstance(name, str) and isinstance(kind, str):
                yield Topic(
                    name, kind, '', type_hash if isinstance(type_hash, str) else '',
                    parse_qos(described.get('offered_qos_profiles'))), _number(entry, 'message_count')


def dump(value: Any) -> str:
    """Return YAML, with keys in their order."""
    return str(yaml.dump(value, Dumper=_DUMPER, sort_keys=False))


def _duration(nanoseconds: int) -> dict[str, int]:
    return {'sec': nanoseconds // 10**9, 'nsec': nanoseconds % 10**9}


def _qos(entry: dict[Any, Any]) -> Qos:
    words: dict[str, Any] = {policy: _word(policy, entry.get(policy)) for policy in _WORDS}
    return Qos(
        **words, depth=_number(entry, 'depth') if _number(entry, 'depth') < 2**31 else 0,
        deadline_ns=_nanoseconds(entry.get('deadline')), lifespan_ns=_nanoseconds(entry.get('lifespan')),
        liveliness_lease_ns=_nanoseconds(entry.get('liveliness_lease_duration')))


def _word(policy: str, value: Any) -> str:
    if isinstance(value, int):
        return _WORDS[policy].get(value, 'unknown')
    return value if isinstance(value, str) and value in _WORDS[policy].values() else 'unknown'


def _nanoseconds(value: Any) -> int:
    if isinstance(value, dict):
        seconds, rest = value.get('sec'), value.get('nsec')
        if type(seconds) is int and type(rest) is int and seconds >= 0 and 0 <= rest < 10**9:
            return min(seconds * 10**9 + rest, INFINITE_NS)
    return INFINITE_NS
