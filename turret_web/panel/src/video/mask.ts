// SPDX-License-Identifier: Apache-2.0
/** Which pixels the balloon detector takes for a balloon, computed from the video as the detector does. */

import { signal } from '@preact/signals';

/** Limits of hue, saturation and value, each 0 to 1; the hue may wrap around. */
export interface ColorRange { hue: [number, number]; saturation: [number, number]; value: [number, number] }

/** Parameters of the balloon detector, without "balloon.". */
export type BalloonColor = Readonly<Record<string, number | string>>;

/** The range that is shown over the video; null = none. */
export const maskRange = signal<ColorRange | null>(null);

/** Width of the image that the mask is computed in [px]. */
const WIDTH = 240;
const COLOR = [255, 0, 220, 150] as const;

/** What the balloon detector looks for. */
export function rangeOfColor(p: BalloonColor): ColorRange {
  const of = (name: string): number => Number(p[name] ?? 0);
  if (p['color'] === 'dark') return { hue: [0, 1], saturation: [0, 1], value: [0, of('max_dark_value')] };
  if (p['color'] !== 'taught') return { hue: [0, 1], saturation: [of('min_saturation'), 1], value: [of('min_value'), 1] };
  const around = (center: string, range: string): [number, number] => [of(center) - of(range), of(center) + of(range)];
  return { hue: around('hue', 'hue_range'), saturation: around('saturation', 'saturation_range'), value: around('value', 'value_range') };
}

/** Replace the pixels (RGBA) by the mask: colored where they are in the range, transparent elsewhere. Returns their count. */
export function mask(pixels: Uint8ClampedArray, { hue, saturation, value }: ColorRange): number {
  const isAnyHue = hue[1] - hue[0] >= 1;
  const [low, high] = [((hue[0] % 1) + 1) % 1, ((hue[1] % 1) + 1) % 1];
  let count = 0;
  for (let i = 0; i < pixels.length; i += 4) {
    const [r, g, b] = [pixels[i] ?? 0, pixels[i + 1] ?? 0, pixels[i + 2] ?? 0];
    const max = Math.max(r, g, b);
    const spread = max - Math.min(r, g, b);
    const [v, s] = [max / 255, max === 0 ? 0 : spread / max];
    let isIn = v >= value[0] && v <= value[1] && s >= saturation[0] && s <= saturation[1];
    if (isIn && !isAnyHue) {
      const sixth = spread === 0 ? 0 : max === r ? (g - b) / spread : max === g ? 2 + (b - r) / spread : 4 + (r - g) / spread;
      const h = (sixth / 6 + 1) % 1;
      isIn = low <= high ? h >= low && h <= high : h >= low || h <= high;
    }
    if (isIn) count += 1;
    for (let j = 0; j < 4; j += 1) pixels[i + j] = isIn ? COLOR[j] ?? 0 : 0;
  }
  return count;
}

/** The mask of the newest frame. */
export class Mask {
  private readonly canvas = document.createElement('canvas');
  private range: ColorRange | null = null;

  /** Image of the mask; null while none is wanted. It is computed again for a new frame or another range. */
  of(source: HTMLCanvasElement | null, isNew: boolean): HTMLCanvasElement | null {
    const range = maskRange.peek();
    if (range === null || source === null || source.width === 0) return null;
    if (!isNew && this.range === range) return this.canvas;
    this.range = range;
    const [width, height] = [Math.min(WIDTH, source.width), Math.round((Math.min(WIDTH, source.width) * source.height) / source.width)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext('2d', { willReadFrequently: true });
    if (context === null) return null;
    context.clearRect(0, 0, width, height);
    context.drawImage(source, 0, 0, width, height);
    const image = context.getImageData(0, 0, width, height);
    mask(image.data, range);
    context.putImageData(image, 0, 0);
    return this.canvas;
  }
}
