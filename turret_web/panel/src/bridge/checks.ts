// SPDX-License-Identifier: Apache-2.0
/** Checks messages against the interface definitions where they enter the panel, so that no widget meets a gap. */

import { SHAPES, type TurretStatus } from '../generated/interfaces';
import { SECTION_NAMES, type SectionName } from './sections';
import { t } from '../text';

type Members = readonly (readonly [name: string, type: string])[];

/** Types of other packages that the panel reads. */
const FOREIGN: Readonly<Record<string, string>> = {
  Time: 'sec:number nanosec:number',
  Header: 'stamp:Time frame_id:string',
  Point: 'x:Float y:Float z:Float',
  Log: 'stamp:Time level:number name:string msg:string',
  JointState: 'header:Header name:string[] position:Float[]',
  CompressedImage: 'header:Header format:string data:string',
  CameraInfo: 'header:Header width:number height:number k:Float[]',
};

const parsed = new Map<string, Members | null>();

function membersOf(type: string): Members | null {
  let members = parsed.get(type);
  if (members === undefined) {
    const shape = SHAPES[type] ?? FOREIGN[type];
    members = shape === undefined ? null : shape.split(' ').filter(Boolean).map((item) => {
      const [name = '', kind = ''] = item.split(':');
      return [name, kind] as const;
    });
    parsed.set(type, members);
  }
  return members;
}

function problemOf(type: string, value: unknown, path: string): string {
  const it = path === '' ? t.problems.it : path;
  if (type.endsWith('[]')) {
    if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return t.problems.notA(it, t.problems.list);
    if (!Array.isArray(value)) return '';
    for (let i = 0; i < value.length; i += 1) {
      const problem = problemOf(type.slice(0, -2), value[i], `${path}[${i}]`);
      if (problem !== '') return problem;
    }
    return '';
  }
  if (type === 'Float') return value === null || typeof value === 'number' ? '' : t.problems.notA(it, t.problems.number);
  if (type === 'number' || type === 'string' || type === 'boolean') {
    return typeof value === type ? '' : t.problems.notA(it, type);
  }
  if (typeof value !== 'object' || value === null) return t.problems.missing(it);
  for (const [name, kind] of membersOf(type) ?? []) {
    const problem = problemOf(kind, (value as Record<string, unknown>)[name], path === '' ? name : `${path}.${name}`);
    if (problem !== '') return problem;
  }
  return '';
}

/**
 * The first thing that is wrong with a message, e.g. "detection is missing"; empty when it is sound.
 *
 * @param type - name without its package, with "_Response" or "_Result" for the halves of services and actions
 */
export function problemIn(type: string, message: unknown): string {
  return problemOf(type, message, '');
}

/** Name of the shape of a full interface type, e.g. "Zone" for "turret_msgs/msg/Zone". */
export function shapeName(interfaceType: string, part = ''): string {
  return `${interfaceType.split('/').at(-1) ?? ''}${part}`;
}

/**
 * Split a status into what is sound and what is not: a section that does not match its definition counts as never
 * seen, and the rest of the status is used. Returns null when the status itself is unusable.
 */
export function soundStatus(message: unknown): { status: TurretStatus; problems: string[] } | null {
  if (typeof message !== 'object' || message === null) return null;
  const status = { ...message } as TurretStatus;
  if (typeof status.seq !== 'number' || typeof status.backend !== 'number') return null;
  const problems: string[] = [];
  for (const name of SECTION_NAMES) {
    const problem = problemIn(sectionType(name), status[name])
      || problemOf('Float', status[`${name}_age_s`], `${name}_age_s`);
    if (problem === '') continue;
    problems.push(`${name}: ${problem}`);
    status[`${name}_age_s`] = null;
  }
  for (const [name, type] of [['tracks', 'Track[]'], ['faults', 'Fault[]']] as const) {
    const problem = problemOf(type, status[name], name);
    if (problem === '') continue;
    problems.push(problem);
    status[name] = [];
  }
  if (typeof status.period_s !== 'number') status.period_s = null;
  return { status, problems };
}

/** Name of the message of a section, e.g. "LaserState". */
export function sectionType(name: SectionName): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}State`;
}
