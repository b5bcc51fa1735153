// SPDX-License-Identifier: Apache-2.0
/** Hooks for fields and windows. */

import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { t } from '../text';
import { usePanel } from './app_context';

/** How long a change is shown before the turret's own value counts again [ms]. */
const SETTLING_MS = 1500;

export interface NumberBox {
  text: string;
  setText: (text: string) => void;
  /** null while the text is not an allowed number. */
  value: number | null;
  /** Why the text is not allowed; empty = it is. */
  error: string;
  min: number;
  max: number;
}

/** The number that a text stands for, or why it is not allowed. An empty text is not zero. */
export function readNumber(text: string, min: number, max: number, integer = false): { value: number | null; error: string } {
  const value = Number(text);
  if (text.trim() === '') return { value: null, error: t.fields.empty };
  if (!Number.isFinite(value)) return { value: null, error: t.fields.notANumber };
  if (integer && !Number.isInteger(value)) return { value: null, error: t.fields.notWhole };
  if (value < min || value > max) return { value: null, error: t.fields.outside(min, max) };
  return { value, error: '' };
}

export function useNumber(initial: number, min: number, max: number, integer = false): NumberBox {
  const [text, setText] = useState(String(initial));
  return { text, setText, min, max, ...readNumber(text, min, max, integer) };
}

/**
 * A value of the turret that can be changed here. What a person is setting is not overwritten by what arrives, until
 * the turret has had time to follow; a refused change falls back at once. `commit` sends, `show` only shows.
 */
export function useEcho<T>(
  actual: T, send: (value: T) => Promise<boolean>,
): { value: T; show: (value: T) => void; commit: (value: T) => void } {
  const [draft, setDraft] = useState<{ value: T } | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const show = (value: T): void => {
    clearTimeout(timer.current);
    setDraft({ value });
  };
  const commit = (value: T): void => {
    show(value);
    timer.current = setTimeout(() => setDraft(null), SETTLING_MS);
    void send(value).then((accepted) => { if (!accepted) setDraft(null); });
  };
  return { value: draft === null ? actual : draft.value, show, commit };
}

/** While `isOpen`, Escape closes this window before it does anything else, and the focus returns afterwards. */
export function useWindow(isOpen: boolean, close: () => void): string {
  const id = useId();
  const { windows } = usePanel();
  const latest = useRef(close);
  latest.current = close;
  useLayoutEffect(() => { // before the window can be seen, so that no Escape falls through to the stop
    if (!isOpen) return undefined;
    const before = document.activeElement;
    const closed = windows.opened(id, () => latest.current());
    return () => {
      closed();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, [isOpen, id, windows]);
  return id;
}

/** Whether a media query matches, kept up to date. */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => window.matchMedia(query).matches);
  useEffect(() => {
    const list = window.matchMedia(query);
    const update = (): void => setMatches(list.matches);
    update();
    list.addEventListener('change', update);
    return () => list.removeEventListener('change', update);
  }, [query]);
  return matches;
}
