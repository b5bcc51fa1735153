/** What the front door tells the panel before it connects. */

export interface Config {
  /** Namespace of the turret, with its leading slash and without a trailing one. */
  readonly namespace: string;
  /** Path of the rosbridge WebSocket on this host. */
  readonly bridge: string;
}

export interface Session {
  readonly role: 'viewer' | 'operator';
  /** Operator secret, for {@link Session.role} "operator" only. */
  readonly secret: string;
}

const TIMEOUT_MS = 4000;

async function getJson(path: string): Promise<Record<string, unknown>> {
  const response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return (await response.json()) as Record<string, unknown>;
}

function text(value: unknown, fallback: string): string {
  return typeof value === 'string' && value !== '' ? value : fallback;
}

/** Fetch `/config.json`. */
export async function fetchConfig(): Promise<Config> {
  const answer = await getJson('config.json');
  return {
    namespace: `/${text(answer['namespace'], 'turret').replace(/^\/+|\/+$/g, '')}`,
    bridge: text(answer['bridge'], '/rosbridge'),
  };
}

/** Fetch `/session`: who this browser may be. */
export async function fetchSession(): Promise<Session> {
  const answer = await getJson('session');
  return { role: answer['role'] === 'operator' ? 'operator' : 'viewer', secret: text(answer['secret'], '') };
}

/** Address of a WebSocket path on the host that served this page. */
export function socketUrl(path: string): string {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
