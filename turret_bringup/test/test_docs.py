# SPDX-License-Identifier: Apache-2.0
"""The documents: generated from the code, with links that lead somewhere and names that exist."""

from __future__ import annotations

import argparse
import ast
import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from turret_bringup.cli import parser
from turret_bringup.commands import COMMANDS
from turret_bringup.commands.bench import BENCHMARKS
from turret_bringup.hardware import bus
from turret_bringup.settings.graph import GRAPH, VIEWERS
from turret_common import params
from turret_common.interface import ACTIONS, SERVICES, TOPICS
from turret_common.reason_codes import ReasonCode

ROOT = Path(__file__).resolve().parents[2]
HARDWARE = ROOT / 'turret_bringup' / 'turret_bringup' / 'hardware'
PAGES = [*ROOT.glob('*.md'), *(ROOT / 'docs').rglob('*.md'), *ROOT.glob('turret_*/README.md')]
#: Pages whose names are compared with the code; the others are generated, or describe the past.
CHECKED = [
    page for page in PAGES if page.name not in ('interfaces.md', 'parameters.md', 'CHANGELOG.md', 'migration.md')]
#: Pages of the site that tools/docs_site.py makes when it is built; the site's own build checks links to them.
GENERATED = ('commands.md', 'errors.md', 'api.md')
NODES = {spec.name: spec for spec in (*GRAPH, *VIEWERS)}
NAMES = {entry.name.lstrip('/') for entry in (*TOPICS, *SERVICES, *ACTIONS)}
#: What relative names of topics, services and actions begin with.
OWNERS = {*NODES, *(name.partition('/')[0] for name in NAMES)}
OF_EVERY_NODE = {
    'save_parameters', 'get_parameters', 'set_parameters', 'list_parameters', 'describe_parameters'}
FILES = ('.py', '.md', '.yaml', '.json', '.xml', '.msg', '.srv', '.action', '.rviz', '.txt', '.toml', '.tokens', '.png')


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_the_generated_documents_are_current() -> None:
    subprocess.run([sys.executable, ROOT / 'tools' / 'generate_docs.py', '--check'], check=True)


@pytest.mark.parametrize('page', PAGES, ids=page_id)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r'\]\(([^)#\s]+)[^)]*\)', page.read_text()):
        if '://' not in target:
            assert (page.parent / target).exists() or Path(target).name in GENERATED, f'{page.name} links to {target}'


def inline(page: Path) -> Iterator[str]:
    """Give what stands between backquotes, outside of blocks of code."""
    text = re.sub(r'^```.*?^```', '', page.read_text(), flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r'`([^`\n]+)`', text)


def commands(page: Path) -> Iterator[str]:
    """Give the command lines of a page, without their comments."""
    lines = [*re.findall(r'^    (\S.*)$', page.read_text(), re.MULTILINE), *inline(page)]
    lines += [line for block in re.findall(r'^```(?:sh|bash)?\n(.*?)^```', page.read_text(), re.DOTALL | re.MULTILINE)
              for line in block.splitlines()]
    yield from (re.split(r'\s#\s|\s\|\s', line)[0] for line in lines)


def options(command: argparse.ArgumentParser) -> set[str]:
    """Return the options of a command and of its actions."""
    found = set()
    for action in command._actions:  # noqa: SLF001  argparse has no public list
        found |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  likewise
            for inner in action.choices.values():
                found |= options(inner)
    return found


@cache
def launch_arguments() -> set[str]:
    folder = ROOT / 'turret_bringup' / 'turret_bringup'
    return {
        name for path in (folder / 'run' / 'launch_arguments.py', *(folder / 'launch').glob('*.launch.py'))
        for name in re.findall(r"Argument\(\s*'([a-z_]+)'", path.read_text())}


@cache
def parameters(node: str) -> set[str]:
    return set(params.specs(NODES[node].parameters()))


@cache
def benchmark_code() -> str:
    return ''.join(path.read_text() for path in (
        *(ROOT / 'turret_bringup' / 'turret_bringup' / 'bench').rglob('*.py'),
        ROOT / 'turret_bringup' / 'turret_bringup' / 'commands' / 'bench.py'))


@cache
def words_of_the_code() -> set[str]:
    """Return every identifier of the code, of the interfaces and of the panel, and every file and folder."""
    paths = [path for pattern in ('*.py', '*.msg', '*.srv', '*.action', '*.xacro', '*.ts', '*.html', '*.in', '*.yaml')
             for folder in ROOT.glob('turret_*') for path in folder.rglob(pattern) if 'node_modules' not in path.parts]
    paths += [*(ROOT / 'tools').glob('*.py'), *(ROOT / 'requirements').glob('*.in'), ROOT / 'turret']
    words = {path.stem for path in paths} | {path.parent.name for path in paths}
    for path in paths:
        if path.name != Path(__file__).name:
            words |= set(re.findall(r'[A-Za-z_][A-Za-z0-9_]*', path.read_text()))
    return words


@pytest.mark.parametrize('page', CHECKED, ids=page_id)
def test_every_command_and_option_exists(page: Path) -> None:
    tops = next(
        action for action in parser()._actions  # noqa: SLF001  argparse has no public list
        if isinstance(action, argparse._SubParsersAction)).choices  # noqa: SLF001  likewise
    for line in commands(page):
        for name, rest in re.findall(r'\./turret ([a-z]+(?:-[a-z]+)*)(.*)', line):
            assert name in COMMANDS, f'{page.name}: {line}'
            if name == 'bench':
                benchmark, *words = rest.split() or ['']
                assert benchmark in ('', *BENCHMARKS), f'{page.name}: {line}'
                for word in words:
                    known = not word.startswith('--') or word == '--help' or f"'{word}'" in benchmark_code()
                    assert known, f'{page.name}: {line}'
                continue
            known = options(tops[name])
            if name == 'hw' and rest.split()[:1] in (['bus'], ['wizard']):  # they parse their own options
                known |= set(re.findall(r"'(--[a-z][a-z-]*)'", (HARDWARE / f'{rest.split()[0]}.py').read_text()))
            unknown = set(re.findall(r'(?<!\S)--[a-z][a-z-]*', rest)) - known
            assert not unknown, f'{page.name}: {line}'
        for package, program in re.findall(r'ros2 run (turret_\w+) (\w+)', line):
            assert f"'{program} = " in (ROOT / package / 'setup.py').read_text(), f'{page.name}: {line}'
        for file in re.findall(r'ros2 launch turret_bringup (\S+)', line):
            assert (ROOT / 'turret_bringup' / 'turret_bringup' / 'launch' / file).is_file(), f'{page.name}: {line}'


@pytest.mark.parametrize('page', CHECKED, ids=page_id)
def test_every_option_that_is_named_alone_exists(page: Path) -> None:
    for text in inline(page):
        for option in re.findall(r'^(--[a-z][a-z-]*)', text):
            known = options(parser()) | options(bus.parser())
            assert option in known or f"'{option}'" in benchmark_code(), f'{page.name}: {text}'


@pytest.mark.parametrize('page', CHECKED, ids=page_id)
def test_what_is_called_is_a_service_or_an_action_with_such_fields(page: Path) -> None:
    kinds = {entry.name: entry.type for entry in (*SERVICES, *ACTIONS)}
    for line in commands(page):
        for name, request in re.findall(r"\./turret call ([a-z_/]+)(?: '(\{.*\})')?", line):
            if name.rpartition('/')[2] in OF_EVERY_NODE:
                continue
            assert name in kinds, f'{page.name}: {line}'
            package, folder, kind = kinds[name].split('/')
            asked = (ROOT / package / folder / f'{kind}.{folder}').read_text().partition('\n---')[0]
            for field in json.loads(request or '{}'):
                assert re.search(rf'^\S+ +{field}\b', asked, re.MULTILINE), f'{page.name}: {line}'


@pytest.mark.parametrize('page', CHECKED, ids=page_id)
def test_every_interface_type_exists(page: Path) -> None:
    for folder, kind in re.findall(r'turret_msgs/(msg|srv|action)/(\w+)', page.read_text()):
        assert (ROOT / 'turret_msgs' / folder / f'{kind}.{folder}').is_file(), f'{page.name}: {kind}'


@pytest.mark.parametrize('page', CHECKED, ids=page_id)
def test_every_argument_exists(page: Path) -> None:
    known = launch_arguments() | {name for node in NODES for name in parameters(node)} | {'__ns', '__node'}
    for line in commands(page):
        if 'rosbag2_transport' in line or 'ros2 run joy' in line:
            continue  # a program of ROS
        for name in re.findall(r'([A-Za-z_.]+):=', line):
            assert name in known, f'{page.name}: {line}'


@pytest.mark.parametrize('page', CHECKED, ids=page_id)
def test_every_topic_service_and_action_exists(page: Path) -> None:
    for text in {*inline(page), *commands(page)}:
        relative = re.findall(r'^([a-z_*]+(?:/[a-z_*]+)+)$', text)
        names = [name for name in relative if name.partition('/')[0] in OWNERS]
        names += re.findall(r'(?<!\w)/turret/([a-z_]+(?:/[a-z_]+)*)', text) if '://' not in text else []
        for name in names:
            node, _, last = name.partition('/')
            exists = (name in NODES or any(fnmatch(known, name) for known in NAMES)
                      or (node in NODES and last in OF_EVERY_NODE) or name in ('robot_description', 'joy'))
            assert exists, f'{page.name}: {text}'


@pytest.mark.parametrize('page', CHECKED, ids=page_id)
def test_every_parameter_exists(page: Path) -> None:
    for text in {*inline(page), *commands(page)}:
        for node, name in re.findall(r'(?:^|\s)([a-z]+)\.([a-z_.*]+)(?:=\S*)?(?=\s|$)', text):
            if node in NODES and not f'{node}.{name}'.endswith(FILES):
                known = {known for known in parameters(node) if fnmatch(known, name) or known.startswith(f'{name}.')}
                assert known, f'{page.name}: {text}'
        for node, name in re.findall(r'param (?:set|get|describe) (?:/turret/)?([a-z]+)[ .]([a-z_.]+)', text):
            assert name in parameters(node), f'{page.name}: {text}'


@pytest.mark.parametrize('page', CHECKED, ids=page_id)
def test_every_identifier_exists(page: Path) -> None:
    for text in inline(page):
        if re.fullmatch(r'[a-z][a-z0-9]*(_[a-z0-9]+)+|[A-Z]+(_[A-Z]+)+|([A-Z][a-z]+){2,}', text):
            assert text in words_of_the_code(), f'{page.name}: {text}'


@pytest.mark.parametrize('page', CHECKED, ids=page_id)
def test_every_file_exists(page: Path) -> None:
    for text in inline(page):
        if re.fullmatch(r'(turret_\w+|tools|docs|requirements|cmake)/[\w/.-]+', text) and '.' in text:
            package = text.partition('/')[0]
            assert (ROOT / text).exists() or (ROOT / package / text).exists(), f'{page.name}: {text}'


@pytest.mark.parametrize('node', NODES)
def test_parameter_descriptions_are_noun_phrases_that_stand_alone(node: str) -> None:
    for name, spec in params.specs(NODES[node].parameters()).items():
        text = spec.info.description
        assert text[0].isupper(), name
        assert not text.endswith('.'), name
        words = r'\[|(?<!at )\b(least|largest|fastest|greatest|nobody|somebody|whether)\b'
        assert not re.search(words, text.lower()), name


def test_the_messages_in_the_troubleshooting_page_exist() -> None:
    sources = [ROOT / 'turret', *ROOT.glob('turret_*/turret_*/**/*.py')]
    code = re.sub(r"[\"']\s*\\?\n\s*f?[\"']|\s+", ' ', ' '.join(path.read_text() for path in sources))
    code = re.sub(r'\{port\}', '8000', code)
    for quoted in re.findall(r'\*\*"(.+?)"\.\*\*', (ROOT / 'docs' / 'troubleshooting.md').read_text()):
        assert re.sub(r'\s+', ' ', quoted) in code, quoted


def test_every_folder_is_in_the_map_of_the_design_page() -> None:
    page = (ROOT / 'docs' / 'design.md').read_text()
    for init in ROOT.glob('turret_*/turret_*/**/__init__.py'):
        folder = init.parent.relative_to(ROOT)
        if len(folder.parts) > 2 and 'bench' not in folder.parts:
            assert f'`{folder}`' in page, folder


def promises() -> list[tuple[str, str]]:
    """Give the promises of the safety page, each with its test."""
    page = (ROOT / 'docs' / 'safety.md').read_text()
    table = page.partition('## Promises and their tests')[2].partition('\n## ')[0]
    return re.findall(r'^\| (.+) \| `(\S+)` \|$', table, re.MULTILINE)


@pytest.mark.parametrize(('promise', 'test'), promises(), ids=[promise for promise, _ in promises()])
def test_each_promise_of_the_safety_page_has_a_test(promise: str, test: str) -> None:
    file, _, name = test.partition('::')
    assert re.search(rf'^ *def {name}\(', (ROOT / file).read_text(), re.MULTILINE), f'{promise}: there is no {test}'


def test_no_promise_of_the_safety_page_is_without_a_test() -> None:
    page = (ROOT / 'docs' / 'safety.md').read_text()
    table = page.partition('## Promises and their tests')[2].partition('\n## ')[0]
    rows = [line for line in table.splitlines() if line.startswith('| ')][1:]
    assert len(rows) == len(promises()) >= 60


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation site; a broken link or anchor fails its build."""
    pytest.importorskip('mkdocs', reason='not installed: ./turret docs installs it')
    folder = tmp_path_factory.mktemp('site')
    subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--quiet', '--site-dir', folder], cwd=ROOT, check=True,
        env={**os.environ, 'NO_MKDOCS_2_WARNING': '1'})
    return folder


def test_the_search_of_the_site_finds_every_name(site: Path) -> None:
    text = html.unescape((site / 'search' / 'search_index.json').read_text())
    names = {*NAMES, *(code.name for code in ReasonCode), *(f'./turret {name}' for name in COMMANDS)}
    names |= {*(f'./turret bench {name}' for name in BENCHMARKS), './turret hw bus scan', './turret hw wizard'}
    for node in NODES:
        names |= parameters(node)
    assert [name for name in sorted(names) if name not in text] == []


def words(text: str) -> str:
    """Return the words of a text, whatever marks and spaces are between them."""
    return ' '.join(re.findall(r'[A-Za-z0-9]+', text))


def sentences() -> Iterator[tuple[str, str]]:
    """Give each module with each constant text of at least five words that a user can see, as a whole or as a part."""
    templates = re.compile(r'xmlns|</|<!|\[Unit\]|Content-type|%\(|-src ')
    for path in ROOT.glob('turret_*/turret_*/**/*.py'):
        if 'testing' in path.parts:
            continue
        tree = ast.parse(path.read_text())
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        nodes = list(ast.walk(tree))
        if 'bench' in path.parts:  # the others are results
            nodes = [part for node in nodes if isinstance(node, ast.Raise) for part in ast.walk(node)]
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                text = node.value
                if len(re.findall('[a-z]{2,}', text)) >= 5 and text.count(' ') >= 4 and not templates.search(text):
                    yield path.name, text


def test_the_search_of_the_site_finds_every_sentence_of_the_program(site: Path) -> None:
    pages = json.loads((site / 'search' / 'search_index.json').read_text())['docs']
    found = words(html.unescape(re.sub(r'</?[a-z]+[^>]*>', ' ', ' '.join(page['text'] for page in pages))))
    texts = list(sentences())
    assert len(texts) > 800
    assert [(name, text) for name, text in texts if words(text) not in found] == []
    script = re.sub(r'\\\n\s*|\$\((?:[^()]|\([^()]*\))*\)', '', (ROOT / 'turret').read_text())
    endings = [part for line in re.findall(r'\b(?:die|say) ((?:"[^"]*"|\'[^\']*\'| )+)', script)
               for part in re.findall(r'"[^"]*"|\'[^\']*\'', line)]
    parts = [part for text in endings for part in re.split(r'\$\{[^}]*\}|(?<!\\)\$\w+', text) if part]
    assert len(endings) >= 25
    assert [part for part in parts if words(part) not in found] == []


def test_each_reason_code_has_a_remedy() -> None:
    sys.path.insert(0, str(ROOT / 'tools'))
    import error_texts
    assert {code.name for code in ReasonCode} - {'OK'} == set(error_texts.remedies())


def test_the_site_needs_no_network(site: Path) -> None:
    for page in site.rglob('*.html'):
        for source in re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(https?://[^"]+)"', page.read_text()):
            assert 'canonical' in source, f'{page.name} loads {source}'


def imported(module: str) -> set[str]:
    """Return the modules of the turret that a module imports, directly or not, itself included."""
    found, todo = set(), [module]
    while todo:
        name = todo.pop()
        path = ROOT / name.partition('.')[0] / f"{name.replace('.', '/')}.py"
        if name in found or not path.is_file():
            continue
        found.add(name)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith('turret_'):
                todo += [node.module, *(f'{node.module}.{alias.name}' for alias in node.names)]
    return found - {'turret_common.interface'}


def test_the_data_flow_has_every_node_and_only_subscriptions_that_exist() -> None:
    sys.path.insert(0, str(ROOT / 'tools'))
    import draw_docs
    assert {spec.name for spec in GRAPH} <= set(draw_docs.FLOW_NODES)
    for topic, node, _ in draw_docs.FLOW_TOPICS:
        text = ''.join((ROOT / name.partition('.')[0] / f"{name.replace('.', '/')}.py").read_text()
                       for name in imported(NODES[node].module))
        states = node == 'status' and topic.endswith('/state')
        assert states or f"'{topic}'" in text, f'{node} does not subscribe to {topic}'


def test_each_library_of_the_running_turret_is_justified() -> None:
    table = (ROOT / 'docs' / 'design.md').read_text().partition('## Libraries')[2].partition('\n## ')[0]
    needed = (ROOT / 'requirements' / 'runtime.in').read_text().partition('# Build')[0]
    names = re.findall(r'^([a-z][\w-]*)', needed, re.MULTILINE)
    assert [name for name in names if not name.startswith('ros-') and not re.search(rf'\b{name}\b', table)] == []


def test_the_diagrams_are_current_and_show_every_state() -> None:
    subprocess.run([sys.executable, ROOT / 'tools' / 'draw_docs.py', '--check'], check=True)
    for drawing, message, prefix in (('laser_states', 'LaserState', 'STATE_'), ('track_states', 'Track', 'STATE_')):
        states = set(re.findall(rf'{prefix}(\w+)=', (ROOT / 'turret_msgs' / 'msg' / f'{message}.msg').read_text()))
        shown = set(re.findall(r'>([A-Z]+)</text>', (ROOT / 'docs' / 'images' / f'{drawing}.svg').read_text()))
        assert shown == states - {'UNKNOWN'}
    text = ''.join(page.read_text() for page in PAGES)
    assert [image.name for image in (ROOT / 'docs' / 'images').glob('*.svg') if image.name not in text] == []
