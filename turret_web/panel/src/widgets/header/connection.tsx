// SPDX-License-Identifier: Apache-2.0
/** Whether the panel receives the turret's status: connection, status count and age. */

import type { VNode } from 'preact';

import { age } from '../../state/format';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';

export function ConnectionLine(): VNode {
  const { store } = usePanel();
  const connection = store.connection.value;
  const state = connection !== 'open' ? connection : store.stale.value ? 'silent' : 'live';
  const status = store.status.value;
  return (
    <div class="connection" data-state={state} title={t.connection.title}>
      <span class="dot" aria-hidden="true" />
      <span class="label" role="status">{t.connection[state]}</span>
      <span class="beat">
        <span class="count" data-testid="status-seq">{status === null ? '' : `#${status.seq}`}</span>
        <StatusAge />
      </span>
    </div>
  );
}

function StatusAge(): VNode {
  const { store } = usePanel();
  return <span class="age" data-testid="status-age">{store.status.value === null ? '' : age(store.statusAge(store.now.value))}</span>;
}
