# SPDX-License-Identifier: Apache-2.0
"""The words of docs/glossary.md are used everywhere: documents, code, messages and panel, names and tests included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tracked import tracked_files

ROOT = Path(__file__).parents[2]
#: What is not written, and what is written instead.
PATTERNS: dict[str, str] = {
    r'\b(?:each|every|one|per|control|last|next|this|same|between) turns?\b|[._]turn\(|\bturns? of the control':
        'control cycle, update, revolution',
    r'\b(?:lessons?|believed|the resting room)\b': 'background update, estimate, background model',
    r'\b(?:tells|told|said)\b|\btell of\b|\bsays so\b': 'reports, shows, prints, documents',
    r'(?i)(?<!in )\bpictures?\b(?![ -]in[ -])|_pictures?\b|\bpictures?_': 'frame, image, still, screenshot',
    r'(?<!there )(?<!There )\b(?:is|are|was|were) no (?!longer|more|other|later|earlier|person|\w+er\b)':
        'is not a ...',
    r'(?i)\b(?:somebody|nobody|everybody|anybody|whoever|who would rather)\b': 'operator, client, user, person',
    r'\b(?:end it with|end them|was ended|is ended|are ended|were ended)\b': 'stop, stopped',
    r'\b(?:go|goes|going|went) on\b': 'continue, keep running',
    r'''['"](?:Least(?! squares)|Largest|Longest|Fastest|Greatest|Farthest|Smallest)\b''': 'Minimum, Maximum',
    r'\b(?:least(?!_squares)|longest|greatest|fastest|farthest)_': 'min, max',
    r'\b(?:shall|for ever|anew|in vain|as ever|as of old)\b': 'must, permanently, again, without effect',
    r'\b(?:goes?|stays?|kept?|keeps?|is|be|was|are|went) (?:dark|lit)\b|\bgoing dark\b|\bhourly light\b':
        'emission off, emission on',
    r'\b(?:the truth|in truth(?![.:\[])|truths)\b': 'ground truth',
    r'(?i)front[ _-]?door': 'web gateway',
    r'\broom (?:left|for)\b': 'free space',
    r'(?i)colour|\bgrey|behaviour|\bcentre|\bmetres?\b|neighbour|analogue\b(?!Gain)|manoeuvr|licence':
        'American spelling',
    r'(?i)\b(?:doubt(?:s|ed|ful)?|trusted|cures?|cured|patience\w*|complain\w*|parting|whose word|merits?)\b':
        'unconfirmed, confirmed, remedy, time-out, report',
    r'(?i)\b(?:genuine|[Ss]tock (?:server|bridge|rosbridge|video|web)s?)\b': 'upstream',
    r'\b(?:original (?:turret|law|controller|settings)|replaced turret)\b': 'legacy',
}
SUFFIXES = ('.md', '.py', '.msg', '.srv', '.action', '.ts', '.tsx', '.yaml', '.html', '.css', '.xacro', '.sh')
#: They quote the words that are not used.
QUOTING = ('test_language.py', 'test_docs.py', 'glossary.md')


def texts() -> list[str]:
    """Return the tracked files with text that people read."""
    return [name for name in tracked_files() if (name.endswith(SUFFIXES) or name == 'turret')
            and not name.endswith(QUOTING)]


@pytest.mark.parametrize('pattern', PATTERNS)
def test_words_of_the_glossary(pattern: str) -> None:
    found = [f'{name}:{number}: {line.strip()[:150]}' for name in texts()
             for number, line in enumerate((ROOT / name).read_text().splitlines(), 1) if re.search(pattern, line)]
    assert not found, f'write: {PATTERNS[pattern]}\n' + '\n'.join(found)
