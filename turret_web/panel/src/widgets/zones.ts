/** Zones of pan and tilt where the laser must stay dark, or to which it is confined, with a map of them. */

import { button, h, setData, setDisabled, setHidden, setText } from '../dom';
import { DEGREES, duration, toRadians } from '../format';
import { Zone, type AxisState } from '../generated/interfaces';
import type { Panel, Widget } from '../panel';

const EDGES = ['pan_min', 'pan_max', 'tilt_min', 'tilt_max'] as const;
const EDGE_LABELS = ['Pan from', 'to', 'Tilt from', 'to'] as const;
const NEW_HALF_SIZE = toRadians(5);
const MAP = { width: 320, height: 160, margin: 4 };

function zoneMap(canvas: HTMLCanvasElement, zones: readonly Zone[], pan: AxisState, tilt: AxisState): void {
  const context = canvas.getContext('2d');
  if (context === null || pan.lower === null || pan.upper === null || tilt.lower === null || tilt.upper === null) return;
  const { width, height, margin } = MAP;
  const [left, right, bottom, top] = [pan.upper, pan.lower, tilt.lower, tilt.upper];
  const x = (angle: number): number => margin + ((left - angle) / (left - right)) * (width - 2 * margin);
  const y = (angle: number): number => margin + ((top - angle) / (top - bottom)) * (height - 2 * margin);
  context.clearRect(0, 0, width, height);
  context.fillStyle = '#0b0f14';
  context.fillRect(margin, margin, width - 2 * margin, height - 2 * margin);
  context.strokeStyle = '#26313d';
  context.beginPath();
  context.moveTo(x(0), margin);
  context.lineTo(x(0), height - margin);
  context.moveTo(margin, y(0));
  context.lineTo(width - margin, y(0));
  context.stroke();
  for (const zone of zones) {
    const color = zone.kind === Zone.KIND_ALLOWED ? '70 224 138' : '255 107 107';
    const area = [
      x(zone.pan_max ?? 0), y(zone.tilt_max ?? 0),
      x(zone.pan_min ?? 0) - x(zone.pan_max ?? 0), y(zone.tilt_min ?? 0) - y(zone.tilt_max ?? 0),
    ] as const;
    context.fillStyle = `rgb(${color} / 25%)`;
    context.strokeStyle = `rgb(${color})`;
    context.fillRect(...area);
    context.strokeRect(...area);
  }
  if (pan.position === null || tilt.position === null) return;
  context.fillStyle = '#5cc8ff';
  context.beginPath();
  context.arc(x(pan.position), y(tilt.position), 4, 0, 2 * Math.PI);
  context.fill();
}

export function zones(panel: Panel): Widget {
  const { store } = panel;
  /** What a person is editing; null while the list shows what the turret has. */
  let draft: Zone[] | null = null;
  let shown = '';
  const rows = h('ul', { class: 'items zones' });
  const empty = h('p', { class: 'quiet' }, 'No zones: the whole reach of the head is allowed.');
  const map = h('canvas', { class: 'map', width: MAP.width, height: MAP.height, role: 'img',
    'aria-label': 'Map of the zones and of the present direction' });
  const add = button('Add zone here', () => edit((list) => [...list, newZone(list)]));
  const save = button('Save zones', () => { void saveDraft(); }, { class: 'primary' });
  const revert = button('Discard changes', () => { draft = null; });
  const confirm = button('Confirm region', () => { void panel.command('safety/confirm_region', {}); }, {
    title: 'I have looked: beam and surroundings are safe in the region that the zones allow.',
  });
  const confirmed = h('span', { class: 'value' });

  const current = (): readonly Zone[] => draft ?? store.section('safety')?.zones ?? [];

  function edit(change: (list: Zone[]) => Zone[]): void {
    draft = change(structuredClone(current()) as Zone[]);
    render();
  }

  function newZone(list: readonly Zone[]): Zone {
    const gimbal = store.section('gimbal');
    const [pan, tilt] = [gimbal?.pan.position ?? 0, gimbal?.tilt.position ?? 0];
    let number = list.length + 1;
    while (list.some(({ name }) => name === `Zone ${number}`)) number += 1;
    return {
      name: `Zone ${number}`, kind: Zone.KIND_NO_FIRE,
      pan_min: pan - NEW_HALF_SIZE, pan_max: pan + NEW_HALF_SIZE,
      tilt_min: tilt - NEW_HALF_SIZE, tilt_max: tilt + NEW_HALF_SIZE,
    };
  }

  async function saveDraft(): Promise<void> {
    if (draft !== null && await panel.command('safety/set_zones', { zones: draft }) !== null) draft = null;
  }

  function row(zone: Zone, index: number): HTMLElement {
    const set = (change: Partial<Zone>): void => edit((list) => list.map((old, i) => (
      i === index ? { ...old, ...change } : old)));
    const name = h('input', { type: 'text', value: zone.name, maxlength: 40, 'aria-label': 'Name of the zone' });
    name.addEventListener('change', () => set({ name: name.value }));
    const kind = h('select', { 'aria-label': 'Kind of zone' },
      h('option', { value: Zone.KIND_NO_FIRE, selected: zone.kind === Zone.KIND_NO_FIRE }, 'never fire here'),
      h('option', { value: Zone.KIND_ALLOWED, selected: zone.kind === Zone.KIND_ALLOWED }, 'fire only here'));
    kind.addEventListener('change', () => set({ kind: Number(kind.value) }));
    const edges = EDGES.map((edge, i) => {
      const input = h('input', {
        type: 'number', step: 1, value: ((zone[edge] ?? 0) * DEGREES).toFixed(1), 'aria-label': `${EDGE_LABELS[i]} [°]`,
      });
      input.addEventListener('change', () => {
        if (Number.isFinite(input.valueAsNumber)) set({ [edge]: toRadians(input.valueAsNumber) });
      });
      return h('label', { class: 'edge' }, h('span', {}, EDGE_LABELS[i] ?? ''), input);
    });
    return h('li', {}, name, kind, h('div', { class: 'edges' }, ...edges),
      button('Remove', () => edit((list) => list.filter((_, i) => i !== index))));
  }

  function render(): void {
    const list = current();
    const signature = JSON.stringify(list);
    if (signature === shown) return;
    shown = signature;
    rows.replaceChildren(...list.map(row));
  }

  return {
    element: h('div', { class: 'stack' },
      h('div', { class: 'line' }, add, save, revert, confirm, confirmed),
      h('div', { class: 'split' }, map, h('div', {}, rows, empty))),
    update() {
      render();
      const { isOperator } = panel.operator;
      const gimbal = store.section('gimbal');
      if (gimbal !== null) zoneMap(map, current(), gimbal.pan, gimbal.tilt);
      setHidden(empty, current().length > 0);
      setHidden(save, draft === null);
      setHidden(revert, draft === null);
      setDisabled(save, !isOperator);
      setDisabled(confirm, !isOperator || draft !== null);
      const safety = store.section('safety');
      const isConfirmed = safety?.region_confirmed ?? false;
      const remaining = safety?.confirm_remaining_s ?? null;
      setText(confirmed, !isConfirmed
        ? 'region not confirmed' : `region confirmed${remaining === null ? '' : ` for ${duration(remaining)}`}`);
      setData(confirmed, 'tone', isConfirmed ? 'good' : 'warning');
    },
  };
}
