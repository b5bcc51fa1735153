// SPDX-License-Identifier: Apache-2.0
/** The plan view as a component; in the zones view, zones are drawn, moved and resized on it. */

import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { Zone, type GimbalState } from '../../generated/interfaces';
import { theme } from '../../state/settings';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { useMedia } from '../../ui/hooks';
import type { Feed } from '../../video/feed';
import type { Pose } from '../../video/projection';
import { draftZones } from '../zones/draft_signal';
import { drawMap, MapScale, type Range } from './map';

/** Nearer than this to an edge is the edge [px]. */
const GRIP_PX = 8;
/** A zone must be at least this large [rad]. */
const MIN_SIZE = 0.01;
const DRAW_MS = 200;

type Edge = 'pan_min' | 'pan_max' | 'tilt_min' | 'tilt_max';

export function rangeOf(gimbal: GimbalState | null): Range {
  return {
    left: gimbal?.pan.upper ?? 1.65, right: gimbal?.pan.lower ?? -1.65,
    bottom: gimbal?.tilt.lower ?? -0.7, top: gimbal?.tilt.upper ?? 0.95,
  };
}

interface Props {
  feed: Feed;
  chosen?: string;
  /** Changes of a zone by dragging; `null` as index is a new zone. Absent = the map is for looking only. */
  onEdit?: (index: number | null, zone: Pick<Zone, Edge>) => void;
  onChoose?: (name: string) => void;
}

export function PlanView({ feed, chosen = '', onEdit, onChoose }: Props): VNode {
  const panel = usePanel();
  const canvas = useRef<HTMLCanvasElement>(null);
  const isLight = useMedia('(prefers-color-scheme: light)');
  const edit = useRef(onEdit);
  edit.current = onEdit;
  const choose = useRef(onChoose);
  choose.current = onChoose;
  const isEditable = onEdit !== undefined;

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return undefined;
    const { store } = panel;
    const style = getComputedStyle(document.documentElement);
    const cache = new Map<string, string>();
    const token = (name: string): string => {
      const found = cache.get(name) ?? style.getPropertyValue(name).trim();
      cache.set(name, found);
      return found;
    };
    let drag: { index: number; edges: Edge[]; from: Pose; zone: Zone } | { from: Pose; to: Pose } | null = null;
    const size = (): { width: number; height: number } => ({ width: element.clientWidth, height: element.clientHeight });
    const zones = (): readonly Zone[] => draftZones.peek() ?? store.section('safety')?.zones ?? [];

    const draw = (): void => {
      const { width, height } = size();
      if (width === 0) return;
      const ratio = window.devicePixelRatio;
      if (element.width !== Math.round(width * ratio)) Object.assign(element, { width: Math.round(width * ratio) });
      if (element.height !== Math.round(height * ratio)) Object.assign(element, { height: Math.round(height * ratio) });
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      const gimbal = store.current('gimbal');
      const { pan, tilt } = { pan: gimbal?.pan.position ?? null, tilt: gimbal?.tilt.position ?? null };
      const lens = feed.lens;
      const camera = store.section('camera');
      const shown = drag !== null && 'to' in drag ? [...zones(), rectangle(drag.from, drag.to)] : zones();
      drawMap(context, { width, height }, {
        range: rangeOf(store.section('gimbal')), pose: pan === null || tilt === null ? null : { pan, tilt },
        view: lens === null || lens.onBase || camera === null || camera.width === 0 ? null
          : { pan: Math.atan(lens.cx / lens.fx), tilt: Math.atan(lens.cy / lens.fy) },
        zones: shown, chosen, tracks: store.stale.peek() ? [] : store.status.peek()?.tracks ?? [],
        targetId: store.section('controller')?.target_id ?? '',
      }, token);
    };

    const at = ({ offsetX, offsetY }: PointerEvent): Pose => new MapScale(rangeOf(store.section('gimbal')), size()).pose(offsetX, offsetY);
    const down = (event: PointerEvent): void => {
      if (edit.current === undefined || event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      const scale = new MapScale(rangeOf(store.section('gimbal')), size());
      const found = zones().findLastIndex((zone) => event.offsetX > scale.x(zone.pan_max ?? 0) - GRIP_PX && event.offsetX < scale.x(zone.pan_min ?? 0) + GRIP_PX
        && event.offsetY > scale.y(zone.tilt_max ?? 0) - GRIP_PX && event.offsetY < scale.y(zone.tilt_min ?? 0) + GRIP_PX);
      const zone = zones()[found];
      const from = at(event);
      if (zone === undefined) {
        drag = { from, to: from };
        return;
      }
      choose.current?.(zone.name);
      const edges: Edge[] = [];
      if (Math.abs(event.offsetX - scale.x(zone.pan_min ?? 0)) < GRIP_PX) edges.push('pan_min');
      else if (Math.abs(event.offsetX - scale.x(zone.pan_max ?? 0)) < GRIP_PX) edges.push('pan_max');
      if (Math.abs(event.offsetY - scale.y(zone.tilt_min ?? 0)) < GRIP_PX) edges.push('tilt_min');
      else if (Math.abs(event.offsetY - scale.y(zone.tilt_max ?? 0)) < GRIP_PX) edges.push('tilt_max');
      drag = { index: found, edges, from, zone };
    };
    const move = (event: PointerEvent): void => {
      if (drag === null) return;
      const to = at(event);
      if ('to' in drag) {
        drag.to = to;
        draw();
        return;
      }
      const { zone, edges, from, index } = drag;
      const next: Record<Edge, number> = {
        pan_min: zone.pan_min ?? 0, pan_max: zone.pan_max ?? 0, tilt_min: zone.tilt_min ?? 0, tilt_max: zone.tilt_max ?? 0,
      };
      for (const edge of edges.length > 0 ? edges : (Object.keys(next) as Edge[])) {
        next[edge] += edge.startsWith('pan') ? to.pan - from.pan : to.tilt - from.tilt;
      }
      if (next.pan_max - next.pan_min < MIN_SIZE || next.tilt_max - next.tilt_min < MIN_SIZE) return;
      edit.current?.(index, next);
    };
    const up = (): void => {
      const ended = drag;
      drag = null;
      if (ended === null || !('to' in ended)) return;
      const { pan_min, pan_max, tilt_min, tilt_max } = rectangle(ended.from, ended.to);
      if ((pan_max ?? 0) - (pan_min ?? 0) > MIN_SIZE && (tilt_max ?? 0) - (tilt_min ?? 0) > MIN_SIZE) {
        edit.current?.(null, { pan_min, pan_max, tilt_min, tilt_max });
      }
    };
    element.addEventListener('pointerdown', down);
    element.addEventListener('pointermove', move);
    element.addEventListener('pointerup', up);
    element.addEventListener('pointercancel', up);
    draw();
    const timer = setInterval(draw, DRAW_MS);
    return () => {
      clearInterval(timer);
      element.removeEventListener('pointerdown', down);
      element.removeEventListener('pointermove', move);
      element.removeEventListener('pointerup', up);
      element.removeEventListener('pointercancel', up);
    };
  }, [panel, feed, chosen, theme.value, isLight]);

  return <canvas ref={canvas} class="map" data-editable={isEditable} role="img" aria-label={isEditable ? t.zones.map : t.map.label} />;
}

export function rectangle(a: Pose, b: Pose): Zone {
  return {
    name: '', kind: Zone.KIND_NO_FIRE,
    pan_min: Math.min(a.pan, b.pan), pan_max: Math.max(a.pan, b.pan),
    tilt_min: Math.min(a.tilt, b.tilt), tilt_max: Math.max(a.tilt, b.tilt),
  };
}
