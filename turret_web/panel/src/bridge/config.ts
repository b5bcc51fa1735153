// SPDX-License-Identifier: Apache-2.0
/** What the gateway sends the panel before it connects. */

import { t } from '../text';

export interface Config {
  /** Namespace of the turret, absolute, without a slash at the end. */
  readonly namespace: string;
  /** Path of the rosbridge WebSocket on this host. */
  readonly rosbridge: string;
  /** Path and query of the MJPEG video. */
  readonly video: string;
  /** Path and query for the video over WebRTC; empty = not offered. */
  readonly webrtc: string;
  /** Browsers must sign in here. */
  readonly signIn: boolean;
}

export interface Session {
  readonly role: 'viewer' | 'operator';
  /** Operator secret, for {@link Session.role} "operator" only. */
  readonly secret: string;
}

const TIMEOUT_MS = 4000;
const NOT_SIGNED_IN = 401;

/** Fetch a JSON object; where the session has ended, go and sign in. */
async function getJson(path: string): Promise<Record<string, unknown>> {
  const response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.status === NOT_SIGNED_IN) location.assign('sign-in');
  if (!response.ok) throw new Error(t.problems.answered(path, response.status));
  return (await response.json()) as Record<string, unknown>;
}

function text(answer: Record<string, unknown>, name: string): string {
  const value = answer[name];
  if (typeof value !== 'string') throw new Error(t.problems.noText(name));
  return value;
}

/** Fetch `/config.json`. */
export async function fetchConfig(): Promise<Config> {
  const answer = await getJson('config.json');
  return {
    namespace: text(answer, 'namespace'), rosbridge: text(answer, 'rosbridge'), video: text(answer, 'video'),
    webrtc: text(answer, 'webrtc'),
    signIn: answer['sign_in'] === true,
  };
}

/** Fetch `/session`: who this browser may be. */
export async function fetchSession(): Promise<Session> {
  const answer = await getJson('session');
  const isOperator = answer['role'] === 'operator';
  return { role: isOperator ? 'operator' : 'viewer', secret: isOperator ? text(answer, 'operator_secret') : '' };
}

/** Identifies the connections of this page among those of others. */
export const PAGE = crypto.getRandomValues(new Uint32Array(2)).join('-');

/** Address of a WebSocket path on the host that served this page, with a label for the list of clients. */
export function socketUrl(path: string, label: string): string {
  const url = new URL(path, location.href);
  url.searchParams.set('label', label);
  url.searchParams.set('page', PAGE);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
