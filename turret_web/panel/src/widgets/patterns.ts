/** Patterns: through presets, or circle, figure eight, raster and random walk around where the head points. */

import { field, h, setHidden, setText } from '../dom';
import { toRadians } from '../format';
import { RunPattern_Goal as RunPattern } from '../generated/interfaces';
import type { Panel, Widget } from '../panel';
import { constantLabel } from '../reasons';
import { actionRunner } from './action_runner';

function numberInput(value: number, min: number, max: number, step: number): HTMLInputElement {
  return h('input', { type: 'number', value, min, max, step });
}

export function patterns(panel: Panel): Widget {
  const { store } = panel;
  const kind = h('select', {}, ...Object.values(RunPattern).map((value) => h(
    'option', { value, selected: value === RunPattern.KIND_CIRCLE }, constantLabel(RunPattern, 'KIND_', value))));
  const sequence = h('input', { type: 'text', placeholder: 'all, in order' });
  const width = numberInput(15, 0, 180, 1);
  const height = numberInput(10, 0, 90, 1);
  const rate = numberInput(20, 0, 360, 1);
  const dwell = numberInput(1, 0, 10, 0.5);
  const seed = numberInput(1, 0, 4294967295, 1);
  const loop = h('input', { type: 'checkbox', checked: true });
  const pause = h('input', { type: 'checkbox' });

  const runner = actionRunner(panel, {
    name: 'controller/run_pattern',
    label: 'Run pattern',
    goal: () => {
      const gimbal = store.section('gimbal');
      const known = store.section('controller')?.presets.map((preset) => preset.name) ?? [];
      const chosen = sequence.value.split(',').map((name) => name.trim()).filter((name) => name !== '');
      const isPresets = Number(kind.value) === RunPattern.KIND_PRESETS;
      return {
        kind: Number(kind.value),
        presets: !isPresets ? [] : chosen.length > 0 ? chosen : known,
        pan_center: gimbal?.pan.position ?? 0,
        tilt_center: gimbal?.tilt.position ?? 0,
        pan_size: toRadians(width.valueAsNumber || 0),
        tilt_size: toRadians(height.valueAsNumber || 0),
        rate: toRadians(rate.valueAsNumber || 0),
        dwell_s: dwell.valueAsNumber || 0,
        loop: loop.checked,
        pause_on_target: pause.checked,
        seed: seed.valueAsNumber || 0,
      };
    },
    progress: ({ pattern }) => (pattern.paused
      ? 'paused for a target' : `step ${pattern.step + 1}${pattern.step_count > 0 ? ` of ${pattern.step_count}` : ''}`),
    done: ({ passes }) => `ended after ${passes} passes`,
  });

  const sequenceField = field('Presets, separated by commas', sequence);
  const generated = h('div', { class: 'pair' }, field('Half width [°]', width), field('Half height [°]', height));
  const seedField = field('Seed', seed);
  const state = h('p', { class: 'quiet' });
  return {
    element: h('div', { class: 'stack' },
      h('div', { class: 'pair' }, field('Pattern', kind), field('Speed [°/s]', rate)),
      sequenceField, generated,
      h('div', { class: 'pair' }, field('Pause at each step [s]', dwell), seedField),
      h('div', { class: 'line' },
        h('label', { class: 'check' }, loop, 'Repeat'),
        h('label', { class: 'check' }, pause, 'Follow targets on the way')),
      runner.element, state),
    update(now) {
      runner.update?.(now);
      const chosen = Number(kind.value);
      setHidden(sequenceField, chosen !== RunPattern.KIND_PRESETS);
      setHidden(generated, chosen === RunPattern.KIND_PRESETS);
      setHidden(seedField, chosen !== RunPattern.KIND_RANDOM);
      const pattern = store.section('controller')?.pattern;
      setText(state, pattern?.running ? `Running: ${pattern.name}` : '');
    },
  };
}
