// SPDX-License-Identifier: Apache-2.0
/** Which pixels the detector takes for parts of objects, as vision/mask/compressed says, drawn over the video. */

import { effect, signal } from '@preact/signals';

import type { Panel } from '../state/panel';

/** Whether the mask is wanted. */
export const isMasked = signal(false);

const COLOR = [255, 0, 220, 150] as const;
/** Age from which a mask says nothing about the video [ms]. */
const SHOWN_MS = 1000;

/** Color the pixels (RGBA) that are bright; the others become transparent. */
export function colorMask(pixels: Uint8ClampedArray): void {
  for (let i = 0; i < pixels.length; i += 4) {
    const isIn = (pixels[i] ?? 0) > 127;
    for (let j = 0; j < 4; j += 1) pixels[i + j] = isIn ? COLOR[j] ?? 0 : 0;
  }
}

export class Mask {
  private readonly canvas = document.createElement('canvas');
  private at = -Infinity;

  constructor(private readonly panel: Panel, private readonly onNew: () => void) {}

  /** Receive masks while they are wanted. Returns what ends it. */
  start(): () => void {
    return effect(() => {
      if (!isMasked.value) return undefined;
      return this.panel.transport.listen('vision/mask/compressed', ({ data }) => { void this.take(data); });
    });
  }

  /** The newest mask, as large as the image or smaller; null = none is wanted, or there is none. */
  now(now: number): HTMLCanvasElement | null {
    return isMasked.peek() && now - this.at < SHOWN_MS ? this.canvas : null;
  }

  private async take(base64: string): Promise<void> {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' })).catch(() => null);
    const context = bitmap === null ? null : this.canvas.getContext('2d', { willReadFrequently: true });
    if (bitmap === null || context === null) return;
    const { width, height } = bitmap;
    Object.assign(this.canvas, { width, height });
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    const image = context.getImageData(0, 0, width, height);
    colorMask(image.data);
    context.putImageData(image, 0, 0);
    this.at = performance.now();
    this.onNew();
  }
}
