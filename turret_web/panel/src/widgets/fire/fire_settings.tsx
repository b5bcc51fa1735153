// SPDX-License-Identifier: Apache-2.0
/** Power, bursts, automatic fire and counters. */

import type { VNode } from 'preact';

import { LaserState } from '../../generated/interfaces';
import { whyNotFire } from '../../state/actions';
import { duration, number, percent } from '../../state/format';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Check, ConfirmButton, Group, NumberField, Slider, Why } from '../../ui/controls';
import { useEcho, useNumber } from '../../ui/hooks';
import { Reasons } from '../status/chips';

export function FireSettings(): VNode {
  const panel = usePanel();
  const { store } = panel;
  const laser = store.section('laser');
  const why = panel.whyNotControl.value;
  const power = useEcho(laser?.power ?? 0, async (value: number) => await panel.command('laser/set_power', { power: value }) !== null);
  const auto = useEcho(
    store.section('safety')?.auto_fire ?? false,
    async (enabled: boolean) => await panel.command('safety/set_auto_fire', { enabled }) !== null);
  const autoLeft = store.current('safety')?.auto_fire_remaining_s ?? null;
  const pulses = useNumber(3, 1, 10, true);
  const pulseMs = useNumber(200, 5, 1000);
  const gapMs = useNumber(100, 20, 2000);
  const isReady = pulses.value !== null && pulseMs.value !== null && gapMs.value !== null;
  const count = (laser?.fire_count ?? 0) + (laser?.dry_fire_count ?? 0);
  return (
    <Group title={t.fire.title} section="laser" class="fire-settings">
      <Slider
        label={t.fire.power} min={0} max={laser?.power_cap ?? 1} step={0.01} value={power.value} text={percent(power.value)}
        why={why} onInput={power.show} onCommit={power.commit}
      />
      <div class="line">
        <NumberField label={t.fire.pulses} box={pulses} step={1} />
        <NumberField label={t.fire.pulseMs} box={pulseMs} step={5} />
        <NumberField label={t.fire.gapMs} box={gapMs} step={10} />
        <Button
          why={whyNotFire(panel) || (isReady ? '' : t.why.fixFields)} title={t.fire.burstTitle}
          onClick={() => {
            void panel.command('laser/fire', {
              pulses: pulses.value ?? 0, pulse_s: (pulseMs.value ?? 0) / 1000, gap_s: (gapMs.value ?? 0) / 1000,
            });
          }}
        >
          {t.fire.burst}
        </Button>
      </div>
      <div class="line">
        {panel.offers('safety/set_auto_fire')
          ? auto.value
            ? <Check label={t.fire.auto} checked why={why} onChange={auto.commit} />
            : <ConfirmButton label={t.fire.autoOn} confirmLabel={t.fire.autoConfirm} why={why} onConfirm={() => auto.commit(true)} />
          : null}
        {autoLeft === null ? null : <span class="quiet">{t.fire.autoLeft(autoLeft < 60 ? number(autoLeft, 0, 's') : duration(autoLeft))}</span>}
        <span class="quiet push">
          {laser === null ? '' : t.fire.counts(laser.fire_count, laser.dry_fire_count)}
          {laser !== null && laser.state === LaserState.STATE_FAULT ? ` · ${laser.message}` : ''}
        </span>
        {count > 0 ? <Button tone="quiet" why={why} title={t.fire.resetTitle} onClick={() => { void panel.command('laser/reset_count', {}); }}>{t.fire.reset}</Button> : null}
      </div>
      <div class="reserved">{why === '' ? <Reasons /> : <Why text={why} />}</div>
    </Group>
  );
}
