// SPDX-License-Identifier: Apache-2.0
/** This browser and who else is connected: theme, shortcuts, name, clients, and how well each of them is served. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

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
  connected_s: number;
  round_trip_s: number | null;
  deflate: boolean;
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

function Clients(): VNode {
  const panel = usePanel();
  const found = useSignal<readonly (Client & { rate: number | null })[] | null>(null);
  const problem = useSignal('');
  const before = useRef(new Map<number, { bytes: number; at: number }>());
  useEffect(() => {
    let isGone = false;
    const ask = async (): Promise<void> => {
      try {
        const answer = await fetch('api/clients', { cache: 'no-store', signal: AbortSignal.timeout(PERIOD_MS) });
        if (!answer.ok) throw new Error(t.system.noClients(answer.status));
        const clients = (await answer.json()) as Client[];
        if (isGone) return;
        const now = performance.now();
        found.value = clients.map((client) => {
          const old = before.current.get(client.id);
          before.current.set(client.id, { bytes: client.sent_bytes_total, at: now });
          const rate = old === undefined ? null : ((client.sent_bytes_total - old.bytes) * 1000) / Math.max(1, now - old.at);
          return { ...client, rate };
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
        {problem.value || (found.value === null ? t.fields.loading : counted(found.value.length, t.system.connection, t.system.connections))}
      </p>
      <p class="quiet">{t.system.twoEach} {holder === '' ? '' : t.control.other(holder)}</p>
      {found.value === null ? null : (
        <div class="scroll" tabIndex={0} role="region" aria-label={t.system.list}>
          <table class="clients">
            <thead><tr>{t.system.columns.map((text) => <th key={text} scope="col">{text}</th>)}</tr></thead>
            <tbody>
              {found.value.map((client) => (
                <tr key={client.id}>
                  <td>{client.client}{client.deflate ? ` · ${t.system.deflated}` : ''}</td>
                  <td>{duration(client.connected_s)}</td>
                  <td>{milliseconds(client.round_trip_s)}</td>
                  <td>{client.rate === null ? bytes(client.sent_bytes_total) : `${bytes(client.rate)}/s`}</td>
                  <td>{t.status.of(client.dropped_messages_total, client.sent_messages_total + client.dropped_messages_total)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Group>
  );
}
