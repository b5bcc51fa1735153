// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

import { expect, it } from 'vitest';

const SOURCE = join(import.meta.dirname, '..', 'src');

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (
    entry.isDirectory() ? files(join(folder, entry.name)) : /\.tsx?$/.test(entry.name) && !/\.test\./.test(entry.name) ? [join(folder, entry.name)] : []));
}

const all = new Set(files(SOURCE));

/** Files that a file imports, types included. */
function imports(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/from '(\.[^']+)'/g)].flatMap(([, path = '']) => {
    const base = resolve(dirname(file), path);
    return [`${base}.ts`, `${base}.tsx`, join(base, 'index.ts')].filter((candidate) => all.has(candidate));
  });
}

it('has no import circle', () => {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    expect(path.map((name) => relative(SOURCE, name))).not.toContain(relative(SOURCE, file));
    if (done.has(file)) return;
    for (const next of imports(file)) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of all) visit(file, []);
  expect(done.size).toBeGreaterThan(50);
});

it('keeps state and bridge free of components', () => {
  for (const file of all) {
    const place = relative(SOURCE, file);
    if (!/^(state|bridge)\//.test(place)) continue;
    const wrong = imports(file).map((name) => relative(SOURCE, name)).filter((name) => /^(ui|widgets)\//.test(name));
    expect([place, wrong]).toEqual([place, []]);
  }
});

it('has at most 20 modules per folder', () => {
  const counts = new Map<string, number>();
  for (const file of all) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  expect(Math.max(...counts.values())).toBeLessThanOrEqual(20);
});
