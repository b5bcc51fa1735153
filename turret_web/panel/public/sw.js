// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps the files of the panel, so that the page opens without a connection and says that there is none. The newest
 * files are used whenever the gateway answers; data, video and sign-in are never kept.
 */

const CACHE = 'turret-panel';
const SHELL = /^\/$|\/assets\/|\.(svg|webmanifest)$/;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.add('./')).then(() => self.skipWaiting(), () => undefined));
});

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

async function newest(request) {
  const cache = await caches.open(CACHE);
  const isAsset = request.url.includes('/assets/'); // their names hold a hash of their content
  const kept = await cache.match(request);
  if (isAsset && kept !== undefined) return kept;
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    if (kept !== undefined) return kept;
    throw error;
  }
}

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  const isOurs = event.request.method === 'GET' && url.origin === self.location.origin && url.search === '';
  if (isOurs && SHELL.test(url.pathname)) event.respondWith(newest(event.request));
});
