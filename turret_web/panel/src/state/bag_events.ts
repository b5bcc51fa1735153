// SPDX-License-Identifier: Apache-2.0
/** Events of the turret as they happen: marks, shots, faults, steps of the clock. A bag keeps them. */

import { signal } from '@preact/signals';

import type { Message } from '../bridge/names';
import type { Transport } from '../bridge/transport';

export type BagEvent = Message<'bag/events'>;

const KEPT = 50;

/** Since the page was opened, newest first. */
export const bagEvents = signal<readonly BagEvent[]>([]);

export function watchBagEvents(transport: Transport): void {
  transport.subscribe('bag/events', (event) => { bagEvents.value = [event, ...bagEvents.peek()].slice(0, KEPT); });
}
