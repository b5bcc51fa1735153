# SPDX-License-Identifier: Apache-2.0
"""Patterns of topic, service and action names, relative to the namespace of a turret."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable


class NamePatterns:
    """A set of names: those that match one of the patterns of :mod:`fnmatch` as a whole, upper and lower case distinct.

    Attributes:
        patterns: the patterns, absolute.
    """

    def __init__(self, namespace: str, patterns: Iterable[str]) -> None:
        """Compile the patterns; those without a leading slash are relative to the namespace."""
        prefix = f'/{namespace.strip("/")}/' if namespace.strip('/') else '/'
        self.patterns = tuple(pattern if pattern.startswith('/') else prefix + pattern for pattern in patterns)
        self._expression = re.compile('|'.join(map(fnmatch.translate, self.patterns)) or r'(?!)')

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._expression.match(name) is not None
