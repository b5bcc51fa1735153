// SPDX-License-Identifier: Apache-2.0
/** Parse a `multipart/x-mixed-replace` stream of JPEG images as it arrives. No I/O. */

import type { Time } from '../generated/interfaces';

export interface Part {
  /** From the part's `X-Timestamp` header: when the image's light was collected; null without that header. */
  stamp: Time | null;
  /** From its `X-Notice` header: why there is no frame of the camera; null when this is one. */
  notice: string | null;
  /** Content type of the body. */
  type: string;
  body: Uint8Array<ArrayBuffer>;
}

/** The stream is not what it claims to be. */
export class MultipartError extends Error {}

const MAX_PART_BYTES = 16 * 1024 * 1024;
const HEADER_END = new Uint8Array([13, 10, 13, 10]);

/** Return the boundary named by a Content-Type header. */
export function boundaryOf(contentType: string): string {
  const match = /multipart\/[\w-]+\s*;.*?boundary="?([^";]+)"?/i.exec(contentType);
  if (match?.[1] === undefined) throw new MultipartError(`not a multipart stream: ${contentType}`);
  return match[1].replace(/^--/, '');
}

/** Read "seconds.fraction" without the rounding that a double would bring. */
export function parseStamp(text: string): Time | null {
  const match = /^(\d+)(?:\.(\d{1,9}))?$/.exec(text.trim());
  if (match === null) return null;
  return { sec: Number(match[1]), nanosec: Number((match[2] ?? '').padEnd(9, '0')) };
}

function indexOf(haystack: Uint8Array, needle: Uint8Array, from: number): number {
  const last = haystack.length - needle.length;
  for (let at = haystack.indexOf(needle[0] ?? 0, from); at !== -1 && at <= last;) {
    let matched = 1;
    while (matched < needle.length && haystack[at + matched] === needle[matched]) matched += 1;
    if (matched === needle.length) return at;
    at = haystack.indexOf(needle[0] ?? 0, at + 1);
  }
  return -1;
}

function parseHeaders(text: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

export class MultipartParser {
  private buffer = new Uint8Array(256 * 1024);
  private used = 0;
  private headers: Map<string, string> | null = null;
  private readonly delimiter: Uint8Array;

  constructor(boundary: string) {
    this.delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
  }

  /** Take the next bytes of the stream; return the parts that they complete. */
  push(chunk: Uint8Array): Part[] {
    this.append(chunk);
    const parts: Part[] = [];
    let start = 0;
    for (;;) {
      const view = this.buffer.subarray(start, this.used);
      if (this.headers === null) {
        const end = indexOf(view, HEADER_END, 0);
        if (end === -1) break;
        this.headers = parseHeaders(new TextDecoder('latin1').decode(view.subarray(0, end)));
        start += end + HEADER_END.length;
        continue;
      }
      const length = this.bodyLength(view, this.headers);
      if (length === null) break;
      const stamp = this.headers.get('x-timestamp');
      parts.push({
        stamp: stamp === undefined ? null : parseStamp(stamp),
        notice: this.headers.get('x-notice') ?? null,
        type: this.headers.get('content-type') ?? 'image/jpeg',
        body: view.slice(0, length),
      });
      this.headers = null;
      start += length;
    }
    this.buffer.copyWithin(0, start, this.used);
    this.used -= start;
    return parts;
  }

  /** Length of the body at the start of `view`; null while it is incomplete. */
  private bodyLength(view: Uint8Array, headers: Map<string, string>): number | null {
    const declared = headers.get('content-length');
    if (declared === undefined) {
      const end = indexOf(view, this.delimiter, 0);
      return end === -1 ? null : end;
    }
    const length = Number(declared);
    if (!Number.isInteger(length) || length < 0 || length > MAX_PART_BYTES) {
      throw new MultipartError(`a part of ${declared} bytes`);
    }
    return view.length < length ? null : length;
  }

  private append(chunk: Uint8Array): void {
    const needed = this.used + chunk.length;
    if (needed > 2 * MAX_PART_BYTES) throw new MultipartError('a part without an end');
    if (needed > this.buffer.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
      larger.set(this.buffer.subarray(0, this.used));
      this.buffer = larger;
    }
    this.buffer.set(chunk, this.used);
    this.used = needed;
  }
}
