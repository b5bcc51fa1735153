#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Regenerates lock.txt with the newest compatible versions. Needs uv. Sections: installer, runtime, test, hardware, node, docs.
set -eu
cd "$(dirname "$0")"

compile() {
  uv pip compile --quiet --universal --upgrade --python-version 3.10 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-annotate --no-header "$@"
}

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
compile installer.in > "$work/installer"
compile runtime.in > "$work/runtime"
compile -c "$work/runtime" test.in > "$work/test"
compile -c "$work/runtime" -c "$work/test" hardware.in > "$work/hardware"
compile -c "$work/runtime" -c "$work/test" -c "$work/hardware" node.in > "$work/node"
compile -c "$work/runtime" -c "$work/test" -c "$work/hardware" docs.in > "$work/docs"
{
  echo '# Exact versions for Python 3.10 to 3.13 on x86-64 Linux. Made by lock.sh; do not edit.'
  for section in installer runtime test hardware node docs; do
    printf '\n# == %s ==\n' "$section"
    cat "$work/$section"
  done
} > lock.txt
