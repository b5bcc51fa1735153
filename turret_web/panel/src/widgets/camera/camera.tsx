// SPDX-License-Identifier: Apache-2.0
/** The camera as a card: exposure, gain, white balance and the image, with reset. */

import type { VNode } from 'preact';

import type { ParameterValue } from '../../bridge/parameters';
import { number } from '../../state/format';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Group, Slider, Why } from '../../ui/controls';
import { useEcho } from '../../ui/hooks';
import { ParameterControl, setParameter, UndoButton, useParameters } from '../../ui/parameter';

const NAMES = [
  'auto_exposure', 'exposure_us', 'analog_gain', 'auto_white_balance', 'color_gains', 'brightness', 'contrast', 'saturation',
];
/** What "Reset" sets, as declared by the node. */
const DEFAULTS: Readonly<Record<string, ParameterValue>> = {
  auto_exposure: true, auto_white_balance: true, brightness: 0, contrast: 1, saturation: 1,
};

export function Camera(): VNode {
  const panel = usePanel();
  const parameters = useParameters('camera', NAMES);
  const camera = panel.store.section('camera');
  const why = panel.whyNotOperator.value;
  const [auto, , , autoWhite, gains] = parameters;
  const [red = 1, blue = 1] = (gains?.value ?? []) as number[];

  async function reset(): Promise<void> {
    for (const parameter of parameters) {
      const value = DEFAULTS[parameter?.name ?? ''];
      if (parameter === null || value === undefined || parameter.value === value) continue;
      const refusal = await setParameter(panel, 'camera', parameter.name, parameter.type, value);
      if (refusal !== '') panel.notices.failed(refusal);
    }
  }

  return (
    <Group title={t.camera.title} section="camera">
      {parameters.every((parameter) => parameter === null) ? <p class="quiet">{t.camera.waiting}</p> : null}
      <ParameterControl node="camera" name="auto_exposure" label={t.camera.autoExposure} />
      {auto?.value === false ? (
        <>
          <ParameterControl node="camera" name="exposure_us" label={t.camera.exposure} scale={0.001} unit="ms" digits={1} max={50} />
          <ParameterControl node="camera" name="analog_gain" label={t.camera.gain} digits={1} />
        </>
      ) : null}
      <ParameterControl node="camera" name="auto_white_balance" label={t.camera.autoWhiteBalance} />
      {autoWhite?.value === false && gains !== null && gains !== undefined ? (
        <>
          <Gain label={t.camera.red} value={red} why={why} send={(value) => setParameter(panel, 'camera', 'color_gains', gains.type, [value, blue])} />
          <Gain label={t.camera.blue} value={blue} why={why} send={(value) => setParameter(panel, 'camera', 'color_gains', gains.type, [red, value])} />
        </>
      ) : null}
      <ParameterControl node="camera" name="brightness" label={t.camera.brightness} />
      <ParameterControl node="camera" name="contrast" label={t.camera.contrast} />
      <ParameterControl node="camera" name="saturation" label={t.camera.saturation} />
      <div class="line">
        <Button why={why} onClick={() => { void reset(); }}>{t.camera.reset}</Button><UndoButton prefix="camera/" />
        <span class="quiet push">{camera === null ? '' : t.camera.summary(camera.width, camera.height, number(camera.rate_hz, 1, 'fps'))}</span>
      </div>
      <Why text={why} />
    </Group>
  );
}

function Gain({ label, value, why, send }: { label: string; value: number; why: string; send: (value: number) => Promise<string> }): VNode {
  const echo = useEcho(value, async (next: number) => await send(next) === '');
  return <Slider label={label} min={0.1} max={8} step={0.05} value={echo.value} text={number(echo.value, 2)} why={why} onInput={echo.show} onCommit={echo.commit} />;
}
