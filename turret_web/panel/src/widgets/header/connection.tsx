// SPDX-License-Identifier: Apache-2.0
/** Whether the panel receives the turret's status: connection, status count and age. */

import { useComputed } from '@preact/signals';
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
  // In whole seconds, so that the header is not laid out again ten times a second.
  const seconds = useComputed(() => (store.status.value === null ? null : Math.floor(store.statusAge(store.now.value) ?? 0)));
  return <span class="age" data-testid="status-age">{seconds.value === null ? '' : age(seconds.value)}</span>;
}
