// SPDX-License-Identifier: Apache-2.0
/** The bell: everything that was reported, and the faults that the turret keeps. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';

import { Fault } from '../../generated/interfaces';
import { age, clockTime } from '../../state/format';
import { reasonName, reasonText } from '../../state/reasons';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button } from '../../ui/controls';
import { Drawer } from '../../ui/dialog';

export function FaultItem({ fault, since }: { fault: Fault; since: number }): VNode {
  return (
    <li data-tone={!fault.active ? 'plain' : fault.severity === Fault.SEVERITY_ERROR ? 'bad' : 'warning'}>
      <strong class="reason">{reasonName(fault.code)}</strong><span class="source">{fault.node}</span>
      <span class="age">{fault.age_s === null ? '' : t.status.ago(age(fault.age_s + since))}{fault.active ? '' : ` · ${t.history.over}`}</span>
      <p>{fault.message || reasonText(fault.code)}</p>
    </li>
  );
}

export function Bell(): VNode {
  const { notices, store } = usePanel();
  const isOpen = useSignal(false);
  const faults = store.status.value?.faults.length ?? 0;
  const count = notices.unread.value + faults;
  return (
    <div class="opener bell">
      <Button
        icon="bell" tone="quiet" aria-label={t.history.open(count)} aria-expanded={isOpen.value}
        onClick={() => { isOpen.value = !isOpen.value; notices.unread.value = 0; }}
      >
        {count > 0 ? <span class="count" data-tone={faults > 0 ? 'bad' : 'warning'}>{count}</span> : null}
      </Button>
      {isOpen.value ? <History onClose={() => { isOpen.value = false; }} /> : null}
    </div>
  );
}

function History({ onClose }: { onClose: () => void }): VNode {
  const panel = usePanel();
  const past = useSignal<readonly Fault[] | null>(null);
  useEffect(() => {
    void panel.command('status/get_faults', { active_only: false }).then((answer) => { past.value = answer?.faults ?? []; });
  }, []);
  const now = panel.store.status.value?.faults ?? [];
  const over = past.value?.filter((fault) => !fault.active) ?? [];
  const since = panel.store.statusAge(panel.store.now.value) ?? 0;
  const { history } = panel.notices;
  return (
    <Drawer title={t.history.title} onClose={onClose} class="history">
      <h3>{t.history.faultsNow}</h3>
      {now.length === 0 ? <p class="quiet">{t.history.noFaults}</p> : (
        <ul class="faults">{now.map((fault) => <FaultItem key={`${fault.node}/${fault.code}`} fault={fault} since={since} />)}</ul>
      )}
      <h3>{t.history.faultsBefore}</h3>
      {past.value === null ? <p class="quiet">{t.fields.loading}</p> : over.length === 0 ? <p class="quiet">{t.history.noFaults}</p> : (
        <ul class="faults">{over.map((fault, i) => <FaultItem key={i} fault={fault} since={0} />)}</ul>
      )}
      <h3>{t.history.panel}</h3>
      {history.value.length === 0 ? <p class="quiet">{t.history.nothing}</p> : (
        <ul class="faults">
          {history.value.map(({ id, tone, title, source, message, at, count }) => (
            <li key={id} data-tone={tone}>
              {title === '' ? null : <strong class="reason">{title}</strong>}<span class="source">{source}</span>
              <span class="age">{clockTime(at)}{count > 1 ? ` · ${t.notices.times(count)}` : ''}</span>
              <p>{message}</p>
            </li>
          ))}
        </ul>
      )}
    </Drawer>
  );
}
