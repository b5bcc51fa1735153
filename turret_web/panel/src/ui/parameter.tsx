// SPDX-License-Identifier: Apache-2.0
/** Single parameters of the nodes as sliders, choices and switches, wherever a widget needs them. */

import { signal, type Signal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';

import type { ParameterNode } from '../bridge/names';
import { ParameterType, type Parameter, type ParameterValue } from '../bridge/parameters';
import { number } from '../state/format';
import type { Panel } from '../state/panel';
import { t } from '../text';
import { usePanel } from './app_context';
import { Button, Check, Select, Slider } from './controls';
import { useEcho } from './hooks';

const REFRESH_MS = 3000;

interface Change { node: ParameterNode; name: string; type: number; before: ParameterValue }

/** Parameters that are shown, by "node/name"; shared, so two widgets show the same value. */
const known = new Map<string, Signal<Parameter | null>>();
const baselines = new Map<string, ParameterValue>();
/** Changes of this page that can be undone, newest last. */
export const changes = signal<readonly Change[]>([]);

function entry(node: ParameterNode, name: string): Signal<Parameter | null> {
  const key = `${node}/${name}`;
  let found = known.get(key);
  if (found === undefined) {
    found = signal(null);
    known.set(key, found);
  }
  return found;
}

export function takeParameters(node: ParameterNode, parameters: readonly Parameter[]): void {
  for (const parameter of parameters) {
    const key = `${node}/${parameter.name}`;
    if (!baselines.has(key)) baselines.set(key, parameter.value);
    const slot = entry(node, parameter.name);
    if (JSON.stringify(slot.peek()) !== JSON.stringify(parameter)) slot.value = parameter;
  }
}

/** Newest known value of a parameter. */
export function liveValue(node: ParameterNode, name: string): ParameterValue | undefined {
  return entry(node, name).value?.value;
}

/** Value that a parameter had when this page first saw it. */
export function baselineOf(node: ParameterNode, name: string): ParameterValue | undefined {
  return baselines.get(`${node}/${name}`);
}

/** Forget the baselines of a node: what it has now was saved. */
export function acceptBaselines(node: ParameterNode): void {
  for (const key of [...baselines.keys()]) if (key.startsWith(`${node}/`)) baselines.delete(key);
}

/** Set a parameter. Returns why it was refused; empty when it was changed. */
export async function setParameter(
  panel: Panel, node: ParameterNode, name: string, type: number, value: ParameterValue, canUndo = true,
): Promise<string> {
  const slot = entry(node, name);
  const before = slot.peek()?.value;
  let refusal: string;
  try {
    refusal = await panel.parameters.set(node, name, type, value);
  } catch (error) {
    refusal = (error as Error).message;
  }
  if (refusal === '' && before !== undefined && slot.value !== null) {
    slot.value = { ...slot.value, value };
    if (canUndo) changes.value = [...changes.value, { node, name, type, before }].slice(-50);
  }
  return refusal;
}

/** Take back the newest change of some parameters. */
export async function undo(panel: Panel, prefix: string): Promise<void> {
  const last = changes.value.findLast(({ node, name }) => `${node}/${name}`.startsWith(prefix));
  if (last === undefined) return;
  changes.value = changes.value.filter((change) => change !== last);
  const refusal = await setParameter(panel, last.node, last.name, last.type, last.before, false);
  if (refusal !== '') panel.notices.failed(refusal);
}

export function canUndo(prefix: string): boolean {
  return changes.value.some(({ node, name }) => `${node}/${name}`.startsWith(prefix));
}

/** Keep some parameters of a node up to date while a component is shown. */
export function useParameters(node: ParameterNode, names: readonly string[]): readonly (Parameter | null)[] {
  const panel = usePanel();
  const list = names.join(' ');
  useEffect(() => {
    let isGone = false;
    const load = async (): Promise<void> => {
      if (panel.store.stale.peek()) return;
      const found = await panel.parameters.read(node, names).catch(() => null);
      if (found !== null && !isGone) takeParameters(node, found.filter(({ type }) => type !== 0));
    };
    void load();
    const timer = setInterval(() => { void load(); }, REFRESH_MS);
    return () => {
      isGone = true;
      clearInterval(timer);
    };
  }, [node, list, panel.store.stale.value]);
  return names.map((name) => entry(node, name).value);
}

/** A parameter as a control that fits its type; nothing while it is not known. */
export function ParameterControl(
  { node, name, label, scale = 1, unit = '', min, max, digits = 2 }: {
    node: ParameterNode; name: string; label: string; scale?: number; unit?: string; min?: number; max?: number; digits?: number;
  },
): VNode | null {
  const panel = usePanel();
  const parameter = entry(node, name).value;
  const value = parameter?.value ?? 0;
  const echo = useEcho<ParameterValue>(value, async (next) => {
    if (parameter === null) return false;
    const refusal = await setParameter(panel, node, name, parameter.type, next);
    if (refusal !== '') panel.notices.failed(`${label}: ${refusal}`);
    return refusal === '';
  });
  if (parameter === null) return null;
  const why = panel.whyNotOperator.value || (parameter.readOnly ? t.settings.fixed : '');
  if (parameter.type === ParameterType.BOOL) {
    return <Check label={label} checked={echo.value === true} why={why} onChange={echo.commit} />;
  }
  if (parameter.choices.length > 0) {
    return (
      <Select label={label} value={String(echo.value)} why={why} options={parameter.choices.map((choice) => ({ value: choice, label: choice }))} onChange={echo.commit} />
    );
  }
  if (typeof value !== 'number' || typeof echo.value !== 'number') return null;
  const isWhole = parameter.type === ParameterType.INTEGER;
  const [from, to] = [min ?? (parameter.minimum ?? 0) * scale, max ?? (parameter.maximum ?? 100) * scale];
  const back = (shown: number): number => (isWhole ? Math.round(shown / scale) : shown / scale);
  return (
    <Slider
      label={label} min={from} max={Math.max(to, value * scale)} step={isWhole ? 1 : 10 ** -digits} value={echo.value * scale} why={why}
      text={number(echo.value * scale, isWhole ? 0 : digits, unit)}
      onInput={(shown) => echo.show(back(shown))} onCommit={(shown) => echo.commit(back(shown))}
    />
  );
}

export function UndoButton({ prefix }: { prefix: string }): VNode {
  const panel = usePanel();
  return <Button why={panel.whyNotOperator.value || (canUndo(prefix) ? '' : t.settings.nothingToUndo)} onClick={() => { void undo(panel, prefix); }}>{t.fields.undo}</Button>;
}
