# SPDX-License-Identifier: Apache-2.0
"""Every command of every document is run by a test, or the page says what it needs."""

from __future__ import annotations

import re

import pytest
from documented_commands import ELSEWHERE, NEEDS, PROGRAMS, ROOT, all_commands, blocks, pages

#: What no test has: each program with the reasons that a command with it may have.
OUT_OF_REACH = re.compile(
    r'(?:^|&& |; |\| )(?:[A-Z_]+=\S+ )*(?:ros2|colcon|rosdep|sudo|ssh|podman|pip|git|mpremote)\b|/dev/')
#: Words that stand for a value of the reader's.
PLACEHOLDER = re.compile(r'^\[?[A-Z]+\]?$|^\.\.\.$')


def test_reasons_are_the_known_ones() -> None:
    commands = all_commands()
    assert len(commands) > 150
    assert {command.needs for command in commands} == {'', *NEEDS}


def test_commands_that_no_test_can_run_are_marked() -> None:
    assert [command for command in all_commands()
            if OUT_OF_REACH.search(command.text) and not command.needs
            and '--no-build-isolation ./my_turret' not in command.text] == []


def test_lines_of_a_block_of_commands_are_commands() -> None:
    for page in pages():
        for block in blocks(page.read_text()):
            lines = re.sub(r'\\\n\s*', '', '\n'.join(block)).splitlines()
            if any(PROGRAMS.match(line) for line in lines):
                assert [line for line in lines if not PROGRAMS.match(line) and not line.startswith('#')] == [], page


@pytest.mark.parametrize('pattern', ELSEWHERE)
def test_commands_that_other_tests_run_are_named_there(pattern: str) -> None:
    file, text = ELSEWHERE[pattern]
    assert text in (ROOT / file).read_text()
    assert any(re.match(pattern, command.text) for command in all_commands()), f'no page has {pattern}'


def is_part(words: list[str], command: list[str]) -> bool:
    """Return whether a mention names a command: the same words in their order, some left out, any placeholder."""
    rest = iter(command)
    return all(any(word == other or (PLACEHOLDER.match(word) and not other.startswith('-')) for other in rest)
               for word in words)


def test_commands_in_the_text_are_those_of_a_block() -> None:
    known = [command.text.split() for command in all_commands()]
    missing = []
    for page in pages():
        text = re.sub(r'^```.*?^```', '', page.read_text(), flags=re.DOTALL | re.MULTILINE)
        missing += [f'{page.relative_to(ROOT)}: {mention}' for mention in re.findall(r'`(\./turret [^`]+)`', text)
                    if not any(is_part(mention.split(), command) for command in known)]
    assert missing == []
