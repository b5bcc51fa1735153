// SPDX-License-Identifier: Apache-2.0
/** The page: header with the status strip, the video as the stage, and one view beside it. */

import type { Signal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';

import type { Stage as StageControls } from './state/actions';
import { t } from './text';
import { useApp, usePanel } from './ui/app_context';
import { Part } from './ui/boundary';
import { ActionButton, Button } from './ui/controls';
import { useMedia } from './ui/hooks';
import { Icon, type IconName } from './ui/icon';
import { degrees } from './state/format';
import { Feed } from './video/feed';
import { laserTone, layers, Stage } from './video/stage';
import { Aim } from './widgets/aim/aim';
import { Bags } from './widgets/bags/bags';
import { Camera } from './widgets/camera/camera';
import { Detector } from './widgets/detector/detector';
import { FireSettings } from './widgets/fire/fire_settings';
import { LaserHeadline, TriggerBar } from './widgets/fire/trigger_bar';
import { Guide } from './widgets/guide';
import { Badges } from './widgets/header/badges';
import { ConnectionLine } from './widgets/header/connection';
import { Control, ControlDialogs } from './widgets/header/control';
import { NoticeList } from './widgets/header/notices';
import { StopBanners, StopButton } from './widgets/header/stop';
import { FleetView, isFleet } from './widgets/fleet/fleet';
import { Help, isHelpOpen, Tour } from './widgets/help/help';
import { Bell } from './widgets/history/history';
import { PlanView } from './widgets/map/plan_view';
import { Media } from './widgets/media/media';
import { JogPad } from './widgets/move/jog_pad';
import { Move } from './widgets/move/move';
import { Patterns } from './widgets/patterns/patterns';
import { Plots } from './widgets/plots/workspace';
import { PresetChips, Presets } from './widgets/presets/presets';
import { ReplayBar } from './widgets/replay/replay';
import { Settings } from './widgets/settings/settings';
import { Setup } from './widgets/setup/setup';
import { StatusChips } from './widgets/status/chips';
import { System } from './widgets/system/system';
import { ModeChoice, Tracking } from './widgets/tracking/tracking';
import { Zones } from './widgets/zones/zones';

interface View { id: string; icon: IconName; isOffered?: () => boolean; render: () => VNode }

function useViews(feed: Feed, isNarrow: boolean): readonly View[] {
  const panel = usePanel();
  return useMemo<readonly View[]>(() => [
    {
      id: 'drive', icon: 'drive',
      render: () => (
        <>
          <Part name={t.tracking.title}><Tracking withMode={isNarrow} /></Part><Part name={t.fire.title}><FireSettings /></Part>
          <Part name={t.move.title}><Move /></Part>
        </>
      ),
    },
    { id: 'presets', icon: 'presets', render: () => <><Part name={t.presets.title}><Presets /></Part><Part name={t.patterns.title}><Patterns /></Part></> },
    { id: 'zones', icon: 'zones', isOffered: () => panel.offers('safety/set_zones'), render: () => <Zones feed={feed} /> },
    { id: 'aim', icon: 'aim', render: () => <Aim /> },
    { id: 'camera', icon: 'camera', render: () => <><Part name={t.camera.title}><Camera /></Part><Part name={t.detector.title}><Detector /></Part></> },
    { id: 'media', icon: 'media', isOffered: () => panel.offers('camera/list_media'), render: () => <Media /> },
    { id: 'bags', icon: 'bags', isOffered: () => panel.offers('bag/list'), render: () => <Bags /> },
    { id: 'plots', icon: 'plots', render: () => <Plots /> },
    { id: 'setup', icon: 'setup', render: () => <Setup /> },
    { id: 'settings', icon: 'settings', render: () => <Settings /> },
    { id: 'system', icon: 'system', render: () => <System /> },
    { id: 'fleet', icon: 'fleet', isOffered: isFleet, render: () => <FleetView /> },
  ], [panel, feed, isNarrow]);
}

function ViewTabs({ views, chosen, onChoose }: { views: readonly View[]; chosen: string; onChoose: (id: string) => void }): VNode {
  const shown = views.filter(({ isOffered }) => isOffered?.() !== false);
  const step = (by: number): void => {
    const index = shown.findIndex(({ id }) => id === chosen);
    const next = shown[(index + by + shown.length) % shown.length];
    if (next === undefined) return;
    onChoose(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <div
      class="rail" role="tablist" aria-label={t.views.title} aria-orientation="vertical"
      onKeyDown={(event) => {
        const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        step(by);
      }}
    >
      {shown.map(({ id, icon }) => (
        <button
          key={id} type="button" role="tab" id={`tab-${id}`} aria-controls="view" aria-selected={id === chosen} tabIndex={id === chosen ? 0 : -1}
          onClick={() => onChoose(id)}
        >
          <Icon name={icon} /><span>{t.views[id as keyof typeof t.views] as string}</span>
        </button>
      ))}
    </div>
  );
}

/** The tools in the corner of the video. */
function VideoTools({ feed }: { feed: Feed }): VNode {
  const { store } = usePanel();
  const isRecording = store.section('camera')?.recording.active ?? false;
  const pictureInPicture = (): void => {
    const canvas = document.querySelector<HTMLCanvasElement>('canvas.pixels');
    if (canvas === null) return;
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = canvas.captureStream();
    void video.play().then(() => video.requestPictureInPicture());
  };
  return (
    <div class="tools" role="toolbar" aria-label={t.video.tools}>
      <ActionButton id="still" icon="still" iconOnly />
      <ActionButton id="record" icon="record" iconOnly {...(isRecording ? { class: 'recording' } : {})} />
      <ActionButton id="zoomIn" icon="plus" iconOnly class="mouse" /><ActionButton id="zoomOut" icon="minus" iconOnly class="mouse" />
      <Button icon="tags" pressed={layers.value === 'all'} aria-label={t.system.layers} title={t.system.layers} onClick={() => { layers.value = layers.value === 'all' ? 'little' : 'all'; }} />
      {document.pictureInPictureEnabled ? <Button icon="pip" class="mouse" aria-label={t.video.pip} title={t.video.pip} onClick={pictureInPicture} /> : null}
      <ActionButton id="fullScreen" icon="expand" iconOnly />
      {feed.canChoose ? (
        <button type="button" class="transport" title={feed.isWebrtc.value ? t.video.webrtcTitle : t.video.mjpegTitle} onClick={() => feed.switchTransport()}>
          {feed.isWebrtc.value ? 'WebRTC' : 'MJPEG'}
        </button>
      ) : null}
    </div>
  );
}

function VideoFigures({ feed }: { feed: Feed }): VNode {
  const { store } = usePanel();
  const controller = store.current('controller');
  const rate = feed.rate.value;
  const size = feed.shown?.image;
  return (
    <p class="hud" data-testid="video-hud">
      {size === undefined ? '' : `${size.width}×${size.height} · ${rate === null ? '–' : rate} fps`}
      {controller?.aim_error === null || controller === null ? '' : ` · ${t.video.error(degrees(controller.aim_error, 2))}`}
    </p>
  );
}

/** The state of the laser in what can be seen from another tab: title and icon. */
function TabState(): null {
  const { panel } = useApp();
  const laser = panel.store.current('laser');
  const tone = laserTone(laser);
  const name = panel.config.namespace.replace(/^\//, '');
  useEffect(() => {
    document.title = t.page.titles[tone as keyof typeof t.page.titles](name);
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    const file = tone === 'emitting' ? 'icon-emitting.svg' : tone === 'armed' ? 'icon-armed.svg' : 'icon.svg';
    if (icon !== null && !icon.href.endsWith(`/${file}`)) icon.href = `./${file}`;
    if (tone === 'emitting') navigator.vibrate?.(80);
  }, [tone, name]);
  return null;
}

/** Keep the screen on while this panel has control. */
function WakeLock(): null {
  const { operator } = usePanel();
  const mine = operator.isOperator.value;
  const isPresent = operator.isPresent.value;
  useEffect(() => {
    if (!mine || !isPresent || !('wakeLock' in navigator)) return undefined;
    let lock: WakeLockSentinel | null = null;
    let isOver = false;
    navigator.wakeLock.request('screen').then((got) => {
      if (isOver) void got.release();
      else lock = got;
    }, () => undefined);
    return () => {
      isOver = true;
      void lock?.release();
    };
  }, [mine, isPresent]);
  return null;
}

/** Call `record` when a known value has changed; the first one is not a change. */
function useChange<T>(value: T | null, record: (value: T) => void): void {
  const before = useRef<T | null>(null);
  useEffect(() => {
    if (value === null) return;
    if (before.current !== null && before.current !== value) record(value);
    before.current = value;
  }, [value]);
}

/** Operator changes, stops and lost connections, for the history. */
function Recorder(): null {
  const { store, notices } = usePanel();
  const safety = store.section('safety');
  useChange(safety?.operator_name ?? null, (name) => notices.record(name === '' ? t.control.free : t.control.other(name)));
  useChange(safety?.software_stop ?? null, (isStopped) => notices.record(isStopped ? t.stop.banner : t.stop.cleared, isStopped ? 'warning' : 'plain'));
  useChange(store.status.value === null ? null : store.stale.value, (isStale) => notices.record(isStale ? t.connection.noConnection : t.connection.back, isStale ? 'bad' : 'plain'));
  return null;
}

export function AppPage({ stage, openView }: { stage: Signal<StageControls | null>; openView: Signal<boolean> }): VNode {
  const panel = usePanel();
  const feed = useMemo(() => new Feed(panel), [panel]);
  const isPhone = useMedia('(max-width: 819px)');
  const isLow = useMedia('(max-height: 520px) and (orientation: landscape)');
  const isSmall = isPhone || isLow;
  const isNarrow = useMedia('(max-width: 1279px)') || isSmall;
  const views = useViews(feed, isNarrow);
  const chosen = panel.view.value;
  const view = views.find(({ id }) => id === chosen) ?? views[0];
  const choose = (id: string): void => {
    const isSame = panel.view.value === id;
    panel.view.value = id;
    openView.value = isLow ? !(isSame && openView.value) : true;
  };
  return (
    <div class="app" data-small={isSmall} data-low={isLow} data-view={view?.id ?? ''} data-view-open={openView.value}>
      <header class="top">
        <div class="brand"><h1>{t.page.name}</h1><span>{panel.config.namespace}</span></div>
        <Part name={t.badges.title}><Badges /></Part>
        <Part name={t.connection.title}><ConnectionLine /></Part>
        <Part name={t.chips.title}><StatusChips /></Part>
        <Part name={t.control.title}><Control /></Part>
        <Part name={t.history.title}><Bell /></Part>
        <Button icon="help" tone="quiet" aria-label={t.help.open} onClick={() => { isHelpOpen.value = true; }} />
        {isSmall ? null : <StopButton />}
      </header>
      <div class="replay-row"><Part name={t.replay.bar}><ReplayBar /></Part></div>
      <div class="banners"><Part name={t.stop.button}><StopBanners /></Part></div>
      <main>
        <Part name={t.video.title}>
          <Stage feed={feed} controls={(controls) => { stage.value = controls; }}>
            <div class="stage-top"><LaserHeadline /><VideoFigures feed={feed} /><VideoTools feed={feed} /></div>
            {isSmall ? null : <Part name={t.presets.title}><PresetChips /></Part>}
            {isSmall && !isLow ? null : (
              <div class="stage-bar">
                <JogPad name="video" />
                {isNarrow ? null : <div class="stage-middle"><Guide /><ModeChoice /></div>}
                {isLow ? null : <TriggerBar />}
              </div>
            )}
            {isSmall ? null : <StopButton class="in-full-screen" />}
          </Stage>
        </Part>
        {isSmall ? <Guide /> : (
          <div class="under">
            {isNarrow ? <Guide /> : null}
            <div class="plan"><Part name={t.map.label}><PlanView feed={feed} /></Part></div>
          </div>
        )}
        {/* Created again for each view, so that each begins at its top. */}
        <section key={view?.id} class="view" id="view" role="tabpanel" aria-labelledby={`tab-${view?.id ?? ''}`} tabIndex={-1}>
          {view === undefined ? null : <Part name={t.views[view.id as keyof typeof t.views] as string}>{view.render()}</Part>}
        </section>
        <ViewTabs views={views} chosen={view?.id ?? ''} onChoose={choose} />
      </main>
      {isSmall ? (
        <section class="thumbs" aria-label={t.views.thumbs}><StopButton /><TriggerBar /></section>
      ) : null}
      <NoticeList />
      <ControlDialogs />
      <Help />
      <Tour />
      <TabState /><WakeLock /><Recorder />
    </div>
  );
}
