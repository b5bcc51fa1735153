// SPDX-License-Identifier: Apache-2.0
/** Moving the head by hand: nudge, jog, home, center, motors; and where each axis is within its limits. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';

import { GimbalState, type AxisState } from '../../generated/interfaces';
import { DEGREES, degrees, toRadians } from '../../state/format';
import { constantLabel } from '../../state/reasons';
import { t } from '../../text';
import { useApp } from '../../ui/app_context';
import { ActionButton, Button, Check, Group, Select, Slider, Why } from '../../ui/controls';
import { useEcho } from '../../ui/hooks';
import type { IconName } from '../../ui/icon';
import { JogPad } from './jog_pad';

const STEPS_DEG = [0.1, 0.5, 1, 5, 10, 30];
const ARROWS: readonly { icon: IconName; name: 'up' | 'left' | 'right' | 'down'; pan: number; tilt: number }[] = [
  { icon: 'up', name: 'up', pan: 0, tilt: 1 }, { icon: 'left', name: 'left', pan: 1, tilt: 0 },
  { icon: 'right', name: 'right', pan: -1, tilt: 0 }, { icon: 'down', name: 'down', pan: 0, tilt: -1 },
];

/** One axis: its position between its limits. */
function AxisBar({ label, axis }: { label: string; axis: AxisState }): VNode {
  const { lower, upper, position } = axis;
  const part = lower === null || upper === null || position === null || upper <= lower
    ? null : Math.max(0, Math.min(1, (upper - position) / (upper - lower)));
  return (
    <div class="axis" data-moving={axis.moving}>
      <span>{label}</span>
      <span class="axis-end">{degrees(upper, 0)}</span>
      <meter min={0} max={1} value={part ?? 0} aria-label={t.move.within(label)} data-known={part !== null} />
      <span class="axis-end">{degrees(lower, 0)}</span>
      <output>{degrees(position)}</output>
    </div>
  );
}

export function Move(): VNode {
  const { panel, jog } = useApp();
  const { store } = panel;
  const step = useSignal(5);
  const gimbal = store.section('gimbal');
  const why = panel.whyNotControl.value;
  const motors = useEcho(
    (gimbal?.pan.enabled && gimbal.tilt.enabled) ?? false,
    async (enabled: boolean) => await panel.command('gimbal/set_enabled', { enabled }) !== null);
  const nudge = (pan: number, tilt: number): void => {
    const size = toRadians(step.value);
    void panel.command('controller/nudge', { pan: pan * size, tilt: tilt * size });
  };
  return (
    <Group title={t.move.title} section="gimbal">
      {gimbal === null ? <p class="quiet">{t.status.neverSeen}</p> : (
        <div class="axes" data-testid="pose" data-pan={gimbal.pan.position === null ? '' : (gimbal.pan.position * DEGREES).toFixed(2)}>
          <AxisBar label={t.move.pan} axis={gimbal.pan} /><AxisBar label={t.move.tilt} axis={gimbal.tilt} />
        </div>
      )}
      <div class="pads">
        <div class="nudge" role="group" aria-label={t.move.nudge}>
          {ARROWS.map(({ icon, name, pan, tilt }) => (
            <Button key={name} icon={icon} why={why} class={`arrow ${name}`} aria-label={t.move.nudgeTo(t.move[name])} onClick={() => nudge(pan, tilt)} />
          ))}
          <ActionButton id="center" icon="target" iconOnly class="arrow center" />
        </div>
        <JogPad name="drive" />
      </div>
      <div class="line">
        <Select label={t.move.step} value={step.value} options={STEPS_DEG.map((value) => ({ value, label: `${value}°` }))} onChange={(value) => { step.value = value; }} />
        {panel.offers('gimbal/set_enabled') ? <Check label={t.move.motors} checked={motors.value} why={why} onChange={motors.commit} /> : null}
        {panel.offers('gimbal/home') ? <ActionButton id="home" /> : null}
        <span class="quiet push">
          {gimbal === null || gimbal.motion === GimbalState.MOTION_NONE ? '' : constantLabel(GimbalState, 'MOTION_', gimbal.motion)}
        </span>
      </div>
      <Slider
        label={t.move.rate} min={2} max={120} step={1} value={Math.round(jog.rate.value * DEGREES)}
        text={`${Math.round(jog.rate.value * DEGREES)} °/s`}
        onInput={(value) => { jog.rate.value = toRadians(value); }} onCommit={(value) => { jog.rate.value = toRadians(value); }}
      />
      <Why text={why} />
    </Group>
  );
}
