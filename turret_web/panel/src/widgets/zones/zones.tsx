// SPDX-License-Identifier: Apache-2.0
/**
 * Zones of pan and tilt where the laser must not emit, or to which it is confined: drawn on the map or on the video.
 * What is saved is checked against the zones that editing began with, so another operator's zones are never lost.
 */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';

import { Zone } from '../../generated/interfaces';
import { DEGREES, duration, toRadians } from '../../state/format';
import { freeName, isConflict, merged, type Draft } from '../../state/zone_draft';
import { t } from '../../text';
import { useApp } from '../../ui/app_context';
import { ActionButton, Button, Group, Why } from '../../ui/controls';
import type { Feed } from '../../video/feed';
import type { Point2 } from '../../video/overlay';
import { poseOfPixel } from '../../video/projection';
import { PlanView, rectangle } from '../map/plan_view';
import { zoneDraft } from './draft_signal';

const EDGES = ['pan_min', 'pan_max', 'tilt_min', 'tilt_max'] as const;
type Edge = (typeof EDGES)[number];
const NEW_HALF_SIZE = toRadians(5);

const KINDS = [
  { value: Zone.KIND_NO_FIRE as number, label: t.zones.noFire }, { value: Zone.KIND_ALLOWED as number, label: t.zones.allowed },
];

/** An angle that is edited in degrees; the text is kept while it is edited. */
function EdgeField({ label, value, onChange }: { label: string; value: number; onChange: (value: number) => void }): VNode {
  const text = useSignal<string | null>(null);
  const isWrong = text.value !== null && (text.value.trim() === '' || !Number.isFinite(Number(text.value)));
  return (
    <label class="edge">
      <span>{label}</span>
      <input
        type="number" step={1} value={text.value ?? (value * DEGREES).toFixed(1)} aria-invalid={isWrong}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          const number = Number(text.value);
          if (text.value.trim() !== '' && Number.isFinite(number)) onChange(toRadians(number));
        }}
        onBlur={() => { text.value = null; }}
      />
    </label>
  );
}

export function Zones({ feed }: { feed: Feed }): VNode {
  const { panel } = useApp();
  const { store } = panel;
  const chosen = useSignal('');
  const safety = store.section('safety');
  const saved = safety?.zones ?? [];
  const current = (): Pick<Draft, 'base' | 'version'> => ({ base: structuredClone(saved), version: safety?.zones_version ?? '' });
  const draft = zoneDraft.value;
  const zones = draft?.zones ?? saved;
  const why = panel.whyNotControl.value;
  const conflict = isConflict(draft, saved);
  useEffect(() => { feed.follow(); }, [feed]);
  useEffect(() => () => panel.picking.cancel('zones'), []);
  useEffect(() => {
    if (draft === null) return undefined;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [draft === null]);

  const edit = (change: (list: Zone[]) => Zone[]): void => {
    zoneDraft.value = { ...draft ?? current(), zones: change(structuredClone(zones) as Zone[]) };
  };
  const set = (index: number, change: Partial<Zone>): void => edit((list) => list.map((zone, i) => (i === index ? { ...zone, ...change } : zone)));
  const add = (zone: Omit<Zone, 'name' | 'kind'>): void => {
    const name = freeName(zones, t.zones.zone);
    edit((list) => [...list, { ...zone, name, kind: Zone.KIND_NO_FIRE }]);
    chosen.value = name;
  };
  const addHere = (): void => {
    const gimbal = store.section('gimbal');
    const [pan, tilt] = [gimbal?.pan.position ?? 0, gimbal?.tilt.position ?? 0];
    add({ pan_min: pan - NEW_HALF_SIZE, pan_max: pan + NEW_HALF_SIZE, tilt_min: tilt - NEW_HALF_SIZE, tilt_max: tilt + NEW_HALF_SIZE });
  };
  const drawOnVideo = (): void => panel.picking.toggle({
    owner: 'zones', hint: t.zones.drawHint, corners: true,
    use: (first: Point2, second: Point2) => {
      const [pose, lens, sight] = [feed.pose(), feed.lensNow(), feed.sight()];
      if (pose === null || lens === null || sight === null) {
        panel.notices.failed(t.zones.noPose);
        return;
      }
      add(rectangle(poseOfPixel(first, pose, lens, sight), poseOfPixel(second, pose, lens, sight)));
    },
  });

  async function save(): Promise<void> {
    const wanted = zoneDraft.value;
    if (wanted === null || isConflict(wanted, store.section('safety')?.zones ?? [])) return;
    if (await panel.command('safety/set_zones', { zones: [...wanted.zones], base_version: wanted.version }) !== null) zoneDraft.value = null;
  }

  const isConfirmed = safety?.region_confirmed ?? false;
  const remaining = safety?.confirm_remaining_s ?? null;
  return (
    <Group title={t.zones.title} section="safety">
      <PlanView
        feed={feed} chosen={chosen.value} onChoose={(name) => { chosen.value = name; }}
        onEdit={(index, change) => { if (index === null) add(change); else set(index, change); }}
      />
      <p class="quiet">{t.zones.mapHint}</p>
      <div class="line">
        <Button why={feed.isProjectable.value ? '' : t.zones.noPose} pressed={panel.picking.isFor('zones')} onClick={drawOnVideo}>{t.zones.drawOnVideo}</Button>
        <Button onClick={addHere}>{t.zones.addHere}</Button>
      </div>
      {conflict && draft !== null ? (
        <div class="conflict" role="alert">
          <p><strong>{t.zones.conflict}</strong></p>
          <p>{t.zones.mine(draft.zones.map(({ name }) => name))}</p>
          <p>{t.zones.theirs(saved.map(({ name }) => name))}</p>
          <div class="line">
            <Button tone="primary" onClick={() => { zoneDraft.value = { ...current(), zones: merged(draft, saved) }; }}>{t.zones.merge}</Button>
            <Button onClick={() => { zoneDraft.value = null; }}>{t.zones.takeTheirs}</Button>
            <Button tone="danger" onClick={() => { zoneDraft.value = { ...current(), zones: draft.zones }; }}>{t.zones.keepMine}</Button>
          </div>
        </div>
      ) : null}
      {zones.length === 0 ? <p class="quiet">{t.zones.empty}</p> : (
        <ul class="items zones">
          {zones.map((zone, i) => (
            <li key={i} data-chosen={zone.name === chosen.value} onFocusCapture={() => { chosen.value = zone.name; }}>
              <input
                type="text" value={zone.name} maxLength={40} aria-label={t.zones.name}
                onInput={(event) => { set(i, { name: event.currentTarget.value }); chosen.value = event.currentTarget.value; }}
              />
              <select aria-label={t.zones.kind} value={String(zone.kind)} onChange={(event) => set(i, { kind: Number(event.currentTarget.value) })}>
                {KINDS.map(({ value, label }) => <option key={value} value={String(value)}>{label}</option>)}
              </select>
              <Button onClick={() => edit((list) => list.filter((_, j) => j !== i))}>{t.zones.remove}</Button>
              <div class="edges">
                {EDGES.map((edge: Edge) => (
                  <EdgeField key={edge} label={t.zones.edges[edge]} value={zone[edge] ?? 0} onChange={(value) => set(i, { [edge]: value })} />
                ))}
              </div>
            </li>
          ))}
        </ul>
      )}
      {draft === null ? null : (
        <div class="unsaved" role="status">
          <span>{t.zones.unsaved}</span>
          <Button tone="primary" why={why || (conflict ? t.zones.resolve : '')} onClick={() => { void save(); }}>{t.zones.save}</Button>
          <Button onClick={() => { zoneDraft.value = null; }}>{t.zones.discard}</Button>
        </div>
      )}
      <div class="line">
        <ActionButton id="confirmRegion" />
        <span class="value" data-tone={isConfirmed ? 'good' : 'warning'}>
          {isConfirmed ? t.zones.confirmed(remaining === null ? '' : duration(remaining)) : t.status.regionNotConfirmed}
        </span>
      </div>
      <Why text={why} />
    </Group>
  );
}
