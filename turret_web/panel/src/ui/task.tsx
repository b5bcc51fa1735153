// SPDX-License-Identifier: Apache-2.0
/** One long task of the turret: a start button, its progress, and canceling it. Only one runs at a time. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';

import type { ActionName, Feedback, Goal, Result } from '../bridge/names';
import { t } from '../text';
import { usePanel } from './app_context';
import { Button } from './controls';

interface Props<A extends ActionName> {
  name: A;
  label: string;
  /** What it needs. */
  title?: string;
  /** Goal of the action, or why there is none. */
  goal: () => Omit<Goal<A>, 'lease_id'> | string;
  progress: (feedback: Feedback<A>) => string;
  done: (result: Result<A>) => string;
  /** It does not need the lease, only the role. */
  withoutLease?: boolean;
}

export function Task<A extends ActionName>({ name, label, title, goal, progress, done, withoutLease = false }: Props<A>): VNode | null {
  const panel = usePanel();
  const text = useSignal('');
  const isRunning = useSignal(false);
  const cancel = useRef<() => void>(() => undefined);
  if (!panel.offers(name)) return null;

  async function start(): Promise<void> {
    const wanted = goal();
    if (typeof wanted === 'string') {
      panel.notices.failed(wanted);
      return;
    }
    panel.task.value = label;
    isRunning.value = true;
    text.value = t.tasks.starting;
    const running = panel.run(name, wanted, (feedback) => { text.value = progress(feedback); });
    cancel.current = running.cancel;
    try {
      const result = await running.result;
      text.value = result === null ? '' : done(result);
    } finally {
      isRunning.value = false;
      panel.task.value = '';
    }
  }

  const busy = panel.task.value === '' ? '' : t.why.busy(panel.task.value);
  const why = withoutLease ? panel.whyNotOperator.value || busy : panel.whyNoTask.value;
  return (
    <div class="task">
      {isRunning.value
        ? <Button onClick={() => cancel.current()}>{t.tasks.cancel(label)}</Button>
        : <Button why={why} {...(title === undefined ? {} : { title })} onClick={() => { void start(); }}>{label}</Button>}
      <span class="quiet" role="status">{text.value}</span>
    </div>
  );
}
