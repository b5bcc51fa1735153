// SPDX-License-Identifier: Apache-2.0
/** The status as a strip of chips, one per section: one figure and a dot. Each opens a drawer with everything else. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useCallback } from 'preact/hooks';

import type { SectionName, Sections } from '../../bridge/sections';
import { CameraState, ControllerState, LaserState, ReasonCode, SafetyState } from '../../generated/interfaces';
import { age, bytes, degrees, duration, number } from '../../state/format';
import { lastDisarm, presentReasons, sentence } from '../../state/guidance';
import type { Tone } from '../../state/notices';
import { constantLabel, reasonName } from '../../state/reasons';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Drawer } from '../../ui/dialog';
import { ROWS, type Row } from './rows';

interface Chip<T> { label: string; figure: (state: T) => string; tone: (state: T) => Tone }
type Chips = { readonly [K in SectionName]: Chip<Sections[K]> };

/** What the controller reports while nothing is wrong. */
const EXPECTED: readonly number[] = [ReasonCode.NO_OPERATOR, ReasonCode.NO_TARGET];

const CHIPS: Chips = {
  safety: {
    label: t.chips.safety,
    figure: (f) => (f.software_stop ? t.chips.stopped : f.laser_ok ? t.chips.permitted : t.chips.inhibited),
    tone: (f) => (f.software_stop || f.estop >= SafetyState.ESTOP_PRESSED ? 'bad' : f.laser_ok ? 'good' : 'plain'),
  },
  laser: {
    label: t.chips.laser,
    figure: (l) => constantLabel(LaserState, 'STATE_', l.state),
    tone: (l) => (l.emitting || l.state === LaserState.STATE_FAULT ? 'bad' : l.state === LaserState.STATE_OFF ? 'plain' : 'warning'),
  },
  gimbal: {
    label: t.chips.gimbal,
    figure: (g) => `${degrees(g.pan.position, 0)} / ${degrees(g.tilt.position, 0)}`,
    tone: (g) => (g.code !== 0 || !g.pan.homed || !g.tilt.homed ? 'warning' : 'good'),
  },
  controller: {
    label: t.chips.controller,
    figure: (c) => (c.aim_error === null ? constantLabel(ControllerState, 'MODE_', c.mode) : `± ${degrees(c.aim_error, 1)}`),
    tone: (c) => (c.code === 0 || EXPECTED.includes(c.code) || c.mode === ControllerState.MODE_IDLE ? 'good' : 'warning'),
  },
  vision: {
    label: t.chips.vision,
    figure: (v) => (v.detection.enabled ? t.chips.tracks(v.track_count) : t.status.off),
    tone: (v) => (v.code !== 0 ? 'warning' : 'good'),
  },
  camera: {
    label: t.chips.camera,
    figure: (c) => (c.recording.active ? `● ${duration(c.recording.duration_s)}` : number(c.rate_hz, 0, 'fps')),
    tone: (c) => (c.status === CameraState.STATUS_STREAMING ? 'good' : 'warning'),
  },
  bag: {
    label: t.chips.bag,
    figure: (b) => (b.recording ? `● ${duration(b.duration_s)}` : bytes(b.free_space)),
    tone: (b) => (b.code !== 0 || b.dropped > 0 ? 'warning' : 'good'),
  },
};

const ORDER: readonly SectionName[] = ['safety', 'laser', 'gimbal', 'controller', 'vision', 'camera', 'bag'];

export function StatusChips(): VNode {
  const open = useSignal<SectionName | null>(null);
  return (
    <nav class="chips" aria-label={t.chips.title}>
      {ORDER.map((name) => <ChipButton key={name} name={name} open={open.value} onOpen={(next) => { open.value = next; }} />)}
    </nav>
  );
}

function ChipButton<K extends SectionName>(
  { name, open, onOpen }: { name: K; open: SectionName | null; onOpen: (name: SectionName | null) => void },
): VNode {
  const { store } = usePanel();
  const state = store.section(name);
  const { label, figure, tone } = CHIPS[name] as Chip<Sections[K]>;
  const isUnknown = state === null || store.stale.value;
  const isOld = store.old[name].value;
  const close = useCallback(() => onOpen(null), []);
  return (
    <div class="opener">
      <button
        type="button" class="chip" data-section={name} data-old={isOld} data-tone={isUnknown || isOld ? 'unknown' : tone(state)}
        aria-expanded={open === name} onClick={() => onOpen(open === name ? null : name)}
      >
        <span class="dot" aria-hidden="true" /><span class="name">{label}</span>
        <span class="figure">{isUnknown ? t.chips.unknown : isOld ? age(store.sectionAge(name, store.now.value)) : figure(state)}</span>
      </button>
      {open === name ? <SectionDrawer name={name} label={label} onClose={close} /> : null}
    </div>
  );
}

function SectionDrawer<K extends SectionName>({ name, label, onClose }: { name: K; label: string; onClose: () => void }): VNode {
  const { store } = usePanel();
  const state = store.section(name);
  const rows = ROWS[name] as readonly Row<Sections[K]>[];
  const now = store.now.value;
  return (
    <Drawer title={`${label} · ${age(store.sectionAge(name, now))}`} onClose={onClose} class="section">
      <dl data-old={store.isSectionOld(name, now)}>
        {rows.map(({ label: text, value, title, tone }) => (
          <div key={text}>
            <dt>{text}</dt>
            <dd title={state === null ? '' : title?.(state) ?? ''} data-tone={state === null ? 'plain' : tone?.(state) ?? 'plain'}>{state === null ? '–' : value(state)}</dd>
          </div>
        ))}
      </dl>
      {state !== null && state.message !== undefined && 'message' in state && state.message !== '' ? <p class="quiet">{state.message}</p> : null}
      {name === 'laser' || name === 'safety' ? <Reasons /> : null}
    </Drawer>
  );
}

/** Why there is no emission now, and why it was last disarmed, apart from each other. */
export function Reasons(): VNode | null {
  const { store } = usePanel();
  const [laser, safety] = [store.current('laser'), store.current('safety')];
  const present = presentReasons(laser, safety);
  const past = lastDisarm(laser, safety);
  return (
    <>
      {present.length === 0 ? null : (
        <ul class="reasons" aria-label={t.fire.whyNoEmission}>
          {present.map((code) => <li key={code} title={reasonName(code)}>{sentence(code)}</li>)}
        </ul>
      )}
      {past === 0 ? null : <p class="quiet" title={reasonName(past)}>{t.fire.lastDisarm(sentence(past))}</p>}
    </>
  );
}

