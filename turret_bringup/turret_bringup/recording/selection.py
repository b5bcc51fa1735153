"""Which topics a selection records."""

from __future__ import annotations

import fnmatch

from turret_bringup.bag_parameters import TopicParameters
from turret_bringup.bags.metadata import BagError
from turret_common.reason_codes import ReasonCode

SELECTIONS = ('light', 'full', 'all')
DEFAULT = 'light'


class Selector:
    """Decides by name; the selections contain one another."""

    def __init__(self, parameters: TopicParameters, namespace: str) -> None:
        """Make one.

        Args:
            parameters: the patterns.
            namespace: of the turret, that relative patterns are in.
        """
        self._prefix = f'/{namespace.strip("/")}/'
        self._excluded = parameters.excluded
        self._patterns = {'light': parameters.light, 'full': parameters.light + parameters.full, 'all': ('/*',)}

    def selects(self, selection: str, topic: str) -> bool:
        """Say whether a selection has a topic, given with its namespace. Hidden topics belong to none."""
        if any(part.startswith('_') for part in topic.split('/')):
            return False
        return self.matches(self._patterns[selection], topic) and not self.matches(self._excluded, topic)

    def matches(self, patterns: tuple[str, ...], topic: str) -> bool:
        """Say whether one of the patterns, in the namespace unless they begin with a slash, fits a whole name."""
        return any(
            fnmatch.fnmatchcase(topic, pattern if pattern.startswith('/') else self._prefix + pattern)
            for pattern in patterns)


def known(selection: str) -> str:
    """Return the name of a selection; empty means the default. Raises BagError, UNKNOWN_NAME."""
    if selection not in ('', *SELECTIONS):
        raise BagError(
            ReasonCode.UNKNOWN_NAME, f'there is no selection "{selection[:40]}"; there are {", ".join(SELECTIONS)}')
    return selection or DEFAULT
