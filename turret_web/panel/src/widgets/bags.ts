/** Recording the turret's topics as bags. */

import { button, field, h, setHidden, setText } from '../dom';
import { bytes, duration, localTime } from '../format';
import type { Panel, Widget } from '../panel';

const SELECTIONS = [
  ['light', 'states, tracks, poses'], ['full', 'and compressed images'], ['all', 'everything, raw images too'],
] as const;
const SAVE_TIMEOUT_MS = 10_000;

export function bags(panel: Panel): Widget {
  const label = h('input', { type: 'text', maxlength: 40, placeholder: 'optional' });
  const selection = h('select', {}, ...SELECTIONS.map(([value, meaning]) => h(
    'option', { value }, `${value}: ${meaning}`)));
  const start = button('Record bag', () => {
    void panel.command('bag/start', { label: label.value, selection: selection.value, max_s: 0 });
  });
  const stop = button('Stop recording', () => { void panel.command('bag/stop', {}, SAVE_TIMEOUT_MS).then(list); },
    { class: 'danger' });
  const saveLast = button('Save the last seconds', () => {
    void panel.command('bag/save_last', { label: label.value, duration_s: 0 }, SAVE_TIMEOUT_MS).then(list);
  });
  const refresh = button('Refresh list', () => { void list(); });
  const recording = h('span', { class: 'quiet' });
  const items = h('ul', { class: 'items' });

  async function list(): Promise<void> {
    const answer = await panel.command('bag/list', {});
    if (answer === null) return;
    items.replaceChildren(...answer.bags.map((bag) => h('li', {},
      h('span', { class: 'name' }, bag.name),
      h('span', { class: 'quiet' }, [
        duration(bag.duration_s), bytes(bag.size), `${bag.messages} messages`, localTime(bag.start),
        bag.complete ? '' : 'not closed properly',
      ].filter(Boolean).join(' · ')))));
  }

  return {
    element: h('div', { class: 'stack' },
      h('div', { class: 'pair' }, field('Label', label), field('Topics', selection)),
      h('div', { class: 'line' }, start, stop, saveLast, refresh, recording), items),
    update() {
      const state = panel.store.section('bag');
      const isRecording = state?.recording ?? false;
      setHidden(start, isRecording);
      setHidden(stop, !isRecording);
      setText(recording, isRecording && state !== null
        ? `${state.name} · ${duration(state.duration_s)} · ${bytes(state.size)}` : '');
    },
  };
}
