// SPDX-License-Identifier: Apache-2.0
/** Patterns: through presets, or circle, figure eight, raster and random walk, with an editor and a store of them. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';

import { RunPattern_Goal as RunPattern } from '../../generated/interfaces';
import type { Goal } from '../../bridge/names';
import { toRadians } from '../../state/format';
import { constantLabel } from '../../state/reasons';
import { remembered } from '../../state/settings';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Check, Group, NumberField, Select, Why } from '../../ui/controls';
import { useNumber } from '../../ui/hooks';
import { Task } from '../../ui/task';

const KINDS = Object.values(RunPattern).map((value) => ({ value: value as number, label: constantLabel(RunPattern, 'KIND_', value) }));
/** Sequences of presets by name, kept in this browser. */
const stored = remembered('turret.sequences', '{}');

function sequences(): Record<string, string[]> {
  try {
    return JSON.parse(stored.value) as Record<string, string[]>;
  } catch {
    return {};
  }
}

export function Patterns(): VNode {
  const panel = usePanel();
  const { store } = panel;
  const kind = useSignal<number>(RunPattern.KIND_CIRCLE);
  const chosen = useSignal<readonly string[]>([]);
  const sequenceName = useSignal('');
  const loop = useSignal(true);
  const pause = useSignal(false);
  const width = useNumber(15, 0, 180);
  const height = useNumber(10, 0, 90);
  const rate = useNumber(20, 0.5, 170);
  const dwell = useNumber(1, 0, 10);
  const seed = useNumber(1, 0, 4_294_967_295, true);
  const known = store.section('controller')?.presets.map(({ name }) => name) ?? [];
  const isPresets = kind.value === RunPattern.KIND_PRESETS;
  const sequence = chosen.value.filter((name) => known.includes(name));
  const pattern = store.section('controller')?.pattern;
  const saved = sequences();

  const toggle = (name: string): void => {
    chosen.value = chosen.value.includes(name) ? chosen.value.filter((other) => other !== name) : [...chosen.value, name];
  };
  const move = (i: number, by: number): void => {
    const order = [...sequence];
    const [moved] = order.splice(i, 1);
    if (moved !== undefined) order.splice(i + by, 0, moved);
    chosen.value = order;
  };

  function goal(): Omit<Goal<'controller/run_pattern'>, 'lease_id'> | string {
    const gimbal = store.section('gimbal');
    const [w, h, r, d, n] = [width.value, height.value, rate.value, dwell.value, seed.value];
    if (w === null || h === null || r === null || d === null || n === null) return t.why.fixFields;
    if (isPresets && known.length === 0) return t.patterns.noPresets;
    return {
      kind: kind.value, presets: !isPresets ? [] : sequence.length > 0 ? sequence : known,
      pan_center: gimbal?.pan.position ?? 0, tilt_center: gimbal?.tilt.position ?? 0,
      pan_size: toRadians(w), tilt_size: toRadians(h), rate: toRadians(r), dwell_s: d,
      loop: loop.value, pause_on_target: pause.value, seed: n,
    };
  }

  return (
    <Group title={t.patterns.title} section="controller">
      <div class="pair">
        <Select label={t.patterns.kind} value={kind.value} options={KINDS} onChange={(value) => { kind.value = value; }} />
        <NumberField label={t.patterns.rate} box={rate} step={1} />
      </div>
      {isPresets ? (
        <>
          {known.length === 0 ? <p class="quiet">{t.patterns.noPresets}</p> : (
            <fieldset class="checks"><legend>{t.patterns.choose}</legend>
              {known.map((name) => <Check key={name} label={name} checked={sequence.includes(name)} onChange={() => toggle(name)} />)}
            </fieldset>
          )}
          {sequence.length === 0 ? <p class="quiet">{t.patterns.allInOrder}</p> : (
            <ol class="sequence" aria-label={t.patterns.order}>
              {sequence.map((name, i) => (
                <li key={name}>
                  <span>{name}</span>
                  <Button icon="up" tone="quiet" aria-label={t.presets.moveUp(name)} why={i === 0 ? t.presets.first : ''} onClick={() => move(i, -1)} />
                  <Button icon="down" tone="quiet" aria-label={t.presets.moveDown(name)} why={i === sequence.length - 1 ? t.presets.last : ''} onClick={() => move(i, 1)} />
                </li>
              ))}
            </ol>
          )}
          <div class="line">
            <input
              type="text" maxLength={40} placeholder={t.patterns.sequenceName} aria-label={t.patterns.sequenceName}
              value={sequenceName.value} onInput={(event) => { sequenceName.value = event.currentTarget.value; }}
            />
            <Button
              why={sequence.length === 0 || sequenceName.value.trim() === '' ? t.patterns.nameAndChoose : ''}
              onClick={() => { stored.value = JSON.stringify({ ...saved, [sequenceName.value.trim()]: sequence }); }}
            >
              {t.patterns.keep}
            </Button>
            {Object.keys(saved).map((name) => (
              <Button key={name} onClick={() => { chosen.value = saved[name] ?? []; sequenceName.value = name; }}>{name}</Button>
            ))}
            {sequenceName.value in saved ? (
              <Button tone="quiet" onClick={() => { const { [sequenceName.value]: _, ...rest } = saved; stored.value = JSON.stringify(rest); }}>{t.patterns.forget}</Button>
            ) : null}
          </div>
        </>
      ) : (
        <div class="pair">
          <NumberField label={t.patterns.width} box={width} step={1} /><NumberField label={t.patterns.height} box={height} step={1} />
        </div>
      )}
      <div class="pair">
        <NumberField label={t.patterns.dwell} box={dwell} step={0.5} />
        {kind.value === RunPattern.KIND_RANDOM ? <NumberField label={t.patterns.seed} box={seed} step={1} /> : <span />}
      </div>
      <div class="line">
        <Check label={t.patterns.loop} checked={loop.value} onChange={(value) => { loop.value = value; }} />
        <Check label={t.patterns.pause} checked={pause.value} onChange={(value) => { pause.value = value; }} />
      </div>
      <Task
        name="controller/run_pattern" label={t.patterns.run} goal={goal}
        progress={({ pattern: now }) => (now.paused ? t.patterns.paused : t.patterns.step(now.step + 1, now.step_count))}
        done={({ passes }) => t.patterns.done(passes)}
      />
      <p class="quiet">{pattern?.running ? t.patterns.running(pattern.name) : ''}</p>
      <Why text={panel.whyNotControl.value} />
    </Group>
  );
}
