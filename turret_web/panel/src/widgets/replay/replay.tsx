// SPDX-License-Identifier: Apache-2.0
/** The line that states that everything shown is a recording, with the controls to pause it, step and seek. */

import { useComputed, useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';

import type { ReplayState } from '../../generated/interfaces';
import { duration } from '../../state/format';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button } from '../../ui/controls';

/** A replay without a state for so long is gone [ms]; it publishes ten times per second. */
const SILENCE_MS = 2000;
const RATES = [0.1, 0.25, 0.5, 1, 2, 5, 10] as const;

export function ReplayBar(): VNode | null {
  const panel = usePanel();
  const { store, transport } = panel;
  const isOffered = panel.isOffered('replay/seek');
  const state = useSignal<ReplayState | null>(null);
  const receivedAt = useSignal(-Infinity);
  const dragged = useSignal<number | null>(null);
  useEffect(() => {
    if (!isOffered) return;
    transport.subscribe('replay/state', (message) => {
      state.value = message;
      receivedAt.value = performance.now();
    });
  }, [isOffered]);
  const replay = state.value;
  const isCurrent = useComputed(() => store.now.value - receivedAt.value < SILENCE_MS);
  const isThere = replay !== null && isCurrent.value;
  const isPaused = isThere && (replay.paused || replay.ended);
  useEffect(() => { store.isPaused.value = isPaused; }, [isPaused]);
  if (!isThere) return null;
  const length = replay.duration_s ?? 0;
  const position = dragged.value ?? replay.position_s ?? 0;
  return (
    <div class="banner replay" role="status">
      <strong>{t.replay.title(replay.name, replay.into)}</strong>
      <span data-testid="replay-place">{t.replay.position(duration(position), duration(length), replay.ended)}</span>
      <Button onClick={() => { void panel.command('replay/set_paused', { paused: !isPaused }); }}>
        {isPaused ? t.replay.continue : t.replay.pause}
      </Button>
      <Button
        title={t.replay.stepTitle} why={replay.paused ? '' : t.replay.pauseFirst}
        onClick={() => { void panel.command('replay/step', { messages: 0 }); }}
      >
        {t.replay.step}
      </Button>
      <input
        type="range" min={0} max={length} step={0.1} value={position} aria-label={t.replay.seek}
        onInput={(event) => { dragged.value = event.currentTarget.valueAsNumber; }}
        onChange={(event) => {
          const target = event.currentTarget.valueAsNumber;
          void panel.command('replay/seek', { position_s: target }).then(() => { dragged.value = null; });
        }}
      />
      <select
        aria-label={t.replay.rate} value={String(replay.rate)}
        onChange={(event) => { void panel.command('replay/set_rate', { rate: Number(event.currentTarget.value) }); }}
      >
        {RATES.map((rate) => <option key={rate} value={String(rate)}>{rate}×</option>)}
      </select>
    </div>
  );
}
