"""The documents: generated from the code, with links that lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob('*.md'), *(ROOT / 'docs').glob('*.md')]


def test_the_generated_documents_are_current() -> None:
    subprocess.run([sys.executable, ROOT / 'tools' / 'generate_docs.py', '--check'], check=True)


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r'\]\(([^)#\s]+)[^)]*\)', page.read_text()):
        if '://' not in target:
            assert (page.parent / target).exists(), f'{page.name} links to {target}'
