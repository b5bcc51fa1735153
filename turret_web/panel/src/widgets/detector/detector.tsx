// SPDX-License-Identifier: Apache-2.0
/** The detector: which one, why it does not start, and its settings beside the video. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';

import { ParameterType } from '../../bridge/parameters';
import { milliseconds, number } from '../../state/format';
import { reasonName } from '../../state/reasons';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Check, Group, Select } from '../../ui/controls';
import { useEcho } from '../../ui/hooks';
import { ParameterControl, UndoButton, useParameters } from '../../ui/parameter';

const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  motion: ['motion.sensitivity', 'motion.min_area', 'motion.memory_s', 'motion.join', 'motion.width'],
  balloon: [
    'balloon.color', 'balloon.min_saturation', 'balloon.min_value', 'balloon.max_dark_value', 'balloon.hue', 'balloon.hue_range',
    'balloon.saturation', 'balloon.saturation_range', 'balloon.value', 'balloon.value_range', 'balloon.min_area',
    'balloon.min_aspect', 'balloon.max_aspect', 'balloon.min_circularity', 'balloon.min_fill', 'balloon.width',
  ],
};
/** How long a new detector may take to start [ms]. */
const START_MS = 6000;

export function Detector(): VNode {
  const panel = usePanel();
  const { store } = panel;
  const vision = store.section('vision');
  const detection = vision?.detection;
  const why = panel.whyNotOperator.value;
  /** The choice that has not started yet, and what became of the ones that did not. */
  const starting = useSignal<{ method: string; until: number } | null>(null);
  const failures = useSignal<Readonly<Record<string, string>>>({});
  const now = store.now.value;

  async function set(name: string, type: number, value: string | boolean): Promise<boolean> {
    const refusal = await panel.parameters.set('vision', name, type, value).catch((error: unknown) => (error as Error).message);
    if (refusal !== '') {
      panel.notices.failed(refusal);
      if (name === 'method') failures.value = { ...failures.value, [String(value)]: refusal };
    }
    return refusal === '';
  }

  async function choose(method: string): Promise<boolean> {
    if (!await set('method', ParameterType.STRING, method)) return false;
    starting.value = { method, until: performance.now() + START_MS };
    return true;
  }

  const method = useEcho(detection?.method ?? '', choose);
  const enabled = useEcho(detection?.enabled ?? false, (value: boolean) => set('enabled', ParameterType.BOOL, value));

  // The node accepts a method before it knows whether the detector starts; this waits for what became of it.
  const wanted = starting.value;
  const hasFailed = wanted !== null && detection !== undefined && detection.method !== wanted.method && vision?.code !== 0;
  useEffect(() => {
    if (wanted === null || detection === undefined) return;
    if (hasFailed || (now > wanted.until && detection.method !== wanted.method)) {
      const reason = vision?.message || reasonName(vision?.code ?? 0);
      failures.value = { ...failures.value, [wanted.method]: reason };
      panel.notices.failed(t.detector.notStarted(wanted.method, reason));
      starting.value = null;
    } else if (now > wanted.until || (detection.method === wanted.method && vision?.code === 0 && (detection.rate_hz ?? 0) > 0)) {
      const { [wanted.method]: _, ...others } = failures.value;
      failures.value = others;
      starting.value = null;
    }
  }, [hasFailed, wanted, detection?.method, vision?.code, wanted !== null && now > wanted.until]);

  const names = SETTINGS[detection?.method ?? ''] ?? [];
  useParameters('vision', names);
  const reason = failures.value[method.value];
  return (
    <Group title={t.detector.title} section="vision">
      {detection === undefined ? <p class="quiet">{t.status.neverSeen}</p> : (
        <>
          <div class="line">
            <Select
              label={t.detector.method} value={method.value} why={why} onChange={method.commit}
              options={detection.available.map((value) => ({
                value, label: failures.value[value] === undefined ? value : t.detector.unavailable(value),
              }))}
            />
            <Check label={t.detector.enabled} checked={enabled.value} why={why} onChange={enabled.commit} />
          </div>
          <p class="quiet">
            {wanted !== null ? t.detector.starting(wanted.method)
              : t.detector.summary(number(detection.rate_hz, 0, 'Hz'), milliseconds(detection.processing_s), detection.count)}
          </p>
          <p class="why" role="status">
            {vision !== null && vision.code !== 0 ? `${vision.message || reasonName(vision.code)}` : reason ?? why}
          </p>
          {names.length === 0 ? <p class="quiet">{t.detector.noSettings}</p> : (
            <div class="sliders">
              {names.map((name) => <ParameterControl key={name} node="vision" name={name} label={t.detector.names[name] ?? name} />)}
            </div>
          )}
          <div class="line"><UndoButton prefix="vision/" /><TeachColor /></div>
          <FailureList failures={failures.value} />
        </>
      )}
    </Group>
  );
}

function FailureList({ failures }: { failures: Readonly<Record<string, string>> }): VNode | null {
  const all = Object.entries(failures);
  if (all.length === 0) return null;
  return <ul class="reasons" aria-label={t.detector.whyNot}>{all.map(([method, reason]) => <li key={method}><strong>{method}</strong> {reason}</li>)}</ul>;
}

/** Click a color in the video; the balloon detector then looks for it. */
export function TeachColor(): VNode | null {
  const panel = usePanel();
  const result = useSignal('');
  useEffect(() => () => panel.picking.cancel('color'), []);
  if (!panel.offers('vision/teach_color')) return null;
  return (
    <>
      <Button
        pressed={panel.picking.isFor('color')} why={panel.whyNotOperator.value}
        onClick={() => panel.picking.toggle({
          owner: 'color', hint: t.detector.colorHint, corners: false,
          use: ({ x, y }) => {
            void panel.command('vision/teach_color', { x, y, radius: 0 }).then((answer) => {
              if (answer === null) return;
              const [hue = 0, saturation = 0, value = 0] = answer.hsv_center;
              result.value = t.detector.color(Math.round((hue ?? 0) * 360), Math.round((saturation ?? 0) * 100), Math.round((value ?? 0) * 100));
            });
          },
        })}
      >
        {t.detector.teach}
      </Button>
      <span class="quiet">{result.value}</span>
    </>
  );
}
