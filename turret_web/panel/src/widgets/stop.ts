/** The software stop: always visible, for everybody, with or without control. */

import { button, h, setHidden, setText } from '../dom';
import type { Panel, Widget } from '../panel';

export function stop(panel: Panel): void {
  void panel.command('safety/stop', { reason: 'panel' });
}

export function stopButton(panel: Panel): Widget {
  return {
    element: button('STOP', () => stop(panel), {
      class: 'stop', title: 'Software stop: laser dark, axes still (Escape). It is not an emergency stop.',
      'aria-keyshortcuts': 'Escape',
    }),
  };
}

/** The line that says that everything is stopped, with the way out. */
export function stopBanner(panel: Panel): Widget {
  const reason = h('span');
  const reset = button('Reset stop', () => { void panel.command('safety/reset', {}); }, {
    title: 'Clear the software stop. Re-arms nothing and starts nothing.',
  });
  const element = h('div', { class: 'banner stopped', role: 'alert', hidden: true }, reason, reset);
  return {
    element,
    update() {
      const safety = panel.store.section('safety');
      setHidden(element, !safety?.software_stop);
      setText(reason, `Stopped: laser dark, axes still. ${safety?.message ?? ''}`);
    },
  };
}
