/** Widgets behind tabs. Only the one that is shown is kept up to date. */

import { button, h, setHidden } from '../dom';
import type { Widget } from '../panel';

export interface Tab {
  title: string;
  widget: Widget;
  isOffered?: () => boolean;
}

export function tabs(all: readonly Tab[]): Widget {
  let chosen = 0;
  const heads = all.map(({ title }, i) => button(title, () => choose(i), {
    role: 'tab', id: `tab-${i}`, 'aria-controls': `tabpanel-${i}`,
  }));
  const bodies = all.map(({ widget }, i) => h('div', {
    role: 'tabpanel', id: `tabpanel-${i}`, class: 'body', 'aria-labelledby': `tab-${i}`,
  }, widget.element));
  const bar = h('div', { class: 'tabs', role: 'tablist' }, ...heads);
  bar.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.stopPropagation();
    const shown = heads.filter((head) => !head.hidden);
    const next = shown[(shown.indexOf(heads[chosen] as HTMLButtonElement) + step + shown.length) % shown.length];
    next?.focus();
    next?.click();
  });

  function choose(index: number): void {
    chosen = index;
    heads.forEach((head, i) => {
      head.setAttribute('aria-selected', String(i === index));
      head.tabIndex = i === index ? 0 : -1;
    });
    bodies.forEach((body, i) => setHidden(body, i !== index));
  }

  choose(0);
  return {
    element: h('section', { class: 'card tabbed', 'aria-label': 'Settings' }, bar, ...bodies),
    update(now) {
      all.forEach(({ isOffered }, i) => setHidden(heads[i] as HTMLElement, isOffered?.() === false));
      all[chosen]?.widget.update?.(now);
    },
  };
}
