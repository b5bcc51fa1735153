// SPDX-License-Identifier: Apache-2.0
/**
 * A pad to drag: how far the knob is from where the drag began is the rate, so a touch alone moves nothing. A finger
 * must begin on the knob; elsewhere on the pad it scrolls the page.
 */

import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { t } from '../../text';
import { useApp } from '../../ui/app_context';

export function JogPad({ name }: { name: string }): VNode {
  const { jog, panel } = useApp();
  const knob = useRef<HTMLSpanElement>(null);
  const from = useRef<{ x: number; y: number } | null>(null);
  const source = `pad:${name}`;
  const why = panel.whyNotControl.value;
  const end = (): void => {
    from.current = null;
    jog.release(source);
    if (knob.current !== null) knob.current.style.transform = '';
  };
  useEffect(() => end, []);
  useEffect(() => { if (why !== '') end(); }, [why]);
  const drag = (pad: HTMLElement, event: PointerEvent): void => {
    if (from.current === null) return;
    const radius = pad.clientWidth / 2;
    let [x, y] = [event.clientX - from.current.x, event.clientY - from.current.y];
    const excess = Math.hypot(x, y) / radius;
    if (excess > 1) [x, y] = [x / excess, y / excess];
    if (knob.current !== null) knob.current.style.transform = `translate(${x * 0.66}px, ${y * 0.66}px)`;
    if (!jog.hold(source, { pan: -x / radius, tilt: -y / radius })) end();
  };
  return (
    <div
      class="jog-pad" role="application" aria-label={t.move.pad} aria-disabled={why !== ''} title={why || t.move.pad}
      onPointerDown={(event) => {
        const onKnob = event.target === knob.current;
        if (why !== '' || event.button !== 0 || (event.pointerType === 'touch' && !onKnob)) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = { x: event.clientX, y: event.clientY };
      }}
      onPointerMove={(event) => drag(event.currentTarget, event)}
      onPointerUp={end} onPointerCancel={end} onLostPointerCapture={end}
    >
      <span class="knob" ref={knob} />
    </div>
  );
}
