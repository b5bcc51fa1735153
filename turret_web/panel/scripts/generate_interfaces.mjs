// SPDX-License-Identifier: Apache-2.0
/**
 * Write src/generated/interfaces.ts from the .msg, .srv and .action files of turret_msgs, so that no name of the
 * panel can drift from the interface. Runs before every build, check and test.
 */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PANEL = dirname(dirname(fileURLToPath(import.meta.url)));
const INTERFACES = join(PANEL, '..', '..', 'turret_msgs');
const OUTPUT = join(PANEL, 'src', 'generated', 'interfaces.ts');

const PRIMITIVES = new Map([
  ['bool', 'boolean'],
  ['string', 'string'],
  ['float32', 'Float'],
  ['float64', 'Float'],
  ...['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'].map((name) => [name, 'number']),
]);

/** The messages of other packages that ours contain. */
const PRELUDE = `// SPDX-License-Identifier: Apache-2.0
// Generated from turret_msgs by scripts/generate_interfaces.mjs. Do not edit.

/** A floating-point field. JSON has no NaN: the bridge sends null for it. */
export type Float = number | null;
export interface Time { sec: number; nanosec: number }
export interface Header { stamp: Time; frame_id: string }
export interface Point { x: Float; y: Float; z: Float }
`;

function tsType(rosType) {
  const match = /^([\w/]+?)(\[\d*\])?$/.exec(rosType);
  if (match === null) throw new Error(`unknown type ${rosType}`);
  const element = PRIMITIVES.get(match[1]) ?? match[1].split('/').at(-1);
  return match[2] ? `${element}[]` : element;
}

/** Split the lines of one definition into fields and constants, each with the comment beside it. */
function parse(text) {
  const fields = [];
  const constants = [];
  for (const line of text.split('\n')) {
    const [, code, comment] = /^([^#]*)#?(.*)$/.exec(line);
    const constant = /^\s*\w+\s+([A-Z][A-Z0-9_]*)\s*=\s*(\S+)\s*$/.exec(code);
    const field = /^\s*(\S+)\s+(\w+)\s*$/.exec(code);
    if (constant) constants.push({ name: constant[1], value: constant[2], comment: comment.trim() });
    else if (field) fields.push({ type: tsType(field[1]), name: field[2], comment: comment.trim() });
  }
  return { fields, constants };
}

function declaration(name, { fields, constants }) {
  const lines = [`export interface ${name} {`];
  for (const { name: field, type, comment } of fields) {
    lines.push(comment ? `  /** ${comment} */` : '', `  ${field}: ${type};`);
  }
  lines.push('}');
  if (constants.length > 0) {
    lines.push(`export const ${name} = {`, ...constants.map((c) => `  ${c.name}: ${c.value},`), '} as const;');
  }
  return lines.filter((line) => line !== '').join('\n');
}

/** Return [name, sections] of every file with the extension; sections are what "---" separates. */
function definitions(kind) {
  const folder = join(INTERFACES, kind);
  return readdirSync(folder)
    .filter((file) => file.endsWith(`.${kind}`))
    .sort()
    .map((file) => [
      basename(file, `.${kind}`),
      readFileSync(join(folder, file), 'utf8').split(/^---$/m).map(parse),
    ]);
}

function declarations(entries, parts) {
  return entries.flatMap(([name, bodies]) => bodies.map((body, i) => declaration(`${name}_${parts[i]}`, body)));
}

function index(name, kind, entries, parts) {
  const rows = entries.map(([entry]) => {
    const value = parts ? `{ ${parts.map((part) => `${part.toLowerCase()}: ${entry}_${part}`).join('; ')} }` : entry;
    return `  'turret_msgs/${kind}/${entry}': ${value};`;
  });
  return [`export interface ${name} {`, ...rows, '}'].join('\n');
}

/** Fields and their types as one short text per interface, for the checks at the edge of the transport. */
function shapes(rows) {
  const lines = rows.map(([name, { fields }]) => (
    `  '${name}': '${fields.map(({ name: field, type }) => `${field}:${type}`).join(' ')}',`));
  return ['/** Members of every interface with their types, as `name:type` separated by spaces. */',
    'export const SHAPES: Readonly<Record<string, string>> = {', ...lines, '};'].join('\n');
}

const messages = definitions('msg');
const services = definitions('srv');
const actions = definitions('action');
// Named as rosidl names them; FireRequest is a message, Fire_Request is half of a service.
const SERVICE_PARTS = ['Request', 'Response'];
const ACTION_PARTS = ['Goal', 'Result', 'Feedback'];
const leased = [['srv', services], ['action', actions]].flatMap(([kind, entries]) => entries
  .filter(([, [first]]) => first.fields.some((field) => field.name === 'lease_id'))
  .map(([name]) => `  'turret_msgs/${kind}/${name}',`));
const reasonTexts = messages.find(([name]) => name === 'ReasonCode')[1][0].constants
  .map(({ value, comment }) => `  ${value}: ${JSON.stringify(comment)},`);

mkdirSync(dirname(OUTPUT), { recursive: true });
writeFileSync(OUTPUT, [
  PRELUDE,
  ...messages.map(([name, [body]]) => declaration(name, body)),
  ...declarations(services, SERVICE_PARTS),
  ...declarations(actions, ACTION_PARTS),
  index('Messages', 'msg', messages),
  index('Services', 'srv', services, SERVICE_PARTS),
  index('Actions', 'action', actions, ACTION_PARTS),
  ['/** Services and actions whose request names the operator\'s lease. */',
    'export const LEASED: ReadonlySet<string> = new Set([', ...leased, ']);'].join('\n'),
  ['/** What each ReasonCode means, in the words of ReasonCode.msg. */',
    'export const REASON_TEXTS: Readonly<Record<number, string>> = {', ...reasonTexts, '};'].join('\n'),
  shapes([
    ...messages.map(([name, [body]]) => [name, body]),
    ...services.map(([name, bodies]) => [`${name}_Response`, bodies[1]]),
    ...actions.flatMap(([name, bodies]) => [[`${name}_Result`, bodies[1]], [`${name}_Feedback`, bodies[2]]]),
  ]),
  '',
].join('\n\n'));
