# SPDX-License-Identifier: Apache-2.0
"""Run a generator of rosidl so that it takes from the others what they have parsed already.

Usage: ``shared_parse.py GENERATOR [ARGUMENT...]``. Each generator would parse every interface again, which is a good
third of the time that all of them take.
"""

import os
import pickle
import runpy
import sys
from pathlib import Path

from rosidl_parser import parser

parse = parser.parse_idl_file


def parse_once(locator, png_file=None):
    """Do what ``rosidl_parser.parser.parse_idl_file`` does, with the result kept beside the file."""
    source = Path(locator.get_absolute_path())
    kept = source.with_suffix('.parsed')
    if kept.exists() and kept.stat().st_mtime >= source.stat().st_mtime:
        return pickle.loads(kept.read_bytes())
    parsed = parse(locator, png_file)
    unfinished = source.with_suffix(f'.{os.getpid()}')
    unfinished.write_bytes(pickle.dumps(parsed))
    unfinished.rename(kept)
    return parsed


parser.parse_idl_file = parse_once
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
