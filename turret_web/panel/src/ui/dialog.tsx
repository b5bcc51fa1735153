// SPDX-License-Identifier: Apache-2.0
/** Windows over the page: dialogs in the middle, drawers under a button. STOP stays in reach of both. */

import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { t } from '../text';
import { Button } from './controls';
import { useWindow } from './hooks';

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  class?: string;
}

/** Keep the focus of the tab key inside an element. */
function keepFocus(event: KeyboardEvent, within: HTMLElement): void {
  if (event.key !== 'Tab') return;
  const all = [...within.querySelectorAll<HTMLElement>('button:not(:disabled), input:not(:disabled), select, a[href], [tabindex="0"]')];
  const [first, last] = [all.at(0), all.at(-1)];
  if (event.shiftKey && document.activeElement === first) last?.focus();
  else if (!event.shiftKey && document.activeElement === last) first?.focus();
  else return;
  event.preventDefault();
}

export function Dialog({ title, onClose, children, class: extra }: Props): VNode {
  const id = useWindow(true, onClose);
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => { (element.current?.querySelector<HTMLElement>('[autofocus]') ?? element.current)?.focus(); }, []);
  return (
    <div class="shade" onPointerDown={(event) => { if (event.target === event.currentTarget) onClose(); }}>
      <div
        ref={element} class={`dialog ${extra ?? ''}`} role="dialog" aria-modal="true" aria-labelledby={id} tabIndex={-1}
        onKeyDown={(event) => { if (element.current !== null) keepFocus(event, element.current); }}
      >
        <header><h2 id={id}>{title}</h2><Button tone="quiet" icon="close" aria-label={t.fields.close} onClick={onClose} /></header>
        <div class="body">{children}</div>
      </div>
    </div>
  );
}

/** A window that hangs under what opened it and closes on a click elsewhere. */
export function Drawer({ title, onClose, children, class: extra }: Props): VNode {
  const id = useWindow(true, onClose);
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const outside = (event: PointerEvent): void => {
      const opener = element.current?.parentElement;
      if (event.target instanceof Node && !opener?.contains(event.target)) onClose();
    };
    element.current?.focus({ preventScroll: true });
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [onClose]);
  return (
    <div ref={element} class={`drawer ${extra ?? ''}`} role="dialog" aria-labelledby={id} tabIndex={-1}>
      <header><h2 id={id}>{title}</h2><Button tone="quiet" icon="close" aria-label={t.fields.close} onClick={onClose} /></header>
      <div class="body">{children}</div>
    </div>
  );
}
