/** Aiming error of both axes over the last seconds. */

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import { h } from '../dom';
import { DEGREES } from '../format';
import type { Panel, Widget } from '../panel';

const SPAN_S = 20;
const HEIGHT_PX = 150;
const DRAW_MS = 200;

export function aimPlot(panel: Panel): Widget {
  const element = h('div', { class: 'plot', role: 'img', 'aria-label': 'Aiming error of pan and tilt over time' });
  const times: number[] = [];
  const pan: (number | null)[] = [];
  const tilt: (number | null)[] = [];
  let drawnAt = -Infinity;
  const axis = { stroke: '#a3b0be', grid: { stroke: '#1f2933', width: 1 }, ticks: { stroke: '#1f2933' }, font: '11px system-ui' };
  const seconds = (value: number | null): string => (value === null ? '–' : `${value.toFixed(1)} s`);
  const angle = (value: number | null): string => (value === null ? '–' : `${value.toFixed(2)}°`);
  const plot = new uPlot({
    width: 300,
    height: HEIGHT_PX,
    pxAlign: 0,
    cursor: { y: false },
    scales: { x: { time: false }, y: { range: (_, min, max) => [Math.min(min ?? 0, -0.5), Math.max(max ?? 0, 0.5)] } },
    axes: [
      { ...axis, size: 26, values: (_, splits) => splits.map((value) => `${value} s`) },
      { ...axis, size: 44, values: (_, splits) => splits.map((value) => `${value}°`) },
    ],
    series: [
      { label: 'Time', value: (_, value: number | null) => seconds(value) },
      { label: 'Pan error', stroke: '#5cc8ff', width: 1.5, points: { show: false }, value: (_, value: number | null) => angle(value) },
      { label: 'Tilt error', stroke: '#f4b860', width: 1.5, points: { show: false }, value: (_, value: number | null) => angle(value) },
    ],
  }, [[], [], []], element);
  panel.transport.subscribe('controller/state', (state) => {
    const { sec, nanosec } = state.header.stamp;
    times.push(sec + nanosec / 1e9);
    for (const [series, { error }] of [[pan, state.pan_pid], [tilt, state.tilt_pid]] as const) {
      series.push(error === null ? null : error * DEGREES);
    }
    const newest = times.at(-1) ?? 0;
    while ((times[0] ?? newest) < newest - SPAN_S || (times[0] ?? 0) > newest) {
      for (const series of [times, pan, tilt]) series.shift();
    }
  });
  return {
    element,
    update(now) {
      if (now - drawnAt < DRAW_MS) return;
      drawnAt = now;
      const width = element.clientWidth;
      if (width !== plot.width) plot.setSize({ width, height: HEIGHT_PX });
      const newest = times.at(-1) ?? 0;
      plot.setData([times.map((time) => time - newest), pan, tilt], false);
      plot.setScale('x', { min: -SPAN_S, max: 0 });
    },
  };
}
