# SPDX-License-Identifier: Apache-2.0
"""The words of docs/glossary.md are used everywhere: documents, code, messages and panel, names and tests included."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tracked import tracked_files

ROOT = Path(__file__).parents[2]
#: What is not written, and what is written instead.
PATTERNS: dict[str, str] = {
    r'\b(?:each|every|one|per|control|last|next|this|same|between) turns?\b|[._]turn\(|\bturns? of the control':
        'control cycle, update, revolution',
    r'\b(?:lessons?|believed|the resting room)\b': 'background update, estimate, background model',
    r'(?<![a-z])(?:tells|told|said)(?![a-z])|\btell of\b|\bsays? so\b': 'reports, shows, prints, documents',
    r'(?i)(?<!in )\bpictures?\b(?![ -]in[ -])|_pictures?\b|\bpictures?_': 'frame, image, still, screenshot',
    r'(?<!there )(?<!There )\b(?:is|are|was|were) no (?!longer|more|other|later|earlier|person|greater|larger|smaller)':
        'is not a ...',
    r'(?i)(?<![a-z])(?:somebody|nobody|everybody|anybody|whoever|who would rather)(?![a-z])':
        'operator, client, user, person',
    r'\b(?:end it with|end with Ctrl|ended with code|end them|was ended|is ended|are ended|were ended)\b':
        'stop, stopped, exited',
    r'\b(?:go|goes|going|went) on\b|_(?:goes|going|went)_on(?![a-z])': 'continue, keep running',
    r'''['"](?:Least(?! squares)|Largest|Longest|Fastest|Greatest|Farthest|Smallest)\b''': 'Minimum, Maximum',
    r'\b(?:least(?!_squares)|longest|greatest|fastest|farthest)_|\b_?(?:LEAST|LONGEST|GREATEST|FASTEST|FARTHEST)(?:_|\b)':
        'min, max',
    r'(?<![a-z])(?:shall|for ever|anew|in vain|as ever|as of old)(?![a-z])': 'must, permanently, again, without effect',
    r'(?<![a-z])(?:goes?|going|stays?|kept?|keeps?|is|be|was|are|went|it|laser)[ _](?:dark|lit)(?![a-z])'
    r'|\bhourly light\b|\bdark by\b':
        'emission off, emission on',
    r'\b(?:the truth|in truth(?![.:\[])|truths)\b': 'ground truth',
    r'(?i)front[ _-]?door': 'web gateway',
    r'\broom (?:left|for)\b': 'free space',
    r'(?i)colour|\bgrey|behaviour|\bcentre|\bmetres?\b|neighbour|analogue\b(?!Gain)|manoeuvr|licence':
        'American spelling',
    r'(?i)\b(?:doubt(?:s|ed|ful)?|trusted|cures?|cured|mend(?:s|ed)?)\b'
    r'|(?<![a-z])(?:patience|complain|parting|whose word|merits?\b)':
        'unconfirmed, confirmed, remedy, time-out, report',
    r'(?i)(?<![a-z])(?:genuine|stock)(?![a-z])': 'upstream',
    r'(?<![Aa]t )\bleast\b(?![ _-]squares)|\b(?:[Gg]reatest|[Ff]arthest)\b': 'minimum, maximum',
    r'\b(?:the|changed) law\b(?! of)': 'controller, control law',
    r'\b(?:the|its|no|some) play\b(?! of)|\bplay of the (?:head|gears?|axis|axes)\b': 'backlash',
    r'\bof way\b|\bthe way between\b|\b[Pp]lace in the recording\b|(?<!in )\bplace of the (?:laser|camera)\b':
        'travel, position',
    r"help=f?'(?:of|to be|how|what|where) ": 'a noun phrase that stands alone',
    r'\b(?:believes|makes of it)\b|(?<!you )(?<!they )\bwants\b': 'estimates, requires, finds',
    r'\b(?:original (?:turret|law|controller|settings)|replaced turret)\b': 'legacy',
}
SUFFIXES = ('.md', '.rst', '.py', '.msg', '.srv', '.action', '.ts', '.tsx', '.yaml', '.html', '.css', '.xacro', '.sh')
#: They quote the words that are not used.
QUOTING = ('test_language.py', 'test_docs.py', 'glossary.md')


def texts() -> list[str]:
    """Return the tracked files with text that people read."""
    return [name for name in tracked_files() if (name.endswith(SUFFIXES) or name == 'turret')
            and not name.endswith(QUOTING)]


def test_words_are_spelt_as_in_the_dictionary() -> None:
    pytest.importorskip('codespell_lib')
    done = subprocess.run(
        [sys.executable, '-m', 'codespell_lib', *tracked_files()], cwd=ROOT, capture_output=True, text=True,
        check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_terms_of_the_glossary_are_used() -> None:
    terms = re.findall(r'^\| ([^|]+) \|', (ROOT / 'docs' / 'glossary.md').read_text(), re.MULTILINE)[1:]
    pages = ' '.join((ROOT / name).read_text().lower() for name in texts())
    assert len(terms) >= 30
    words = [word.strip() for term in terms for word in re.split(r'[,:;]', term)]
    assert [word for word in words if word.lower() not in re.sub(r'\s+', ' ', pages)] == []


@pytest.mark.parametrize('pattern', PATTERNS)
def test_words_of_the_glossary(pattern: str) -> None:
    found = [f'{name}:{number}: {line.strip()[:150]}' for name in texts()
             for number, line in enumerate((ROOT / name).read_text().splitlines(), 1) if re.search(pattern, line)]
    assert not found, f'write: {PATTERNS[pattern]}\n' + '\n'.join(found)
