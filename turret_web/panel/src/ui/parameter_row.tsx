// SPDX-License-Identifier: Apache-2.0
/** Parameters as rows of a list. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';

import type { ParameterNode } from '../bridge/names';
import { ParameterType, type Parameter, type ParameterValue } from '../bridge/parameters';
import { expertNames } from '../state/settings';
import { t } from '../text';
import { usePanel } from './app_context';
import { Button } from './controls';
import { baselineOf, setParameter } from './parameter';
import { fieldText, fieldValue, shownAs } from './parameter_text';

/** A live parameter as a row: title, a field that fits its type, and a way back to the value before. */
export function ParameterRow({ node, parameter, why, isChanged = false, onChanged = () => undefined }: {
  node: ParameterNode; parameter: Parameter; why: string; isChanged?: boolean; onChanged?: (value: ParameterValue) => void;
}): VNode {
  const panel = usePanel();
  const text = useSignal<string | null>(null);
  const refusal = useSignal('');
  const { name, type, value, minimum, maximum, choices } = parameter;
  const { title, unit, scale } = shownAs(parameter);

  async function apply(next: ParameterValue | null): Promise<void> {
    if (next === null) {
      refusal.value = t.settings.wrongKind;
      return;
    }
    const { minimum: low, maximum: high } = parameter;
    if (typeof next === 'number' && ((low !== null && next < low) || (high !== null && next > high))) {
      refusal.value = t.fields.outside(low === null ? -Infinity : low * scale, high === null ? Infinity : high * scale);
      return;
    }
    refusal.value = await setParameter(panel, node, name, type, next);
    if (refusal.value === '') onChanged(next);
  }

  const commit = (): void => {
    const typed = text.value;
    text.value = null;
    if (typed !== null && typed !== fieldText(value, scale)) void apply(fieldValue(typed, parameter, scale));
  };
  const before = baselineOf(node, name);
  const label = expertNames.value === 'on' ? name : title;
  const common = { 'aria-label': expertNames.value === 'on' ? name : title, disabled: why !== '' };
  return (
    <div class="parameter" data-changed={isChanged} data-name={name}>
      <span class="name" title={name}>{label}{expertNames.value === 'on' ? <small class="quiet">{title}</small> : null}</span>
      <span class="value">
        {type === ParameterType.BOOL
          ? <input type="checkbox" {...common} checked={value === true} onChange={(event) => { void apply(event.currentTarget.checked); }} />
          : choices.length > 0
            ? (
              <select {...common} value={String(value)} onChange={(event) => { void apply(event.currentTarget.value); }}>
                {choices.map((choice) => <option key={choice} value={choice}>{choice}</option>)}
              </select>
            ) : (
              <input
                type={typeof value === 'number' ? 'number' : 'text'} step="any" {...common} value={text.value ?? fieldText(value, scale)}
                min={minimum === null ? undefined : minimum * scale} max={maximum === null ? undefined : maximum * scale}
                onInput={(event) => { text.value = event.currentTarget.value; }} onBlur={commit}
                onKeyDown={(event) => { if (event.key === 'Enter') commit(); }}
              />
            )}
        <span class="quiet">{unit}</span>
      </span>
      {isChanged && before !== undefined
        ? <Button tone="quiet" icon="reset" aria-label={t.settings.resetRow(fieldText(before, scale))} title={t.settings.resetRow(fieldText(before, scale))} onClick={() => { void apply(before); }} />
        : <span />}
      {refusal.value === '' ? null : <span class="refusal" role="alert">{refusal.value}</span>}
    </div>
  );
}

/** A parameter that is fixed at start. */
export function FixedRow({ parameter }: { parameter: Parameter }): VNode {
  const { title, unit, scale } = shownAs(parameter);
  return (
    <div class="parameter fixed">
      <span class="name" title={parameter.name}>{title}{expertNames.value === 'on' ? <code>{parameter.name}</code> : null}</span>
      <span class="value">{fieldText(parameter.value, scale) || t.settings.empty} {unit}</span>
    </div>
  );
}
