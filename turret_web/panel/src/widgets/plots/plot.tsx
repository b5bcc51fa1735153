// SPDX-License-Identifier: Apache-2.0
/** A plot over time with pause, zoom (drag), cursor and CSV. Zooming or pausing holds what is shown. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import { theme } from '../../state/settings';
import { t } from '../../text';
import { Button } from '../../ui/controls';
import { useMedia } from '../../ui/hooks';

export interface Series { label: string; unit: string }

const SPAN_S = 30;
const DRAW_MS = 200;
const MAX_POINTS = 3000;
const COLORS = ['--series-1', '--series-2', '--series-3', '--series-4', '--series-5', '--series-6'];

type Add = (time: number, values: readonly (number | null)[]) => void;

interface Props {
  /** Name of the file of a download. */
  name: string;
  /** What the plot shows, for a screen reader. */
  label: string;
  series: readonly Series[];
  /** Half of the smallest range shown. */
  minSpan: number;
  /** Call `add` with every new sample, time in s. Returns what ends it. */
  subscribe: (add: Add) => () => void;
}

/** Samples as CSV, with the unit in the heading. */
export function toCsv(series: readonly Series[], columns: readonly (readonly (number | null)[])[]): string {
  const head = ['time [s]', ...series.map(({ label, unit }) => `"${label.replaceAll('"', '""')} [${unit}]"`)].join(',');
  const rows = (columns[0] ?? []).map((_, i) => columns.map((column) => column[i] ?? '').join(','));
  return [head, ...rows, ''].join('\n');
}

export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  Object.assign(link, { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

export function Plot({ name, label, series, minSpan, subscribe }: Props): VNode {
  const element = useRef<HTMLDivElement>(null);
  const columns = useRef<(number | null)[][]>([]);
  const isHeld = useSignal(false);
  const isLight = useMedia('(prefers-color-scheme: light)');
  const source = useRef(subscribe);
  source.current = subscribe;

  useEffect(() => {
    const box = element.current;
    if (box === null) return undefined;
    const style = getComputedStyle(document.documentElement);
    const token = (token_name: string): string => style.getPropertyValue(token_name).trim();
    columns.current = [[], ...series.map(() => [])];
    const axis = {
      stroke: token('--soft'), grid: { stroke: token('--line'), width: 1 }, ticks: { stroke: token('--line') }, font: '11px system-ui',
    };
    const plot = new uPlot({
      width: Math.max(200, box.clientWidth), height: 170, pxAlign: 0, cursor: { y: false, drag: { x: true, y: false } },
      legend: { live: true },
      scales: { x: { time: false }, y: { range: (_, min, max) => [Math.min(min ?? 0, -minSpan), Math.max(max ?? 0, minSpan)] } },
      axes: [
        { ...axis, size: 26, values: (_, splits) => splits.map((value) => `${value} s`) },
        { ...axis, size: 48, values: (_, splits) => splits.map((value) => `${value}${series[0]?.unit ?? ''}`) },
      ],
      series: [
        { label: t.plots.time, value: (_, value: number | null) => (value === null ? '–' : `${value.toFixed(1)} s`) },
        ...series.map(({ label: text, unit }, i) => ({
          label: text, stroke: token(COLORS[i % COLORS.length] ?? '--accent'), width: 1.5, points: { show: false },
          value: (_: uPlot, value: number | null) => (value === null ? '–' : `${value.toFixed(2)} ${unit}`),
        })),
      ],
      hooks: { setSelect: [(self) => { if (self.select.width > 0) isHeld.value = true; }] },
    }, [[], ...series.map(() => [])], box);
    const add: Add = (time, values) => {
      if (isHeld.peek()) return;
      const [times, ...rest] = columns.current;
      if (times === undefined) return;
      if (time < (times.at(-1) ?? time)) for (const column of columns.current) column.length = 0; // the clock was set back
      times.push(time);
      rest.forEach((column, i) => { column.push(values[i] ?? null); });
      while (times.length > MAX_POINTS || (times[0] ?? time) < time - SPAN_S) for (const column of columns.current) column.shift();
    };
    const end = source.current(add);
    const timer = setInterval(() => {
      const width = box.clientWidth;
      if (width > 0 && width !== plot.width) plot.setSize({ width, height: 170 });
      if (isHeld.peek() || width === 0) return;
      const [times = [], ...rest] = columns.current;
      const newest = times.at(-1) ?? 0;
      plot.setData([times.map((time) => (time ?? 0) - newest), ...rest] as uPlot.AlignedData, false);
      plot.setScale('x', { min: -SPAN_S, max: 0 });
    }, DRAW_MS);
    return () => {
      clearInterval(timer);
      end();
      plot.destroy();
    };
  }, [series, minSpan, theme.value, isLight]);

  return (
    <div class="plot">
      <div ref={element} role="img" aria-label={label} />
      <div class="line">
        <Button pressed={isHeld.value} onClick={() => { isHeld.value = !isHeld.value; }}>{isHeld.value ? t.plots.resume : t.plots.pause}</Button>
        <Button onClick={() => download(`${name}.csv`, 'text/csv', toCsv(series, columns.current))}>{t.plots.csv}</Button>
        <span class="quiet push">{isHeld.value ? t.plots.held : t.plots.zoomHint}</span>
      </div>
    </div>
  );
}
