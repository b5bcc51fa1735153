/** The aiming loop in numbers: gains and what each term asks for. */

import { h, setText } from '../dom';
import { degrees, number } from '../format';
import type { PidState } from '../generated/interfaces';
import type { Panel, Widget } from '../panel';

const COLUMNS: readonly { label: string; title: string; value: (pid: PidState) => string }[] = [
  { label: 'kp', title: 'rate per aiming error [1/s]', value: ({ kp }) => number(kp, 2) },
  { label: 'ki', title: '[1/s²]', value: ({ ki }) => number(ki, 2) },
  { label: 'kd', title: '', value: ({ kd }) => number(kd, 3) },
  { label: 'error', title: 'target - axis', value: ({ error }) => degrees(error, 2) },
  { label: 'P', title: '[°/s]', value: ({ p_term: term }) => degrees(term) },
  { label: 'I', title: '[°/s]', value: ({ i_term: term }) => degrees(term) },
  { label: 'D', title: '[°/s]', value: ({ d_term: term }) => degrees(term) },
  { label: 'forward', title: 'velocity feed-forward [°/s]', value: ({ feedforward }) => degrees(feedforward) },
  { label: 'output', title: 'after limits [°/s]', value: ({ output }) => degrees(output) },
];

export function pidTable(panel: Panel): Widget {
  const axes = ['pan', 'tilt'] as const;
  const cells = axes.map(() => COLUMNS.map(() => h('td')));
  return {
    element: h('div', { class: 'scroll' }, h('table', { class: 'pid' },
      h('thead', {}, h('tr', {}, h('th'), ...COLUMNS.map(({ label, title }) => h('th', { title }, label)))),
      h('tbody', {}, ...axes.map((axis, i) => h('tr', {}, h('th', { scope: 'row' }, axis), ...cells[i] ?? []))))),
    update() {
      const controller = panel.store.section('controller');
      axes.forEach((axis, i) => COLUMNS.forEach(({ value }, j) => {
        const cell = cells[i]?.[j];
        if (cell !== undefined) setText(cell, controller === null ? '–' : value(controller[`${axis}_pid`]));
      }));
    },
  };
}
