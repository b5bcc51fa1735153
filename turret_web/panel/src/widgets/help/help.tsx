// SPDX-License-Identifier: Apache-2.0
/** The legend of keys, and the tour of the first visit. */

import { signal, useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';

import { shortcuts, tourSeen } from '../../state/settings';
import { t } from '../../text';
import { useApp } from '../../ui/app_context';
import { Button, Check } from '../../ui/controls';
import { Dialog } from '../../ui/dialog';
import { useWindow } from '../../ui/hooks';

export const isHelpOpen = signal(false);

export function Help(): VNode | null {
  const { actions } = useApp();
  if (!isHelpOpen.value) return null;
  return (
    <Dialog title={t.help.title} onClose={() => { isHelpOpen.value = false; }} class="help">
      <dl class="legend">
        <div><dt><kbd>Esc</kbd></dt><dd>{t.help.escape}</dd></div>
        {[...actions.values()].filter(({ keys }) => keys !== '').map(({ id, keys, label, whyNot }) => (
          <div key={id}>
            <dt><kbd>{keys}</kbd></dt><dd>{label()}{whyNot() === '' ? '' : <span class="quiet"> {whyNot()}</span>}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">{t.help.hold}</p>
      <p class="quiet">{t.help.video}</p>
      <p class="quiet">{t.help.gamepad}</p>
      <Check label={t.system.shortcuts} checked={shortcuts.value === 'on'} onChange={(on) => { shortcuts.value = on ? 'on' : 'off'; }} />
    </Dialog>
  );
}

/** Four steps that point at what matters; shown once, and again from the system view. */
export function Tour(): VNode | null {
  const step = useSignal(0);
  const isOpen = tourSeen.value !== 'yes';
  const end = (): void => {
    tourSeen.value = 'yes';
    step.value = 0;
  };
  const id = useWindow(isOpen, end);
  const steps = t.tour.steps;
  const now = steps[step.value];
  const selector = now?.selector ?? '';
  useEffect(() => {
    if (!isOpen || selector === '') return undefined;
    const found = document.querySelector(selector);
    found?.classList.add('pointed');
    return () => found?.classList.remove('pointed');
  }, [selector, isOpen]);
  if (!isOpen || now === undefined) return null;
  const isLast = step.value === steps.length - 1;
  return (
    <div class="tour" role="dialog" aria-labelledby={id}>
      <h2 id={id}>{now.title}</h2>
      <p>{now.text}</p>
      <div class="line">
        <span class="quiet">{t.tour.step(step.value + 1, steps.length)}</span><span class="push" />
        <Button tone="quiet" onClick={end}>{t.tour.skip}</Button>
        <Button tone="primary" onClick={() => { if (isLast) end(); else step.value += 1; }}>{isLast ? t.tour.done : t.tour.next}</Button>
      </div>
    </div>
  );
}
