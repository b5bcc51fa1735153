// SPDX-License-Identifier: Apache-2.0
/** Icons as paths on a grid of 24. */

import type { VNode } from 'preact';

const PATHS = {
  drive: 'M12 3v4M12 17v4M3 12h4M17 12h4M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z',
  aim: 'M3 17l5-6 4 3 5-8 4 5M3 21h18',
  presets: 'M6 3h12v18l-6-4-6 4z',
  zones: 'M4 4h16v16H4zM4 12h16M12 4v16',
  camera: 'M4 7h4l2-3h4l2 3h4v13H4zM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z',
  detector: 'M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M9 9h6v6H9z',
  media: 'M3 5h18v14H3zM3 15l5-5 5 5 3-3 5 5M15.5 8.5h.01',
  bags: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  plots: 'M4 4v16h16M8 16v-5M12 16V8M16 16v-3',
  setup: 'M14 6a4 4 0 0 0-5 5l-6 6 4 4 6-6a4 4 0 0 0 5-5l-3 2-3-3z',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M14 5v4M6 15v4M4 12h4M12 12h8M8 10v4',
  system: 'M4 5h16v11H4zM9 20h6M12 16v4',
  fleet: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z',
  bell: 'M6 16V11a6 6 0 1 1 12 0v5l2 2H4zM10 21h4',
  help: 'M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 17.5h.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  expand: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  reset: 'M4 4v5h5M4.5 9a8 8 0 1 1-.5 5',
  still: 'M4 7h4l2-3h4l2 3h4v13H4zM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z',
  record: 'M3 6h12v12H3zM15 10l6-3v10l-6-3z',
  pip: 'M3 5h18v14H3zM12 12h7v5h-7z',
  close: 'M6 6l12 12M18 6L6 18',
  theme: 'M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16',
  up: 'M12 19V5M6 11l6-6 6 6',
  down: 'M12 5v14M6 13l6 6 6-6',
  left: 'M19 12H5M11 6l-6 6 6 6',
  right: 'M5 12h14M13 6l6 6-6 6',
  target: 'M12 3v3M12 18v3M3 12h3M18 12h3M12 12h.01M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10z',
  menu: 'M4 7h16M4 12h16M4 17h16',
  tags: 'M3 5h8v6H3zM13 13h8v6h-8zM13 8h4',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): VNode {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
