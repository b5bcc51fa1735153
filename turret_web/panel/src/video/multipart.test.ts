// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';

import { boundaryOf, MultipartError, MultipartParser, parseStamp, type Part } from './multipart';

const BOUNDARY = 'frame';
/** A body that holds what looks like a header end and a boundary, as compressed data may. */
const TRICKY = new TextEncoder().encode('\xff\r\n\r\n--frame\r\n\x00');

function part(body: Uint8Array, ...headers: string[]): Uint8Array {
  const head = new TextEncoder().encode(`--${BOUNDARY}\r\n${headers.join('\r\n')}\r\n\r\n`);
  return Uint8Array.from([...head, ...body, 13, 10]);
}

function stream(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((bytes) => [...bytes]));
}

function parseInChunks(bytes: Uint8Array, size: number): Part[] {
  const parser = new MultipartParser(BOUNDARY);
  const parts: Part[] = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(...parser.push(bytes.subarray(at, at + size)));
  return parts;
}

describe('boundaryOf', () => {
  it.each([
    'multipart/x-mixed-replace;boundary=frame',
    'multipart/x-mixed-replace; boundary="frame"',
    'multipart/x-mixed-replace; boundary=--frame',
    'Multipart/X-Mixed-Replace; charset=x; Boundary=frame',
  ])('finds it in %s', (contentType) => {
    expect(boundaryOf(contentType)).toBe('frame');
  });

  it.each(['', 'image/jpeg', 'text/html; boundary=frame'])('refuses "%s"', (contentType) => {
    expect(() => boundaryOf(contentType)).toThrow(MultipartError);
  });
});

describe('parseStamp', () => {
  it('keeps every digit that a double would lose', () => {
    expect(parseStamp('1785000000.123456')).toEqual({ sec: 1785000000, nanosec: 123456000 });
    expect(parseStamp('1785000000.000000001')).toEqual({ sec: 1785000000, nanosec: 1 });
    expect(parseStamp('7')).toEqual({ sec: 7, nanosec: 0 });
  });

  it.each(['', 'now', '-1.5', '1.2.3', '1e9'])('knows "%s" is none', (text) => {
    expect(parseStamp(text)).toBeNull();
  });
});

describe('MultipartParser', () => {
  const bytes = stream(
    part(TRICKY, 'Content-Type: image/jpeg', 'X-Timestamp: 5.250000', `Content-Length: ${TRICKY.length}`),
    part(new Uint8Array([]), 'content-length: 0'),
    part(Uint8Array.of(1, 2, 3), 'CONTENT-LENGTH: 3', 'x-timestamp: 6.5'),
  );

  it.each([1, 2, 3, 7, 64, 10_000])('finds the same parts in chunks of %i bytes', (size) => {
    const parts = parseInChunks(bytes, size);
    expect(parts.map(({ body }) => [...body])).toEqual([[...TRICKY], [], [1, 2, 3]]);
    expect(parts.map(({ stamp }) => stamp)).toEqual([
      { sec: 5, nanosec: 250_000_000 }, null, { sec: 6, nanosec: 500_000_000 },
    ]);
  });

  it.each([1, 5, 10_000])('finds the end of parts without a length, in chunks of %i bytes', (size) => {
    const bodies = [Uint8Array.of(9, 13, 10, 45, 45), Uint8Array.of(8)];
    const unbounded = stream(...bodies.map((body) => part(body, 'Content-Type: image/jpeg')), part(Uint8Array.of(), ''));
    expect(parseInChunks(unbounded, size).map(({ body }) => [...body])).toEqual(bodies.map((body) => [...body]));
  });

  it.each(['-1', '1e99', 'many', '99999999999'])('refuses a length of %s', (length) => {
    expect(() => parseInChunks(part(Uint8Array.of(1), `Content-Length: ${length}`), 64)).toThrow(MultipartError);
  });

  it('distinguishes a notice from a frame of the camera', () => {
    const [frame, notice] = parseInChunks(stream(
      part(TRICKY, 'X-Timestamp: 5.5', `Content-Length: ${TRICKY.length}`),
      part(TRICKY, 'X-Notice: there is no camera', `Content-Length: ${TRICKY.length}`)), 7);
    expect(frame).toMatchObject({ notice: null, stamp: { sec: 5, nanosec: 500000000 } });
    expect(notice).toMatchObject({ notice: 'there is no camera', stamp: null });
  });

  it('gives up on a part that never ends', () => {
    const parser = new MultipartParser(BOUNDARY);
    parser.push(part(Uint8Array.of(1), 'Content-Type: image/jpeg').subarray(0, -2));
    const megabyte = new Uint8Array(1024 * 1024).fill(7);
    expect(() => { for (let i = 0; i < 40; i += 1) parser.push(megabyte); }).toThrow(MultipartError);
  });
});
