// SPDX-License-Identifier: Apache-2.0
/** This browser and who else is connected: theme, shortcuts, name, clients, and how well each of them is served. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { PAGE } from '../../bridge/config';
import { bytes, counted, duration, milliseconds } from '../../state/format';
import { gamepadName } from '../../state/gamepad';
import { operatorName, shortcuts, theme, tourSeen } from '../../state/settings';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Check, Field, Group, Segmented } from '../../ui/controls';
import { layers } from '../../video/stage';

const PERIOD_MS = 2000;

/** One entry of `/api/clients`. */
interface Client {
  id: number;
  client: string;
  /** What it calls itself, and the page that it belongs to; empty = unknown. */
  label: string;
  page: string;
  role: string;
  connected_s: number;
  round_trip_s: number | null;
  sent_bytes_total: number;
  sent_messages_total: number;
  dropped_messages_total: number;
}

export function System(): VNode {
  const panel = usePanel();
  return (
    <>
      <Group title={t.system.title}>
        <Segmented
          label={t.system.theme} value={theme.value} onChange={(value) => { theme.value = value; }}
          options={[{ value: 'auto', label: t.system.auto }, { value: 'dark', label: t.system.dark }, { value: 'light', label: t.system.light }]}
        />
        <Field label={t.control.name}>
          <input type="text" maxLength={40} value={operatorName.value} onInput={(event) => { operatorName.value = event.currentTarget.value; }} />
        </Field>
        <Check label={t.system.shortcuts} checked={shortcuts.value === 'on'} onChange={(on) => { shortcuts.value = on ? 'on' : 'off'; }} />
        <Check label={t.system.layers} checked={layers.value === 'all'} onChange={(on) => { layers.value = on ? 'all' : 'little'; }} />
        <div class="line">
          <Button onClick={() => { tourSeen.value = 'no'; }}>{t.system.tour}</Button>
          <span class="quiet">{gamepadName.value === '' ? t.system.noGamepad : t.system.gamepad(gamepadName.value)}</span>
        </div>
        {panel.config.signIn ? <form method="post" action="sign-out"><button type="submit">{t.system.signOut}</button></form> : null}
      </Group>
      <Clients />
    </>
  );
}

/** One browser or program: its connections together. */
interface Visitor { id: string; name: string; role: string; isMine: boolean; connected: number; roundTrip: number | null; bytes: number; sent: number; dropped: number; rate: number | null }

/** The connections of one page as one row, this page first. */
export function visitors(clients: readonly Client[]): Visitor[] {
  const found = new Map<string, Visitor>();
  for (const client of clients) {
    const id = client.page || String(client.id);
    const other = found.get(id);
    found.set(id, {
      id, name: client.label || client.client, role: client.role, isMine: client.page === PAGE,
      connected: Math.max(other?.connected ?? 0, client.connected_s), roundTrip: client.round_trip_s ?? other?.roundTrip ?? null,
      bytes: (other?.bytes ?? 0) + client.sent_bytes_total, sent: (other?.sent ?? 0) + client.sent_messages_total,
      dropped: (other?.dropped ?? 0) + client.dropped_messages_total, rate: null,
    });
  }
  return [...found.values()].sort((a, b) => Number(b.isMine) - Number(a.isMine));
}

function Clients(): VNode {
  const panel = usePanel();
  const found = useSignal<readonly Visitor[] | null>(null);
  const problem = useSignal('');
  const before = useRef(new Map<string, { bytes: number; at: number }>());
  useEffect(() => {
    let isGone = false;
    const ask = async (): Promise<void> => {
      try {
        const answer = await fetch('api/clients', { cache: 'no-store', signal: AbortSignal.timeout(PERIOD_MS) });
        if (!answer.ok) throw new Error(t.system.noClients(answer.status));
        const clients = visitors((await answer.json()) as Client[]);
        if (isGone) return;
        const now = performance.now();
        found.value = clients.map((client) => {
          const old = before.current.get(client.id);
          before.current.set(client.id, { bytes: client.bytes, at: now });
          return { ...client, rate: old === undefined ? null : ((client.bytes - old.bytes) * 1000) / Math.max(1, now - old.at) };
        });
        problem.value = '';
      } catch (error) {
        problem.value = (error as Error).message;
      }
    };
    void ask();
    const timer = setInterval(() => { void ask(); }, PERIOD_MS);
    return () => {
      isGone = true;
      clearInterval(timer);
    };
  }, []);
  const holder = panel.store.section('safety')?.operator_name ?? '';
  return (
    <Group title={t.system.clients}>
      <p class="quiet" role="status">
        {problem.value || (found.value === null ? t.fields.loading : counted(found.value.length, t.system.client, t.system.clientsMany))}
      </p>
      {holder === '' ? null : <p class="quiet">{t.control.other(holder)}</p>}
      {found.value === null ? null : (
        <div class="scroll" tabIndex={0} role="region" aria-label={t.system.list}>
          <table class="clients">
            <thead><tr>{t.system.columns.map((text) => <th key={text} scope="col">{text}</th>)}</tr></thead>
            <tbody>
              {found.value.map((client) => (
                <tr key={client.id} data-mine={client.isMine}>
                  <td>{client.name}{client.isMine ? <strong class="you"> {t.system.you}</strong> : null}</td>
                  <td>{t.system.roles[client.role] ?? client.role}</td>
                  <td>{duration(client.connected)}</td>
                  <td>{milliseconds(client.roundTrip)}</td>
                  <td>{client.rate === null ? bytes(client.bytes) : `${bytes(Math.max(0, client.rate))}/s`}</td>
                  <td>{t.status.of(client.dropped, client.sent + client.dropped)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Group>
  );
}
