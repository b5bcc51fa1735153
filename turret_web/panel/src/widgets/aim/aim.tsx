// SPDX-License-Identifier: Apache-2.0
/** The aiming loop: error plot, gains beside it, step test, prediction, and what each term asks for. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';

import type { PidState } from '../../generated/interfaces';
import { DEGREES, degrees, number, toRadians } from '../../state/format';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Group } from '../../ui/controls';
import { ParameterControl, UndoButton, useParameters } from '../../ui/parameter';
import { Task } from '../../ui/task';
import { Plot, type Series } from '../plots/plot';
import { seconds } from '../../video/feed';

const STEP_DEG = 5;
const STEP_MS = 1500;
const AXES = ['pan', 'tilt'] as const;
const GAINS = ['kp', 'ki', 'kd'] as const;
const NAMES = [
  ...AXES.flatMap((axis) => GAINS.map((gain) => `aim.${axis}.${gain}`)), 'aim.predictive', 'aim.dead_zone', 'aim.delay.camera_s',
  'aim.delay.actuator_s',
];

const COLUMNS: readonly { label: string; title: string; value: (pid: PidState) => string }[] = [
  { label: t.aim.error, title: t.aim.errorTitle, value: ({ error }) => degrees(error, 2) },
  { label: 'P', title: '°/s', value: ({ p_term: term }) => degrees(term) },
  { label: 'I', title: '°/s', value: ({ i_term: term }) => degrees(term) },
  { label: 'D', title: '°/s', value: ({ d_term: term }) => degrees(term) },
  { label: t.aim.feedforward, title: t.aim.feedforwardTitle, value: ({ feedforward }) => degrees(feedforward) },
  { label: t.aim.output, title: t.aim.outputTitle, value: ({ output }) => degrees(output) },
];

export function Aim(): VNode {
  const panel = usePanel();
  const controller = panel.store.section('controller');
  useParameters('controller', NAMES);
  const isStepping = useSignal(false);
  const axis = useSignal<'pan' | 'tilt'>('pan');
  const series = useMemo<readonly Series[]>(() => [
    { label: t.aim.panError, unit: '°' }, { label: t.aim.tiltError, unit: '°' },
  ], []);
  const why = panel.whyNotControl.value || (isStepping.value ? t.aim.stepping : '');

  /** Nudge the head away and back, to see in the plot how it settles. */
  async function stepTest(): Promise<void> {
    isStepping.value = true;
    try {
      for (const sign of [1, -1]) {
        const size = sign * toRadians(STEP_DEG);
        const answer = await panel.command('controller/nudge', {
          pan: axis.value === 'pan' ? size : 0, tilt: axis.value === 'tilt' ? size : 0,
        });
        if (answer === null) return;
        await new Promise((resolve) => { setTimeout(resolve, STEP_MS); });
      }
    } finally {
      isStepping.value = false;
    }
  }

  return (
    <>
      <Group title={t.aim.title} section="controller">
        <Plot
          name="aim" series={series} minSpan={0.5} label={t.aim.plot}
          subscribe={(add) => panel.transport.listen('controller/state', (state) => {
            add(seconds(state.header.stamp), [state.pan_pid.error, state.tilt_pid.error].map((error) => (error === null ? null : error * DEGREES)));
          })}
        />
        <div class="scroll" tabIndex={0} role="region" aria-label={t.aim.terms}>
          <table class="pid">
            <thead><tr><th scope="col">{t.aim.axis}</th>{COLUMNS.map(({ label, title }) => <th key={label} scope="col" title={title}>{label}</th>)}</tr></thead>
            <tbody>
              {AXES.map((name) => (
                <tr key={name}>
                  <th scope="row">{t.move[name]}</th>
                  {COLUMNS.map(({ label, value }) => <td key={label}>{controller === null ? '–' : value(controller[`${name}_pid`])}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Group>
      <Group title={t.aim.gains}>
        {AXES.map((name) => (
          <div class="gains" key={name} role="group" aria-label={t.aim.gainsOf(t.move[name])}>
            {GAINS.map((gain) => (
              <ParameterControl key={gain} node="controller" name={`aim.${name}.${gain}`} label={`${t.move[name]} ${gain}`} max={gain === 'kd' ? 1 : gain === 'kp' ? 60 : 40} />
            ))}
          </div>
        ))}
        <div class="line">
          <UndoButton prefix="controller/aim." />
          <Button why={why} onClick={() => { axis.value = 'pan'; void stepTest(); }}>{t.aim.stepPan(STEP_DEG)}</Button>
          <Button why={why} onClick={() => { axis.value = 'tilt'; void stepTest(); }}>{t.aim.stepTilt(STEP_DEG)}</Button>
        </div>
        <div class="line">
          {AXES.map((name) => (
            <Task
              key={name} name="controller/auto_tune" label={t.aim.tune(t.move[name])} title={t.aim.tuneTitle}
              goal={() => ({ axis: name, travel: 0, apply: true })}
              progress={({ phase, progress }) => t.tasks.phase(phase, progress)}
              done={({ kp, ki, kd }) => `kp ${number(kp, 2)}, ki ${number(ki, 2)}, kd ${number(kd, 3)}`}
            />
          ))}
        </div>
      </Group>
      <Group title={t.aim.prediction}>
        <ParameterControl node="controller" name="aim.predictive" label={t.aim.predictive} />
        <ParameterControl node="controller" name="aim.delay.camera_s" label={t.aim.cameraDelay} scale={1000} unit="ms" digits={0} min={0} max={200} />
        <ParameterControl node="controller" name="aim.delay.actuator_s" label={t.aim.actuatorDelay} scale={1000} unit="ms" digits={0} max={200} />
        <ParameterControl node="controller" name="aim.dead_zone" label={t.aim.deadZone} scale={DEGREES} unit="°" max={2} />
      </Group>
    </>
  );
}
