// SPDX-License-Identifier: Apache-2.0
/** All turrets that this gateway knows: what each does and sees, one stop for all, and the way to its own panel. */

import { effect, signal, useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';

import { LaserState } from '../../generated/interfaces';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Group } from '../../ui/controls';

const SHOWN_MS = 2000;
const HIDDEN_MS = 30_000;
const TIMEOUT_MS = 8000;

/** One turret in the answer of `/api/fleet`. */
export interface Member {
  readonly id: string;
  /** It is the turret of this panel. */
  readonly own: boolean;
  /** Address of its panel; empty = unknown. */
  readonly url: string;
  /** Why it does not answer; empty = it does. */
  readonly problem: string;
  readonly state: {
    readonly mode: number | null; readonly laser: number | null; readonly stopped: boolean | null;
    readonly operator: string | null; readonly faults: readonly { readonly node: string; readonly message: string }[];
  } | null;
}

interface Fleet { readonly problem: string; readonly turrets: readonly Member[] }

/** The newest answer; null before the first one. */
export const fleet = signal<Fleet | null>(null);
const isShown = signal(false);

/** Whether there is more than the turret of this panel. */
export const isFleet = (): boolean => fleet.value !== null && (fleet.value.turrets.length > 1 || fleet.value.problem !== '');

async function ask(): Promise<void> {
  const answer = await fetch('api/fleet', { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (answer.ok) fleet.value = (await answer.json()) as Fleet;
}

/** Ask for the fleet, more often while it is shown. Returns what ends it. */
export function watchFleet(): () => void {
  return effect(() => {
    const timer = setInterval(() => { void ask().catch(() => undefined); }, isShown.value ? SHOWN_MS : HIDDEN_MS);
    void ask().catch(() => undefined);
    return () => clearInterval(timer);
  });
}

/** Tone of a turret: of its laser, of its stop and faults, or unknown. */
export function memberTone({ state, problem }: Member): 'unknown' | 'bad' | 'warning' | 'good' {
  if (state === null || problem !== '') return 'unknown';
  if (state.laser === LaserState.STATE_FIRING || state.faults.length > 0) return 'bad';
  return state.stopped !== false || (state.laser ?? LaserState.STATE_FAULT) !== LaserState.STATE_OFF ? 'warning' : 'good';
}

function describe({ state, problem }: Member): string {
  if (state === null) return problem || t.fleet.silent;
  return [
    state.stopped ? t.fleet.stopped : t.fleet.modes[state.mode ?? -1] ?? t.fleet.unknown,
    t.fleet.lasers[state.laser ?? -1] ?? t.fleet.unknown,
    state.operator ? t.control.other(state.operator) : t.fleet.free,
  ].join(' · ');
}

function Card({ member, tick }: { member: Member; tick: number }): VNode {
  const name = member.id.replace(/^\//, '');
  const isReached = member.url !== '' && !member.own;
  return (
    <li class="member" data-id={member.id} data-tone={memberTone(member)}>
      {member.state === null ? null : <img src={`api/fleet/snapshot?id=${encodeURIComponent(member.id)}&tick=${tick}`} alt={t.fleet.image(name)} />}
      <div>
        {isReached ? <a href={member.url}>{name}</a> : <strong>{name}</strong>}{member.own ? <span class="quiet"> {t.fleet.own}</span> : null}
        <p class="quiet">{describe(member)}</p>
        {member.state?.faults.map(({ node, message }) => <p key={`${node} ${message}`} class="error">{node}: {message}</p>)}
      </div>
    </li>
  );
}

export function FleetView(): VNode {
  const { notices } = usePanel();
  const tick = useSignal(0);
  const isStopping = useSignal(false);
  useEffect(() => {
    isShown.value = true;
    const timer = setInterval(() => { tick.value += 1; }, SHOWN_MS);
    return () => {
      isShown.value = false;
      clearInterval(timer);
    };
  }, []);
  const stopAll = async (): Promise<void> => {
    isStopping.value = true;
    try {
      const response = await fetch('api/fleet/stop', {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}', signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const { success, message } = (await response.json()) as { success: boolean; message: string };
      if (success) notices.done(t.fleet.allStopped);
      else notices.failed(t.fleet.notStopped(message));
    } catch (error) {
      notices.failed(t.fleet.notStopped((error as Error).message));
    }
    isStopping.value = false;
  };
  const turrets = fleet.value?.turrets ?? [];
  return (
    <Group title={t.fleet.title}>
      <Button tone="danger" why={isStopping.value ? t.fleet.stopping : ''} onClick={() => { void stopAll(); }}>{t.fleet.stopAll}</Button>
      {fleet.value?.problem ? <p class="error" role="alert">{fleet.value.problem}</p> : null}
      {turrets.length === 0 ? <p class="quiet">{t.fields.loading}</p> : (
        <ul class="items fleet">{turrets.map((member) => <Card key={member.id} member={member} tick={tick.value} />)}</ul>
      )}
    </Group>
  );
}
