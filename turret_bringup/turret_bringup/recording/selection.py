# SPDX-License-Identifier: Apache-2.0
"""What an operator may ask of the recorder: a selection of topics, a mark."""

from __future__ import annotations

from turret_bringup.bag_parameters import TopicParameters
from turret_bringup.bags.metadata import BagError
from turret_common.name_patterns import NamePatterns
from turret_common.reason_codes import ReasonCode

SELECTIONS = ('light', 'full', 'all')
DEFAULT = 'light'
#: Maximum number of characters of a mark.
MARK_LENGTH = 200


class Selector:
    """Decides by name whether a selection has a topic. Each selection contains the one before."""

    def __init__(self, parameters: TopicParameters, namespace: str) -> None:
        """Compile the patterns, which are relative to a namespace."""
        self._excluded = NamePatterns(namespace, parameters.excluded)
        self._patterns = {
            name: NamePatterns(namespace, patterns) for name, patterns in (
                ('light', parameters.light), ('full', parameters.light + parameters.full), ('all', ('/*',)))}

    def selects(self, selection: str, topic: str) -> bool:
        """Return whether a selection has a topic, given by its absolute name. Hidden topics belong to none."""
        return '/_' not in topic and topic in self._patterns[selection] and topic not in self._excluded


def known(selection: str) -> str:
    """Return the name of a selection; empty = the default. Raises BagError, UNKNOWN_NAME."""
    if selection not in ('', *SELECTIONS):
        raise BagError(
            ReasonCode.UNKNOWN_NAME, f'unknown selection "{selection[:40]}"; choose from {", ".join(SELECTIONS)}')
    return selection or DEFAULT


def mark_text(text: str) -> str:
    """Return the text of an operator's mark without spaces around it. Raises BagError, INVALID_ARGUMENT."""
    stripped = text.strip()
    if not 0 < len(stripped) <= MARK_LENGTH or not stripped.isprintable():
        raise BagError(ReasonCode.INVALID_ARGUMENT, f'a mark has 1 to {MARK_LENGTH} printable characters')
    return stripped
