// SPDX-License-Identifier: Apache-2.0
/** The line that states that everything shown is a recording, with the controls to pause it, step and seek. */

import { useComputed, useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';

import type { ReplayEvent, ReplayState } from '../../generated/interfaces';
import { duration } from '../../state/format';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button } from '../../ui/controls';

/** A replay without a state for so long is gone [ms]; it publishes ten times per second. */
const SILENCE_MS = 2000;
/** What "Skip silence" skips [s]. */
const GAP_S = 10;
/** What the user chose is shown for so long after the answer, until a state confirms it [ms]. */
const CONFIRMED_MS = 1000;
const RATES = [0.1, 0.25, 0.5, 1, 2, 5, 10] as const;

/**
 * A value of the state that the user can change: what was chosen is shown until a state confirms it, it was refused, or
 * no state confirmed it in time. States that were sent before the change do not undo it on the screen.
 */
function useChosen<T>(actual: T): [shown: T, choose: (value: T, answer: Promise<unknown>) => void] {
  const chosen = useSignal<T | null>(null);
  useEffect(() => { if (chosen.peek() === actual) chosen.value = null; }, [actual]);
  const forget = (value: T): void => { if (chosen.peek() === value) chosen.value = null; };
  const choose = (value: T, sent: Promise<unknown>): void => {
    chosen.value = value;
    void sent.then((answer) => { if (answer === null) forget(value); else setTimeout(() => forget(value), CONFIRMED_MS); });
  };
  return [chosen.value ?? actual, choose];
}

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
  const events = useSignal<readonly ReplayEvent[]>([]);
  const hasEvents = panel.isOffered('replay/list_events');
  const replay = state.value;
  useEffect(() => {
    if (!hasEvents || replay === null) return;
    void panel.command('replay/list_events', {}).then((answer) => { if (answer !== null) events.value = answer.events; });
  }, [hasEvents, replay?.name]);
  const [rate, chooseRate] = useChosen(replay?.rate ?? 1);
  const [isSkipping, chooseSkipping] = useChosen((replay?.min_gap_s ?? 0) > 0);
  const toEvent = async (backward: boolean): Promise<void> => {
    const answer = await panel.command('replay/seek_event', { backward });
    if (answer !== null) panel.notices.done(t.replay.at(answer.event.text, duration(answer.event.position_s)));
  };
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
      {hasEvents ? (
        <>
          <Button icon="left" aria-label={t.replay.previous} title={t.replay.previous} why={events.value.length === 0 ? t.replay.noEvents : ''} onClick={() => { void toEvent(true); }} />
          <Button icon="right" aria-label={t.replay.next} title={t.replay.next} why={events.value.length === 0 ? t.replay.noEvents : ''} onClick={() => { void toEvent(false); }} />
        </>
      ) : null}
      <datalist id="replay-events">
        {events.value.map(({ position_s: at, text }) => <option key={`${at} ${text}`} value={String(at ?? 0)} label={text} />)}
      </datalist>
      <input
        type="range" list="replay-events" min={0} max={length} step={0.1} value={position} aria-label={t.replay.seek}
        onInput={(event) => { dragged.value = event.currentTarget.valueAsNumber; }}
        onChange={(event) => {
          const target = event.currentTarget.valueAsNumber;
          void panel.command('replay/seek', { position_s: target }).then(() => { dragged.value = null; });
        }}
      />
      <select
        aria-label={t.replay.rate} value={String(rate)}
        onChange={(event) => {
          const wanted = Number(event.currentTarget.value);
          chooseRate(wanted, panel.command('replay/set_rate', { rate: wanted }));
        }}
      >
        {RATES.map((rate) => <option key={rate} value={String(rate)}>{rate}×</option>)}
      </select>
      {panel.isOffered('replay/set_gap_skipping') ? (
        <label class="check" title={t.replay.skipTitle}>
          <input
            type="checkbox" checked={isSkipping}
            onChange={(event) => {
              const wanted = event.currentTarget.checked;
              chooseSkipping(wanted, panel.command('replay/set_gap_skipping', { min_gap_s: wanted ? GAP_S : 0 }));
            }}
          />
          {t.replay.skip}
        </label>
      ) : null}
    </div>
  );
}
