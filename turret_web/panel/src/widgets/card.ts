/** The frames that other widgets are put in. */

import { h, setData, setText } from '../dom';
import { age } from '../format';
import type { Panel, Widget } from '../panel';
import type { SectionName, Sections } from '../store';

export type Tone = 'plain' | 'good' | 'warning' | 'bad';

export interface Row<T> {
  label: string;
  value: (state: T) => string;
  tone?: (state: T) => Tone;
}

export function card(title: string, ...children: (Node | string | null)[]): HTMLElement {
  return h('section', { class: 'card', 'aria-label': title },
    h('header', {}, h('h2', {}, title)), h('div', { class: 'body' }, ...children));
}

/** A card about one section of the status: its age is beside the title, and it greys out when that is old. */
export class SectionCard<K extends SectionName> implements Widget {
  readonly element: HTMLElement;
  private readonly age = h('span', { class: 'age' });
  private readonly message = h('p', { class: 'message' });
  private readonly cells: HTMLElement[];

  constructor(
    private readonly panel: Panel,
    private readonly name: K,
    title: string,
    private readonly rows: readonly Row<Sections[K]>[],
  ) {
    this.cells = rows.map(() => h('dd'));
    this.element = h('section', { class: 'card status', 'aria-label': title, 'data-section': name },
      h('header', {}, h('h2', {}, title), this.age),
      h('div', { class: 'body' },
        h('dl', {}, ...rows.flatMap(({ label }, i) => [h('dt', {}, label), this.cells[i] as HTMLElement])),
        this.message));
  }

  update(now: number): void {
    const { store } = this.panel;
    const state = store.section(this.name);
    setText(this.age, age(store.sectionAge(this.name, now)));
    setData(this.element, 'old', String(store.isSectionOld(this.name, now)));
    this.rows.forEach(({ value, tone }, i) => {
      const cell = this.cells[i] as HTMLElement;
      setText(cell, state === null ? '–' : value(state));
      setData(cell, 'tone', state === null ? 'plain' : tone?.(state) ?? 'plain');
    });
    setText(this.message, state?.message ?? '');
  }
}
