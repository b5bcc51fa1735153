/** Recording the turret's topics as bags. */

import { button, field, h, setHidden, setList, setText } from '../dom';
import { bytes, duration, localTime } from '../format';
import type { BagInfo } from '../generated/interfaces';
import type { Panel, Widget } from '../panel';
import { confirmButton } from './confirm_button';

const SELECTIONS = [
  ['light', 'states, tracks, poses'], ['full', 'and compressed images'], ['all', 'everything, raw images too'],
] as const;
const FILES_TIMEOUT_MS = 10_000;

export function bags(panel: Panel): Widget {
  const label = h('input', { type: 'text', maxlength: 40, placeholder: 'optional' });
  const selection = h('select', {}, ...SELECTIONS.map(([value, meaning]) => h(
    'option', { value }, `${value}: ${meaning}`)));
  const start = button('Record bag', () => {
    void panel.command('bag/start', { label: label.value, selection: selection.value, max_s: 0 });
  });
  const stop = button('Stop recording', () => { void finish(panel.command('bag/stop', {}, FILES_TIMEOUT_MS)); },
    { class: 'danger' });
  const saveLast = button('Save the last seconds', () => {
    void finish(panel.command('bag/save_last', { label: label.value, duration_s: 0 }, FILES_TIMEOUT_MS));
  });
  const refresh = button('Refresh list', () => { void list(); });
  const recording = h('span', { class: 'quiet' });
  const problem = h('p', { class: 'quiet', role: 'status' });
  const items = h('ul', { class: 'items' });
  let listed: string | null = null;

  async function finish(answer: Promise<{ name: string } | null>): Promise<void> {
    const saved = await answer;
    if (saved !== null) panel.notices.done(`Saved ${saved.name}`);
    await list();
  }

  async function list(): Promise<void> {
    const answer = await panel.command('bag/list', {}, FILES_TIMEOUT_MS);
    if (answer !== null) setList(items, answer.bags, JSON.stringify, row);
  }

  function row(bag: BagInfo): HTMLElement {
    return h('li', {},
      h('span', { class: 'name' }, bag.name),
      h('span', { class: 'quiet' }, [
        duration(bag.duration_s), bytes(bag.size), `${bag.messages} messages`, localTime(bag.start),
        bag.complete ? '' : 'not closed properly',
      ].filter(Boolean).join(' · ')),
      confirmButton('Delete', 'Really?', () => {
        void panel.command('bag/delete', { name: bag.name }, FILES_TIMEOUT_MS).then(list);
      }));
  }

  const element = h('div', { class: 'stack' },
    h('div', { class: 'pair' }, field('Label', label), field('Topics', selection)),
    h('div', { class: 'line' }, start, stop, saveLast, refresh, recording), problem, items);
  return {
    element,
    update() {
      const state = panel.store.section('bag');
      const isRecording = state?.recording ?? false;
      setHidden(start, isRecording);
      setHidden(stop, !isRecording);
      setText(saveLast, state === null ? 'Save the last seconds' : `Save the last ${Math.round(state.held_s ?? 0)} s`);
      setHidden(saveLast, state !== null && !state.held_s);
      setText(recording, isRecording && state !== null
        ? `${state.name} · ${duration(state.duration_s)} · ${bytes(state.size)}` : '');
      setText(problem, [
        state?.message ?? '', state?.dropped ? `${state.dropped} messages were lost` : '',
      ].filter(Boolean).join(' · '));
      // What is on the disk has changed, here or by itself.
      const now = `${isRecording} ${state?.saved ?? ''}`;
      if (element.offsetParent !== null && state !== null && now !== listed) {
        listed = now;
        void list();
      }
    },
  };
}
