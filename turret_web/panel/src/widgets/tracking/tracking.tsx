// SPDX-License-Identifier: Apache-2.0
/** What moves the head, which target it follows, and the list of targets, which is the way to follow by keyboard. */

import type { VNode } from 'preact';

import { ControllerState, ReasonCode, Track } from '../../generated/interfaces';
import { degrees, percent } from '../../state/format';
import { sentence } from '../../state/guidance';
import { constantLabel, reasonName } from '../../state/reasons';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Group, Segmented, Select } from '../../ui/controls';
import { useEcho } from '../../ui/hooks';

const MODES = [
  { value: ControllerState.MODE_IDLE as number, label: t.tracking.idle, title: t.tracking.idleTitle },
  { value: ControllerState.MODE_MANUAL as number, label: t.tracking.manual, title: t.tracking.manualTitle },
  { value: ControllerState.MODE_TRACK as number, label: t.tracking.track, title: t.tracking.trackTitle },
  { value: ControllerState.MODE_OVERLAY as number, label: t.tracking.overlay, title: t.tracking.overlayTitle },
];
const PRIORITIES = Object.entries(ControllerState)
  .filter(([name]) => name.startsWith('PRIORITY_'))
  .map(([, value]) => ({ value: value as number, label: constantLabel(ControllerState, 'PRIORITY_', value) }));

/** The choice of what moves the head; used beside the video and in the view. */
export function ModeChoice(): VNode {
  const panel = usePanel();
  return (
    <Segmented
      label={t.tracking.mode} options={MODES} value={panel.store.current('controller')?.mode ?? null}
      why={panel.whyNotControl.value} onChange={(mode) => { void panel.command('controller/set_mode', { mode }); }}
    />
  );
}

export function Tracking({ withMode }: { withMode: boolean }): VNode {
  const panel = usePanel();
  const { store } = panel;
  const state = store.section('controller');
  const why = panel.whyNotControl.value;
  const priority = useEcho<number>(
    state?.priority ?? ControllerState.PRIORITY_LARGEST,
    async (value) => await panel.command('controller/select_target', { track_id: '', priority: value }) !== null);
  const select = (id: string): void => {
    void panel.command('controller/select_target', { track_id: id, priority: priority.value });
  };
  const tracks = store.stale.value ? [] : store.status.value?.tracks ?? [];
  const code = state?.code ?? 0;
  const isExpected = code === ReasonCode.OK || code === ReasonCode.NO_OPERATOR || code === ReasonCode.NO_TARGET;
  return (
    <Group title={t.tracking.title} section="controller" class="tracking">
      {withMode ? <ModeChoice /> : null}
      <div class="line">
        <Select label={t.tracking.priority} value={priority.value} options={PRIORITIES} why={why} onChange={priority.commit} />
        <div class="field"><span>{t.tracking.target}</span>
          <span class="value">
            {state?.target_id ? `${state.target_id} · ${constantLabel(ControllerState, 'TRACKING_', state.tracking).toLowerCase()}`
              : state?.selected_id ? t.tracking.notSeen(state.selected_id) : t.status.none}
          </span>
        </div>
        {state?.selected_id ? <Button why={why} onClick={() => select('')}>{t.tracking.byPriority}</Button> : null}
      </div>
      {tracks.length === 0 ? <p class="quiet">{t.tracking.noTracks}</p> : (
        <ul class="tracks" aria-label={t.status.tracks}>
          {tracks.map((track) => (
            <li key={track.id} data-target={track.id === state?.target_id}>
              <Button why={why} title={t.tracking.follow} pressed={track.id === state?.selected_id} onClick={() => select(track.id)}>
                {track.class_id || t.video.object} {track.id}
              </Button>
              <span class="quiet">
                {[
                  t.tracking.states[track.state] ?? constantLabel(Track, 'STATE_', track.state),
                  `${degrees(track.azimuth)} / ${degrees(track.elevation)}`, percent(track.confidence),
                ].join(' · ')}
              </span>
            </li>
          ))}
        </ul>
      )}
      <p class="why" role="status" title={reasonName(code)}>{isExpected ? why : state?.message || sentence(code)}</p>
    </Group>
  );
}
