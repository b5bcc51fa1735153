/** A row of buttons of which one is chosen. The choice shown is what the turret says, not what was clicked. */

import { button, h } from '../dom';

export interface Segmented {
  readonly element: HTMLElement;
  show(value: number | string | null): void;
}

export function segmented<V extends number | string>(
  label: string, options: readonly { value: V; label: string; title?: string }[], choose: (value: V) => void,
): Segmented {
  const buttons = options.map((option) => button(option.label, () => choose(option.value), {
    'aria-pressed': 'false', title: option.title,
  }));
  return {
    element: h('div', { class: 'segmented', role: 'group', 'aria-label': label }, ...buttons),
    show(value) {
      options.forEach((option, i) => buttons[i]?.setAttribute('aria-pressed', String(option.value === value)));
    },
  };
}
