// SPDX-License-Identifier: Apache-2.0
/** How a parameter is shown and typed: its description as a title, and degrees for angles. */

import { parseValue, ParameterType, type Parameter, type ParameterValue } from '../bridge/parameters';
import { DEGREES } from '../state/format';

const ANGLE = /\[rad(\/s(\^2)?)?\]/;

export interface Shown { title: string; unit: string; scale: number }

/** How a parameter is shown: its description as a title, and degrees for angles. */
export function shownAs({ name, description, type }: Pick<Parameter, 'name' | 'description' | 'type'>): Shown {
  const isAngle = ANGLE.test(description) && (type === ParameterType.DOUBLE || type === ParameterType.DOUBLE_ARRAY);
  const [, unit = ''] = /\[([^\]]+)\]\s*$/.exec(description) ?? [];
  const text = description.replace(/\s*\[[^\]]+\]\s*$/, '').replace(/\.$/, '');
  const title = text === '' ? name : text.charAt(0).toUpperCase() + text.slice(1);
  return isAngle ? { title, unit: unit.replace('rad', '°').replace('^2', '²'), scale: DEGREES } : { title, unit: unit.replace('^2', '²'), scale: 1 };
}

const rounded = (value: number): string => String(Number(value.toPrecision(7)));

/** Text of a value in a field. */
export function fieldText(value: ParameterValue, scale: number): string {
  const one = (item: boolean | number | string): string => (typeof item === 'number' ? rounded(item * scale) : String(item));
  return Array.isArray(value) ? value.map(one).join(', ') : one(value);
}

/** The value of a field's text; null when it is not one. */
export function fieldValue(text: string, { type, value }: Parameter, scale: number): ParameterValue | null {
  const parsed = parseValue(text, type, value);
  if (scale === 1 || parsed === null) return parsed;
  if (typeof parsed === 'number') return parsed / scale;
  return Array.isArray(parsed) ? parsed.map((item) => (typeof item === 'number' ? item / scale : item)) as number[] : parsed;
}
