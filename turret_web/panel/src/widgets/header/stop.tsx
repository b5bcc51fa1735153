// SPDX-License-Identifier: Apache-2.0
/** The software stop: always visible, for operators and viewers, with its delivery state. */

import type { VNode } from 'preact';

import { t } from '../../text';
import { useApp } from '../../ui/app_context';
import { ActionButton, Button } from '../../ui/controls';

export function StopButton({ class: extra = '' }: { class?: string }): VNode {
  const { stop, panel } = useApp();
  const state = stop.state.value;
  const isStopped = state === 'delivered' || panel.store.current('safety')?.software_stop;
  return (
    <button
      type="button" class={`stop ${extra}`} data-state={isStopped ? 'stopped' : state} title={t.stop.title}
      aria-keyshortcuts="Escape" onClick={() => stop.send()}
    >
      {state === 'sending' ? t.stop.sending : isStopped ? t.stop.stopped : t.stop.button}
    </button>
  );
}

/** Lines over the page about the stop; they lie above everything and move nothing. */
export function StopBanners(): VNode {
  const { stop, panel } = useApp();
  const safety = panel.store.section('safety');
  const isUndelivered = stop.state.value === 'undelivered';
  const reason = safety?.message && !/^stopped: /i.test(safety.message) ? safety.message : '';
  return (
    <>
      {isUndelivered ? (
        <div class="banner undelivered" role="alert">
          <strong>{t.stop.undelivered}</strong><span>{t.stop.repeating}</span>
          <Button onClick={() => stop.giveUp()}>{t.fields.dismiss}</Button>
        </div>
      ) : null}
      {safety?.software_stop ? (
        <div class="banner stopped" role="alert">
          <span>{t.stop.banner} {reason}</span><ActionButton id="resetStop" />
        </div>
      ) : null}
    </>
  );
}
