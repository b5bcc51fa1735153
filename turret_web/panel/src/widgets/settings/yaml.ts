// SPDX-License-Identifier: Apache-2.0
/** Parameters as a ROS 2 parameter file, and back. Pure; reads what it writes and plain files of that form. */

import type { ParameterValue } from '../../bridge/parameters';

export type ParameterTree = Record<string, Record<string, ParameterValue>>;

function scalar(value: boolean | number | string): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

export function toYaml(tree: ParameterTree): string {
  return Object.entries(tree).map(([node, parameters]) => [
    `${node}:`, '  ros__parameters:',
    ...Object.entries(parameters).map(([name, value]) => (
      `    ${name}: ${Array.isArray(value) ? `[${value.map(scalar).join(', ')}]` : scalar(value)}`)),
    '',
  ].join('\n')).join('');
}

function parsed(text: string): ParameterValue {
  const plain = text.replace(/\s+#.*$/, '').trim();
  try {
    return JSON.parse(plain) as ParameterValue;
  } catch {
    return plain.replace(/^'(.*)'$/, '$1');
  }
}

/** Throws an Error that names the line that cannot be read. */
export function fromYaml(text: string): ParameterTree {
  const tree: ParameterTree = {};
  let node = '';
  let path: { indent: number; name: string }[] = [];
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '' || line.trim().startsWith('#')) return;
    const match = /^( *)([\w./*-]+):(?: (.*))?$/.exec(line);
    if (match === null) throw new Error(`line ${i + 1}: ${line.trim()}`);
    const [, spaces = '', name = '', value = ''] = match;
    if (spaces === '') {
      node = name.replace(/^.*\//, '');
      tree[node] = {};
      path = [];
      return;
    }
    if (name === 'ros__parameters') return;
    path = path.filter(({ indent }) => indent < spaces.length);
    if (value.trim() === '') {
      path.push({ indent: spaces.length, name });
      return;
    }
    const parameters = tree[node];
    if (parameters === undefined) throw new Error(`line ${i + 1}: ${line.trim()}`);
    parameters[[...path.map((part) => part.name), name].join('.')] = parsed(value);
  });
  return tree;
}
