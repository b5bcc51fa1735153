// SPDX-License-Identifier: Apache-2.0
/** Reason codes and other enumerations in words. */

import { REASON_TEXTS, ReasonCode } from '../generated/interfaces';

/** Name of the constant with a prefix and a value, e.g. `constantName(LaserState, 'STATE_', 2)` is "ARMED". */
export function constantName(
  constants: Readonly<Record<string, number>>, prefix: string, value: number,
): string {
  for (const [name, constant] of Object.entries(constants)) {
    if (constant === value && name.startsWith(prefix)) return name.slice(prefix.length);
  }
  return `${prefix}${value}`;
}

/** As {@link constantName}, for reading: "Armed", "Most confident". */
export function constantLabel(
  constants: Readonly<Record<string, number>>, prefix: string, value: number,
): string {
  const words = constantName(constants, prefix, value).toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Name of a reason code as in ReasonCode.msg. */
export function reasonName(code: number): string {
  return constantName(ReasonCode, '', code);
}

/** What a reason code means; empty where the message says nothing. */
export function reasonText(code: number): string {
  return REASON_TEXTS[code] ?? '';
}
