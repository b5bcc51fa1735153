// SPDX-License-Identifier: Apache-2.0
/** The detector: which one, why it does not start, and its settings beside the video. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';

import { ParameterType, type Parameter } from '../../bridge/parameters';
import { milliseconds, number } from '../../state/format';
import { reasonName } from '../../state/reasons';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Check, Group, Select } from '../../ui/controls';
import { useEcho } from '../../ui/hooks';
import { liveValue, ParameterControl, UndoButton } from '../../ui/parameter';
import { useParameterList } from '../../ui/parameter_list';
import { FixedRow, ParameterRow } from '../../ui/parameter_row';
import { shownAs } from '../../ui/parameter_text';
import { isMasked } from '../../video/mask';

/** Settings that every detector obeys. */
const COMMON = ['classes', 'min_confidence', 'min_size', 'every'];
/** Settings of the balloon detector that matter for one way of telling the color only. */
const OF_COLOR: Readonly<Record<string, string>> = {
  min_saturation: 'saturated', min_value: 'saturated', max_dark_value: 'dark', hue: 'taught', hue_range: 'taught', saturation: 'taught',
  saturation_range: 'taught', value: 'taught', value_range: 'taught',
};
/** A number whose whole range is not larger is set with a slider. */
const SLIDER_SPAN = 1000;
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
  const { all } = useParameterList('vision');
  const methods = all.value.find(({ name }) => name === 'method')?.choices ?? [];

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
  const now = wanted === null ? 0 : store.now.value;
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

  const reason = failures.value[method.value];
  return (
    <Group title={t.detector.title} section="vision">
      {detection === undefined ? <p class="quiet">{t.status.neverSeen}</p> : (
        <>
          <div class="line">
            <Select
              label={t.detector.method} value={method.value} why={why} onChange={method.commit}
              options={[...new Set([...detection.available, ...methods])].map((value) => ({
                value, label: failures.value[value] === undefined ? detection.available.includes(value) ? value : t.detector.notInstalled(value)
                  : t.detector.unavailable(value),
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
          <DetectorSettings method={detection.method} hasMask={detection.has_mask} parameters={all.value} why={why} />
          <div class="line"><UndoButton prefix="vision/" /><TeachColor /></div>
          <FailureList failures={failures.value} />
        </>
      )}
    </Group>
  );
}

/** The settings of the detector that runs, and those of every detector; what matches is shown over the video. */
function DetectorSettings(
  { method, hasMask, parameters, why }: { method: string; hasMask: boolean; parameters: readonly Parameter[]; why: string },
): VNode {
  const prefix = `${method}.`;
  const own = parameters.filter(({ name }) => name.startsWith(prefix));
  const color = own.find(({ name }) => name === 'balloon.color');
  useEffect(() => () => { isMasked.value = false; }, []);
  const matters = ({ name }: Parameter): boolean => {
    const wanted = OF_COLOR[name.slice(prefix.length)];
    return method !== 'balloon' || wanted === undefined || wanted === (liveValue('vision', 'balloon.color') ?? color?.value);
  };
  return (
    <>
      {hasMask ? <Check label={t.detector.mask} checked={isMasked.value} onChange={(on) => { isMasked.value = on; }} /> : null}
      <div class="sliders">
        {own.filter(({ readOnly }) => !readOnly).filter(matters).map((parameter) => <Setting key={parameter.name} parameter={parameter} why={why} />)}
        {own.filter(({ readOnly }) => readOnly).map((parameter) => <FixedRow key={parameter.name} parameter={parameter} />)}
      </div>
      <details>
        <summary>{t.detector.common}</summary>
        {parameters.filter(({ name }) => COMMON.includes(name)).map((parameter) => <Setting key={parameter.name} parameter={parameter} why={why} />)}
      </details>
    </>
  );
}

function Setting({ parameter, why }: { parameter: Parameter; why: string }): VNode | null {
  const { name, minimum, maximum, choices, type } = parameter;
  const isSlider = minimum !== null && maximum !== null && maximum - minimum <= SLIDER_SPAN;
  return isSlider || choices.length > 0 || type === ParameterType.BOOL
    ? <ParameterControl node="vision" name={name} label={t.detector.names[name] ?? shownAs(parameter).title} />
    : <ParameterRow node="vision" parameter={parameter} why={why} />;
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
