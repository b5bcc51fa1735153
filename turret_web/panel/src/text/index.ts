// SPDX-License-Identifier: Apache-2.0
/** The texts of the panel. Another language is another file of the type {@link Texts}, chosen here. */

import { en } from './en';

export type Texts = typeof en;

export const t: Texts = en;
