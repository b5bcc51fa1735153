// SPDX-License-Identifier: Apache-2.0
/** Plots of any numbers of the status: choose series, pause, zoom, cursor, CSV. */

import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';

import type { TurretStatus } from '../../generated/interfaces';
import { DEGREES } from '../../state/format';
import { remembered } from '../../state/settings';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Check, Group } from '../../ui/controls';
import { seconds } from '../../video/feed';
import { Plot } from './plot';

interface Source { id: string; label: string; unit: string; value: (status: TurretStatus) => number | null }

const angle = (value: number | null): number | null => (value === null ? null : value * DEGREES);
const milli = (value: number | null): number | null => (value === null ? null : value * 1000);

const SOURCES: readonly Source[] = [
  { id: 'pan', label: t.plots.pan, unit: '°', value: ({ gimbal }) => angle(gimbal.pan.position) },
  { id: 'tilt', label: t.plots.tilt, unit: '°', value: ({ gimbal }) => angle(gimbal.tilt.position) },
  { id: 'pan-rate', label: t.plots.panRate, unit: '°/s', value: ({ gimbal }) => angle(gimbal.pan.velocity) },
  { id: 'tilt-rate', label: t.plots.tiltRate, unit: '°/s', value: ({ gimbal }) => angle(gimbal.tilt.velocity) },
  { id: 'error', label: t.plots.error, unit: '°', value: ({ controller }) => angle(controller.aim_error) },
  { id: 'loop', label: t.plots.loop, unit: 'Hz', value: ({ controller }) => controller.rate_hz },
  { id: 'frames', label: t.plots.frames, unit: 'fps', value: ({ camera }) => camera.rate_hz },
  { id: 'detect', label: t.plots.detect, unit: 'ms', value: ({ vision }) => milli(vision.detection.processing_s) },
  { id: 'tracks', label: t.plots.tracks, unit: '', value: ({ vision }) => vision.track_count },
  { id: 'duty', label: t.plots.duty, unit: '%', value: ({ laser }) => (laser.duty === null ? null : laser.duty * 100) },
  { id: 'heartbeat', label: t.plots.heartbeat, unit: 'ms', value: ({ safety }) => milli(safety.heartbeat_age_s) },
];
const MAX_SERIES = 6;
const chosen = remembered('turret.plots', 'pan,tilt,error');

/** Every number of a message by its path, e.g. "gimbal.pan.position". */
export function numbersOf(value: unknown, path = ''): [path: string, value: number][] {
  if (typeof value === 'number') return [[path, value]];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => numbersOf(member, path === '' ? name : `${path}.${name}`));
}

function read(status: unknown, path: string): number | null {
  let value: unknown = status;
  for (const name of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === 'number' ? value : null;
}

function sourceOf(id: string): Source {
  return SOURCES.find((source) => source.id === id) ?? { id, label: id, unit: '', value: (status) => read(status, id) };
}

export function Plots(): VNode {
  const panel = usePanel();
  const ids = chosen.value.split(',').filter(Boolean);
  const sources = useMemo(() => ids.map(sourceOf), [chosen.value]);
  const units = [...new Set(sources.map(({ unit }) => unit))];
  const status = panel.store.status.peek();
  const fields = useMemo(() => numbersOf(status).map(([path]) => path)
    .filter((path) => !/stamp|header|seq$/.test(path)), [status === null]);
  const toggle = (id: string, on: boolean): void => {
    chosen.value = (on ? [...ids, id] : ids.filter((other) => other !== id)).slice(-MAX_SERIES).join(',');
  };
  return (
    <Group title={t.plots.title}>
      <fieldset class="checks"><legend>{t.plots.choose(MAX_SERIES)}</legend>
        {SOURCES.map(({ id, label, unit }) => (
          <Check key={id} label={unit === '' ? label : `${label} [${unit}]`} checked={ids.includes(id)} onChange={(on) => toggle(id, on)} />
        ))}
        {ids.filter((id) => !SOURCES.some((source) => source.id === id)).map((id) => (
          <Check key={id} label={id} checked onChange={() => toggle(id, false)} />
        ))}
      </fieldset>
      <div class="line">
        <label class="field"><span>{t.plots.anyField}</span>
        <select value="" onChange={(event) => { if (event.currentTarget.value !== '') toggle(event.currentTarget.value, true); }}>
          <option value="">{t.plots.pick}</option>
          {fields.map((path) => <option key={path} value={path}>{path}</option>)}
        </select>
      </label>
      <Button why={sources.length === 0 ? t.plots.none : ''} onClick={() => { chosen.value = ''; }}>{t.plots.clear}</Button>
      </div>
      {sources.length === 0 ? <p class="quiet">{t.plots.none}</p> : units.map((unit) => (
        <UnitPlot key={`${unit}:${chosen.value}`} unit={unit} sources={sources.filter((source) => source.unit === unit)} />
      ))}
    </Group>
  );
}

function UnitPlot({ unit, sources }: { unit: string; sources: readonly Source[] }): VNode {
  const panel = usePanel();
  const series = useMemo(() => sources.map(({ label }) => ({ label, unit })), []);
  return (
    <Plot
      name={`turret-${sources.map(({ id }) => id).join('-')}`} series={series} minSpan={unit === '°' ? 1 : 0.5}
      label={sources.map(({ label }) => label).join(', ')}
      subscribe={(add) => panel.transport.listen('status', (status) => add(seconds(status.header.stamp), sources.map(({ value }) => value(status))))}
    />
  );
}
