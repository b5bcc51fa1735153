/** Short messages in a corner: what was refused and why, what failed, what was done. */

import { button, h } from '../dom';
import type { Widget } from '../panel';
import { reasonName, reasonText } from '../reasons';

const SHOWN_MS = 8000;
const MOST = 4;

type Tone = 'good' | 'warning' | 'bad';

export class Notices implements Widget {
  readonly element = h('div', { class: 'notices', role: 'status', 'aria-live': 'polite' });

  /** A node said no. */
  refused(name: string, code: number, message: string): void {
    this.show('warning', reasonName(code), message || reasonText(code), name);
  }

  /** No answer came. */
  failed(message: string): void {
    this.show('bad', 'FAILED', message);
  }

  done(message: string): void {
    this.show('good', '', message);
  }

  private show(tone: Tone, title: string, message: string, source = ''): void {
    const notice = h('div', { class: `notice ${tone}` },
      h('div', {},
        title === '' ? null : h('strong', { class: 'reason' }, title),
        source === '' ? null : h('span', { class: 'source' }, source),
        h('p', {}, message)),
      button('✕', () => notice.remove(), { class: 'quiet', 'aria-label': 'Dismiss' }));
    const same = [...this.element.children].find((other) => other.textContent === notice.textContent);
    same?.remove();
    this.element.prepend(notice);
    while (this.element.children.length > MOST) this.element.lastElementChild?.remove();
    setTimeout(() => notice.remove(), SHOWN_MS);
  }
}
