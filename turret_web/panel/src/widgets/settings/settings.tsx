// SPDX-License-Identifier: Apache-2.0
/**
 * The live parameters of the nodes, grouped by subject: search, marks for what was changed, reset per row, a bar for
 * what is not saved, export and import. Angles are shown in degrees, raw names only on demand.
 */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { PARAMETER_NODES, type ParameterNode } from '../../bridge/names';
import { parseValue, ParameterType, type Parameter, type ParameterValue } from '../../bridge/parameters';
import { TransportError } from '../../bridge/transport';
import { DEGREES } from '../../state/format';
import { expertNames } from '../../state/settings';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Check, Field, Group, Segmented } from '../../ui/controls';
import { acceptBaselines, baselineOf, setParameter, takeParameters } from '../../ui/parameter';
import { download } from '../plots/plot';
import { fromYaml, toYaml } from './yaml';

const REFRESH_MS = 3000;
const ANGLE = /\[rad(\/s(\^2)?)?\]/;

export interface Shown { title: string; unit: string; scale: number }

/** How a parameter is shown: its description as a title, and degrees for angles. */
export function shownAs({ name, description, type }: Pick<Parameter, 'name' | 'description' | 'type'>): Shown {
  const isAngle = ANGLE.test(description) && (type === ParameterType.DOUBLE || type === ParameterType.DOUBLE_ARRAY);
  const [, unit = ''] = /\[([^\]]+)\]\s*$/.exec(description) ?? [];
  const text = description.replace(/\s*\[[^\]]+\]\s*$/, '').replace(/\.$/, '');
  const title = text === '' ? name : text.charAt(0).toUpperCase() + text.slice(1);
  return isAngle ? { title, unit: unit.replace('rad', '°'), scale: DEGREES } : { title, unit, scale: 1 };
}

const rounded = (value: number): string => String(Number(value.toPrecision(7)));

/** Text of a value in a field. */
export function fieldText(value: ParameterValue, scale: number): string {
  const one = (item: boolean | number | string): string => (typeof item === 'number' ? rounded(item * scale) : String(item));
  return Array.isArray(value) ? value.map(one).join(', ') : one(value);
}

/** The value of a field's text; null when it is not one. */
export function fieldValue(text: string, { type, value }: Parameter, scale: number): ParameterValue | null {
  const parsed = parseValue(text, type, value);
  if (scale === 1 || parsed === null) return parsed;
  if (typeof parsed === 'number') return parsed / scale;
  return Array.isArray(parsed) ? parsed.map((item) => (typeof item === 'number' ? item / scale : item)) as number[] : parsed;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export function Settings(): VNode {
  const panel = usePanel();
  const node = useSignal<ParameterNode>(PARAMETER_NODES[0]);
  const all = useSignal<readonly Parameter[]>([]);
  const problem = useSignal('');
  const search = useSignal('');
  const onlyChanged = useSignal(false);
  const file = useRef<HTMLInputElement>(null);
  const mayEdit = panel.whyNotOperator.value;
  const isStale = panel.store.stale.value;

  useEffect(() => {
    let isGone = false;
    const wanted = node.value;
    all.value = [];
    let isFirst = true;
    const load = async (): Promise<void> => {
      if (panel.store.stale.peek()) return;
      try {
        const found = isFirst
          ? await panel.parameters.list(wanted)
          : await panel.parameters.read(wanted, all.value.filter(({ readOnly }) => !readOnly).map(({ name }) => name));
        if (isGone) return;
        problem.value = '';
        takeParameters(wanted, found);
        const byName = new Map(found.map((parameter) => [parameter.name, parameter]));
        const next = isFirst ? found : all.value.map((parameter) => byName.get(parameter.name) ?? parameter);
        isFirst = false;
        if (!same(next, all.value)) all.value = next;
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        if (!isGone) problem.value = error.message;
      }
    };
    void load();
    const timer = setInterval(() => { void load(); }, REFRESH_MS);
    return () => {
      isGone = true;
      clearInterval(timer);
    };
  }, [node.value, isStale]);

  async function save(): Promise<void> {
    try {
      const answer = await panel.parameters.save(node.value);
      if (!answer.success) {
        panel.notices.refused(`${node.value}/save_parameters`, answer.code, answer.message);
        return;
      }
      acceptBaselines(node.value);
      takeParameters(node.value, all.value);
      all.value = [...all.value];
      panel.notices.done(t.settings.saved(answer.path));
    } catch (error) {
      panel.notices.failed((error as Error).message);
    }
  }

  function exportFile(): void {
    const live = Object.fromEntries(all.value.filter(({ readOnly }) => !readOnly).map(({ name, value }) => [name, value]));
    download(`${node.value}.yaml`, 'application/yaml', toYaml({ [node.value]: live }));
  }

  async function importFile(chosen: File): Promise<void> {
    try {
      const wanted = fromYaml(await chosen.text())[node.value];
      if (wanted === undefined) throw new Error(t.settings.notInFile(node.value));
      const refused: string[] = [];
      let changed = 0;
      for (const parameter of all.value) {
        const value = wanted[parameter.name];
        if (value === undefined || parameter.readOnly || same(value, parameter.value)) continue;
        const refusal = await setParameter(panel, node.value, parameter.name, parameter.type, value);
        if (refusal === '') changed += 1;
        else refused.push(`${parameter.name}: ${refusal}`);
      }
      if (refused.length > 0) panel.notices.failed(refused.join('; '));
      panel.notices.done(t.settings.imported(changed));
    } catch (error) {
      panel.notices.failed((error as Error).message);
    }
  }

  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const isChanged = (parameter: Parameter): boolean => {
    const before = baselineOf(node.value, parameter.name);
    return before !== undefined && !same(before, parameter.value);
  };
  const found = all.value.filter((parameter) => words.every((word) => `${parameter.name} ${parameter.description}`.toLowerCase().includes(word))
    && (!onlyChanged.value || isChanged(parameter)));
  const live = found.filter(({ readOnly }) => !readOnly);
  const fixed = found.filter(({ readOnly }) => readOnly);
  const changed = all.value.filter(isChanged).length;
  const groups = new Map<string, Parameter[]>();
  for (const parameter of live) {
    const subject = parameter.name.includes('.') ? parameter.name.slice(0, parameter.name.indexOf('.')) : '';
    groups.set(subject, [...groups.get(subject) ?? [], parameter]);
  }
  return (
    <Group title={t.settings.title}>
      <Segmented label={t.settings.node} options={PARAMETER_NODES.map((value) => ({ value, label: t.settings.nodes[value] }))} value={node.value} onChange={(value) => { node.value = value; }} />
      <div class="line">
        <Field label={t.settings.search}>
          <input type="search" placeholder={t.settings.searchHint} value={search.value} onInput={(event) => { search.value = event.currentTarget.value; }} />
        </Field>
        <Check label={t.settings.onlyChanged} checked={onlyChanged.value} onChange={(on) => { onlyChanged.value = on; }} />
        <Check label={t.settings.rawNames} checked={expertNames.value === 'on'} onChange={(on) => { expertNames.value = on ? 'on' : 'off'; }} />
      </div>
      <div class="line">
        <Button onClick={exportFile}>{t.settings.export}</Button>
        <Button why={mayEdit} onClick={() => file.current?.click()}>{t.settings.import}</Button>
        <input
          ref={file} type="file" accept=".yaml,.yml" hidden
          onChange={(event) => { const [chosen] = event.currentTarget.files ?? []; if (chosen !== undefined) void importFile(chosen); event.currentTarget.value = ''; }}
        />
        <Button why={mayEdit} onClick={() => { void save(); }}>{t.settings.save}</Button>
      </div>
      {changed > 0 ? <p class="unsaved" role="status">{t.settings.unsaved(changed)}</p> : null}
      <p class="why" role="status">{problem.value || mayEdit}</p>
      {all.value.length === 0 ? <p class="quiet">{t.fields.loading}</p> : found.length === 0 ? <p class="quiet">{t.settings.noHit(search.value)}</p> : null}
      {[...groups].map(([subject, parameters]) => (
        <details class="subject" key={`${node.value}/${subject}`} open={words.length > 0 || onlyChanged.value || subject === '' || groups.size < 3}>
          <summary>{subject === '' ? t.settings.general : t.settings.subject(subject)} <span class="quiet">{parameters.length}</span></summary>
          {parameters.map((parameter) => (
            <Row key={parameter.name} node={node.value} parameter={parameter} why={mayEdit} isChanged={isChanged(parameter)} onChanged={(value) => {
              all.value = all.value.map((other) => (other.name === parameter.name ? { ...other, value } : other));
            }}
            />
          ))}
        </details>
      ))}
      {fixed.length === 0 ? null : (
        <details class="subject" open={words.length > 0 && live.length === 0}>
          <summary>{t.settings.fixedAtStart(fixed.length)}</summary>
          {fixed.map((parameter) => {
            const { title, unit, scale } = shownAs(parameter);
            return (
              <div class="parameter fixed" key={parameter.name}>
                <span class="name">{title}{expertNames.value === 'on' ? <code>{parameter.name}</code> : null}</span>
                <span class="value">{fieldText(parameter.value, scale) || t.settings.empty} {unit}</span>
              </div>
            );
          })}
        </details>
      )}
    </Group>
  );
}

function Row({ node, parameter, why, isChanged, onChanged }: {
  node: ParameterNode; parameter: Parameter; why: string; isChanged: boolean; onChanged: (value: ParameterValue) => void;
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
