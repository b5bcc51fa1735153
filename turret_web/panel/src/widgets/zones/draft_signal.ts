// SPDX-License-Identifier: Apache-2.0
/** The zones that are being edited; null while there is no draft. The video draws them too. */

import { computed, signal } from '@preact/signals';

import type { Zone } from '../../generated/interfaces';
import type { Draft } from '../../state/zone_draft';

export const zoneDraft = signal<Draft | null>(null);
export const draftZones = computed<readonly Zone[] | null>(() => zoneDraft.value?.zones ?? null);
