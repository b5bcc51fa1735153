// SPDX-License-Identifier: Apache-2.0
/** Recording the turret's topics as bags, and the list of them with the automatic ones folded. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';

import type { BagInfo } from '../../generated/interfaces';
import { bagEvents } from '../../state/bag_events';
import { bytes, clockTime, counted, duration, localTime } from '../../state/format';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, ConfirmButton, Field, Group, Select } from '../../ui/controls';

const SELECTIONS = [
  { value: 'light', label: t.bags.light }, { value: 'full', label: t.bags.full }, { value: 'all', label: t.bags.all },
];
const FILES_TIMEOUT_MS = 10_000;
/** After the answer, a state shows within this time that a replay has been started [ms]. */
const CONFIRMED_MS = 1500;
const LABEL = /^[\w .-]*$/;
const NAME = /^(?!auto_)[A-Za-z0-9][\w .-]{0,119}$/;
/** From this level on a ROS log message is a warning, and an error. */
const [WARN, ERROR] = [30, 40];

/** The bag was saved by the turret itself when something went wrong. */
export function isAutomatic({ name }: BagInfo): boolean {
  return /_(fault|auto|incident)(_|$)/.test(name);
}

export function Bags(): VNode {
  const panel = usePanel();
  const state = panel.store.section('bag');
  const label = useSignal('');
  const mark = useSignal('');
  const selection = useSignal('light');
  const bags = useSignal<readonly BagInfo[] | null>(null);
  const why = panel.whyNotOperator.value;
  const isRecording = state?.recording ?? false;
  const isLabelWrong = !LABEL.test(label.value);

  async function list(): Promise<void> {
    const answer = await panel.command('bag/list', {}, FILES_TIMEOUT_MS);
    if (answer !== null) bags.value = answer.bags;
  }

  async function finish(answer: Promise<{ name: string } | null>): Promise<void> {
    const saved = await answer;
    if (saved !== null) panel.notices.done(t.bags.saved(saved.name));
    await list();
  }

  async function setMark(): Promise<void> {
    const text = mark.value.trim();
    if (await panel.command('bag/mark', { text }) === null) return;
    mark.value = '';
    panel.notices.done(t.bags.marked(text));
  }

  // What is on the disk has changed, from here or without this panel.
  useEffect(() => { if (!panel.store.stale.value) void list(); }, [isRecording, state?.saved, panel.store.stale.value]);

  const all = bags.value ?? [];
  const automatic = all.filter(isAutomatic);
  return (
    <Group title={t.bags.title} section="bag">
      <div class="pair">
        <Field label={t.bags.label} error={isLabelWrong ? t.bags.wrongLabel : ''}>
          <input type="text" maxLength={40} placeholder={t.fields.optional} value={label.value} aria-invalid={isLabelWrong} onInput={(event) => { label.value = event.currentTarget.value; }} />
        </Field>
        <Select label={t.bags.topics} value={selection.value} options={SELECTIONS} onChange={(value) => { selection.value = value; }} />
      </div>
      <p class="quiet">{t.bags.contents[selection.value]}</p>
      <div class="line">
        {isRecording
          ? <Button tone="danger" why={why} onClick={() => { void finish(panel.command('bag/stop', {}, FILES_TIMEOUT_MS)); }}>{t.bags.stop}</Button>
          : (
            <Button why={why || (isLabelWrong ? t.bags.wrongLabel : '')} onClick={() => { void panel.command('bag/start', { label: label.value, selection: selection.value, max_s: 0 }); }}>
              {t.bags.start}
            </Button>
          )}
        {state?.held_s ? (
          <Button why={why || (isLabelWrong ? t.bags.wrongLabel : '')} onClick={() => { void finish(panel.command('bag/save_last', { label: label.value, duration_s: 0 }, FILES_TIMEOUT_MS)); }}>
            {t.bags.saveLast(Math.round(state.held_s))}
          </Button>
        ) : null}
        <Button onClick={() => { void list(); }}>{t.fields.refresh}</Button>
      </div>
      {panel.isOffered('bag/mark') && (isRecording || state?.held_s) ? (
        <form class="line" onSubmit={(event) => { event.preventDefault(); if (mark.value.trim() !== '' && why === '') void setMark(); }}>
          <input
            type="text" maxLength={200} placeholder={t.bags.markText} aria-label={t.bags.markText} value={mark.value}
            onInput={(event) => { mark.value = event.currentTarget.value; }}
          />
          <Button why={why || (mark.value.trim() === '' ? t.bags.markText : '')} onClick={() => { void setMark(); }}>{t.bags.mark}</Button>
        </form>
      ) : null}
      <p class="quiet" role="status">
        {[
          isRecording && state !== null ? `${state.name} · ${duration(state.duration_s)} · ${bytes(state.size)}` : '',
          state?.message ?? '', state?.replay_message ? t.bags.replayFailed(state.replay_message) : '', state?.dropped ? t.bags.lost(state.dropped) : '', why,
        ].filter(Boolean).join(' · ')}
      </p>
      {bags.value === null ? <p class="quiet">{t.fields.loading}</p> : all.length === 0 ? <p class="quiet">{t.bags.empty}</p> : (
        <>
          <BagList bags={all.filter((bag) => !isAutomatic(bag))} onChange={() => { void list(); }} />
          {automatic.length === 0 ? null : (
            <details><summary>{t.bags.automatic(automatic.length)}</summary><BagList bags={automatic} onChange={() => { void list(); }} /></details>
          )}
        </>
      )}
      <Events />
    </Group>
  );
}

/** What happened since the page was opened. */
function Events(): VNode {
  return (
    <>
      <h3>{t.bags.events}</h3>
      {bagEvents.value.length === 0 ? <p class="quiet">{t.bags.noEvents}</p> : (
        <ul class="faults" aria-label={t.bags.events}>
          {bagEvents.value.map(({ stamp: { sec, nanosec }, level, msg }, i) => (
            <li key={`${sec}.${nanosec}.${i}`} data-tone={level >= ERROR ? 'bad' : level >= WARN ? 'warning' : 'plain'}>
              <span class="age">{clockTime(sec * 1000)}</span><p>{msg}</p>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function BagList({ bags, onChange }: { bags: readonly BagInfo[]; onChange: () => void }): VNode {
  const panel = usePanel();
  const why = panel.whyNotOperator.value;
  const renaming = useSignal<{ from: string; to: string } | null>(null);

  async function rename(): Promise<void> {
    const wanted = renaming.value;
    if (wanted === null || !NAME.test(wanted.to)) return;
    if (wanted.to !== wanted.from && await panel.command('bag/rename', { name: wanted.from, new_name: wanted.to }, FILES_TIMEOUT_MS) === null) return;
    renaming.value = null;
    onChange();
  }

  return (
    <ul class="items bag-list">
      {bags.map(({ name, duration_s: length, size, messages, start, complete }) => (
        <li key={name}>
          {renaming.value?.from === name ? (
            <form class="line name" onSubmit={(event) => { event.preventDefault(); void rename(); }}>
              <Field label={t.bags.newName} error={NAME.test(renaming.value.to) ? '' : t.bags.wrongName}>
                <input
                  type="text" maxLength={120} autofocus value={renaming.value.to} aria-invalid={!NAME.test(renaming.value.to)}
                  onInput={(event) => { renaming.value = { from: name, to: event.currentTarget.value }; }}
                />
              </Field>
              <button type="submit" disabled={!NAME.test(renaming.value.to)}>{t.fields.apply}</button>
              <Button onClick={() => { renaming.value = null; }}>{t.fields.cancel}</Button>
            </form>
          ) : <span class="name">{name}</span>}
          <span class="quiet">
            {[duration(length), bytes(size), counted(messages, t.bags.message, t.bags.messages), localTime(start), complete ? '' : t.bags.incomplete]
              .filter(Boolean).join(' · ')}
          </span>
          <span class="line">
            {/* First, so that its question appears where it was however the line wraps, and not another button. */}
            <ConfirmButton
              label={t.fields.delete} confirmLabel={t.fields.deleteNow} why={why}
              onConfirm={() => { void panel.command('bag/delete', { name }, FILES_TIMEOUT_MS).then(onChange); }}
            />
            {why === '' ? <a class="button" href={`bags/${encodeURIComponent(name)}`} download title={t.bags.downloadTitle}>{t.fields.download}</a> : null}
            {panel.isOffered('bag/rename') ? <Button why={why} onClick={() => { renaming.value = { from: name, to: name }; }}>{t.fields.rename}</Button> : null}
            {panel.isOffered('bag/start_replay') ? <Replay name={name} /> : null}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Address of the panel of a replay: that of this page, with another port. */
export function replayAddress({ protocol, hostname }: Pick<Location, 'protocol' | 'hostname'>, port: number): string {
  return `${protocol}//${hostname}:${port}/`;
}

/** Replaying a bag: to start it, to open its panel once that answers, and to end it. */
function Replay({ name }: { name: string }): VNode {
  const panel = usePanel();
  const state = panel.store.section('bag');
  const isAsked = useSignal(false);
  const why = panel.whyNotOperator.value;
  const replayed = state?.replay ?? '';
  const port = replayed === name ? state?.replay_port ?? 0 : 0;

  async function start(): Promise<void> {
    isAsked.value = true;
    if (await panel.command('bag/start_replay', { name, rate: 1 }, FILES_TIMEOUT_MS) === null) isAsked.value = false;
    else setTimeout(() => { isAsked.value = false; }, CONFIRMED_MS);
  }

  if (replayed !== name && !isAsked.value) {
    return <Button title={t.bags.replayTitle} why={why || (replayed === '' ? '' : t.bags.replayBusy(replayed))} onClick={() => { void start(); }}>{t.bags.replay}</Button>;
  }
  return (
    <>
      {port === 0 ? null : <a class="button" href={replayAddress(location, port)} target="_blank" rel="noopener">{t.bags.openReplay}</a>}
      <Button why={why} onClick={() => { void panel.command('bag/stop_replay', {}, FILES_TIMEOUT_MS); }}>{t.bags.endReplay}</Button>
      <span class="quiet" role="status">{port === 0 ? t.bags.replayStarting : t.bags.replayPort(port)}</span>
    </>
  );
}
