// SPDX-License-Identifier: Apache-2.0
/** Who has control, and taking, taking over and releasing it. The name is asked once. */

import { signal, useSignal } from '@preact/signals';
import type { VNode } from 'preact';

import { ReasonCode } from '../../generated/interfaces';
import { deviceName, operatorName } from '../../state/settings';
import type { Panel } from '../../state/panel';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { ActionButton, Button, Field } from '../../ui/controls';
import { Dialog } from '../../ui/dialog';

/** What is being asked: "" nothing, "name", or "take-over". */
const asked = signal<'' | 'name' | 'take-over'>('');

export async function acquire(panel: Panel, takeOver: boolean): Promise<void> {
  asked.value = '';
  try {
    const response = await panel.operator.acquire(operatorName.value.trim() || deviceName(navigator.userAgent), takeOver);
    if (response.success) return;
    if (response.code === ReasonCode.LEASE_TAKEN) asked.value = 'take-over';
    else panel.notices.refused('safety/acquire_lease', response.code, response.message);
  } catch (error) {
    panel.notices.failed(t.control.failed((error as Error).message));
  }
}

/** Take control; asks for the name first where it is not known. */
export function askControl(panel: Panel): void {
  if (operatorName.value.trim() === '') asked.value = 'name';
  else void acquire(panel, false);
}

export function Control(): VNode {
  const panel = usePanel();
  const { operator, store, mayOperate } = panel;
  const mine = operator.isOperator.value;
  const other = store.section('safety')?.operator_name ?? '';
  const isPresent = operator.isPresent.value;
  const isUnknown = store.stale.value;
  const state = mine ? (isPresent ? 'mine' : 'away') : other === '' ? 'free' : 'other';
  const holder = mine
    ? (isPresent ? t.control.mine : t.control.away)
    : isUnknown ? t.control.unknown : other === '' ? t.control.free : t.control.other(other);
  return (
    <div class="control" data-state={state}>
      <span class="holder" data-testid="operator">{mayOperate ? holder : t.control.watching(holder)}</span>
      {!mayOperate ? null : mine ? <ActionButton id="releaseControl" /> : <ActionButton id="takeControl" tone="primary" />}
    </div>
  );
}

/** The questions that taking control asks. */
export function ControlDialogs(): VNode | null {
  const panel = usePanel();
  const name = useSignal('');
  const close = (): void => { asked.value = ''; };
  if (asked.value === 'name') {
    return (
      <Dialog title={t.control.askName} onClose={close}>
        <form onSubmit={(event) => {
          event.preventDefault();
          operatorName.value = name.value.trim() || deviceName(navigator.userAgent);
          void acquire(panel, false);
        }}
        >
          <p>{t.control.whyName}</p>
          <Field label={t.control.name}>
            <input
              type="text" maxLength={40} autofocus placeholder={deviceName(navigator.userAgent)} value={name.value}
              onInput={(event) => { name.value = event.currentTarget.value; }}
            />
          </Field>
          <div class="line end">
            <Button onClick={close}>{t.fields.cancel}</Button>
            <button type="submit" class="primary">{t.control.take}</button>
          </div>
        </form>
      </Dialog>
    );
  }
  if (asked.value === 'take-over') {
    const other = panel.store.section('safety')?.operator_name || t.control.another;
    return (
      <Dialog title={t.control.takeOverTitle} onClose={close} class="take-over">
        <p>{t.control.takeOverText(other)}</p>
        <div class="line end">
          <Button autofocus onClick={close}>{t.fields.cancel}</Button>
          <Button tone="danger" onClick={() => { void acquire(panel, true); }}>{t.control.takeOver}</Button>
        </div>
      </Dialog>
    );
  }
  return null;
}
