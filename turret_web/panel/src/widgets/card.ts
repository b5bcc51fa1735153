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

/** A card about one section of the status: its age is beside the title, and it grays out when that is old. */
export class Card<K extends SectionName> implements Widget {
  readonly element: HTMLElement;
  private readonly age = h('span', { class: 'age' });

  constructor(
    private readonly panel: Panel, private readonly section: K, title: string, ...children: (Node | string)[]
  ) {
    this.element = h('section', { class: 'card', 'aria-label': title, 'data-section': section },
      h('header', {}, h('h2', {}, title), this.age), h('div', { class: 'body' }, ...children));
  }

  update(now: number): void {
    const { store } = this.panel;
    setText(this.age, age(store.sectionAge(this.section, now)));
    setData(this.element, 'old', String(store.isSectionOld(this.section, now)));
  }
}

/** A card with one line per value of a section. */
export function statusCard<K extends SectionName>(
  panel: Panel, section: K, title: string, rows: readonly Row<Sections[K]>[], ...more: Widget[]
): Widget {
  const cells = rows.map(() => h('dd'));
  const message = h('p', { class: 'message' });
  const list = h('dl', {}, ...rows.flatMap(({ label }, i) => [h('dt', {}, label), cells[i] as HTMLElement]));
  const card = new Card(panel, section, title, list, ...more.map(({ element }) => element), message);
  return {
    element: card.element,
    update(now) {
      card.update(now);
      for (const widget of more) widget.update?.(now);
      const state = panel.store.section(section);
      rows.forEach(({ value, tone }, i) => {
        const cell = cells[i] as HTMLElement;
        setText(cell, state === null ? '–' : value(state));
        setData(cell, 'tone', state === null ? 'plain' : tone?.(state) ?? 'plain');
      });
      setText(message, state?.message ?? '');
    },
  };
}
