// SPDX-License-Identifier: Apache-2.0
/** Short messages, and the history of everything that was reported since the page was opened. */

import { signal } from '@preact/signals';

import { t } from '../text';
import { reasonName, reasonText } from './reasons';

export type Tone = 'plain' | 'good' | 'warning' | 'bad';

export interface Notice {
  id: number;
  tone: Tone;
  /** Reason code or the like; empty = none. */
  title: string;
  message: string;
  /** What it concerns, e.g. the service; empty = none. */
  source: string;
  /** Wall clock [ms]. */
  at: number;
  /** How often in a row. */
  count: number;
  undo: (() => void) | null;
}

const SHOWN_MS = 8000;
const MAX_SHOWN = 3;
const MAX_KEPT = 300;

export class Notices {
  /** On the screen now, newest first. */
  readonly shown = signal<readonly Notice[]>([]);
  /** Everything, newest first. */
  readonly history = signal<readonly Notice[]>([]);
  /** Reported since the history was last opened. */
  readonly unread = signal(0);
  private next = 1;

  /** A node refused. */
  refused(name: string, code: number, message: string): void {
    this.add('warning', reasonName(code), message || reasonText(code), name);
  }

  /** No response arrived. */
  failed(message: string): void {
    this.add('bad', t.notices.failed, message);
  }

  done(message: string, undo: (() => void) | null = null): void {
    this.add('good', '', message, '', undo);
  }

  /** For the history only. */
  record(message: string, tone: Tone = 'plain'): void {
    this.keep(this.make(tone, '', message, '', null));
  }

  dismiss(id: number): void {
    this.shown.value = this.shown.value.filter((notice) => notice.id !== id);
  }

  private add(tone: Tone, title: string, message: string, source = '', undo: (() => void) | null = null): void {
    const same = this.shown.value.find((other) => other.title === title && other.message === message);
    const notice = { ...this.make(tone, title, message, source, undo), count: (same?.count ?? 0) + 1 };
    this.shown.value = [notice, ...this.shown.value.filter((other) => other !== same)].slice(0, MAX_SHOWN);
    this.keep(notice);
    if (tone !== 'good') navigator.vibrate?.([60, 40, 60]);
    setTimeout(() => this.dismiss(notice.id), SHOWN_MS);
  }

  private make(tone: Tone, title: string, message: string, source: string, undo: (() => void) | null): Notice {
    const id = this.next;
    this.next += 1;
    return { id, tone, title, message, source, undo, at: Date.now(), count: 1 };
  }

  private keep(notice: Notice): void {
    const [newest] = this.history.value;
    const isRepeat = newest !== undefined && newest.title === notice.title && newest.message === notice.message;
    const kept = isRepeat ? { ...notice, count: newest.count + 1 } : notice;
    this.history.value = [kept, ...this.history.value.slice(isRepeat ? 1 : 0)].slice(0, MAX_KEPT);
    if (!isRepeat && (notice.tone === 'warning' || notice.tone === 'bad')) this.unread.value += 1;
  }
}
