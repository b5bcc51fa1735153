// SPDX-License-Identifier: Apache-2.0
/** Every parameter of a node, kept up to date while a component is shown. */

import { useSignal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import type { ParameterNode } from '../bridge/names';
import type { Parameter } from '../bridge/parameters';
import { TransportError } from '../bridge/transport';
import { usePanel } from './app_context';
import { takeParameters } from './parameter';

const REFRESH_MS = 3000;

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The parameters in order of declaration, and why they cannot be read; empty = they can. */
export function useParameterList(node: ParameterNode): { all: Signal<readonly Parameter[]>; problem: Signal<string> } {
  const panel = usePanel();
  const all = useSignal<readonly Parameter[]>([]);
  const problem = useSignal('');
  useEffect(() => {
    let isGone = false;
    let isFirst = true;
    all.value = [];
    const load = async (): Promise<void> => {
      if (panel.store.stale.peek()) return;
      try {
        const found = isFirst
          ? await panel.parameters.list(node)
          : await panel.parameters.read(node, all.value.filter(({ readOnly }) => !readOnly).map(({ name }) => name));
        if (isGone) return;
        problem.value = '';
        takeParameters(node, found);
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
  }, [node, panel.store.stale.value]);
  return { all, problem };
}
