/** Who is connected to the bridge, and how well each of them is served. */

import { h, setList, setText } from '../dom';
import { bytes, duration, milliseconds } from '../format';
import type { Panel, Widget } from '../panel';

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

export function clients(panel: Panel): Widget {
  const list = h('tbody');
  const count = h('p', { class: 'quiet' });
  const element = h('div', { class: 'stack' }, count, h('table', { class: 'clients' },
    h('thead', {}, h('tr', {}, ...['Client', 'Since', 'Round trip', 'Sent', 'Dropped'].map((name) => h('th', {}, name)))),
    list));
  const sentBefore = new Map<number, { bytes: number; at: number }>();
  let askedAt = -Infinity;

  async function ask(): Promise<void> {
    const answer = await fetch('api/clients', { cache: 'no-store', signal: AbortSignal.timeout(PERIOD_MS) });
    if (!answer.ok) throw new Error(`the list of clients answered ${answer.status}`);
    show((await answer.json()) as Client[], performance.now());
  }

  function show(found: readonly Client[], now: number): void {
    setText(count, `${found.length} connected`);
    setList(list, found, ({ id }) => String(id), () => h('tr', {}, ...Array.from({ length: 5 }, () => h('td'))));
    found.forEach((client, i) => {
      const before = sentBefore.get(client.id);
      sentBefore.set(client.id, { bytes: client.sent_bytes_total, at: now });
      const rate = before === undefined ? null : (client.sent_bytes_total - before.bytes) / ((now - before.at) / 1000);
      const texts = [
        client.client + (client.deflate ? ' · deflated' : ''),
        duration(client.connected_s),
        milliseconds(client.round_trip_s),
        rate === null ? bytes(client.sent_bytes_total) : `${bytes(rate)}/s`,
        `${client.dropped_messages_total} of ${client.sent_messages_total + client.dropped_messages_total}`,
      ];
      [...(list.children[i] as HTMLElement).children].forEach((cell, j) => setText(cell, texts[j] ?? ''));
    });
  }

  return {
    element,
    update(now) {
      if (element.offsetParent === null || now - askedAt < PERIOD_MS || panel.store.connection !== 'open') return;
      askedAt = now;
      ask().catch((error: unknown) => setText(count, (error as Error).message));
    },
  };
}
