/** The software stop: always visible, for everybody, with or without control. */

import { button, h, setData, setHidden } from '../dom';
import type { Panel, Widget } from '../panel';

export async function stop(panel: Panel): Promise<void> {
  const answer = await panel.command('safety/stop', { reason: 'panel' });
  if (answer !== null) panel.notices.done('Stopped: laser dark, axes still.');
}

export function stopButtons(panel: Panel): Widget {
  const stopButton = button('STOP', () => { void stop(panel); }, {
    class: 'stop', title: 'Software stop: laser dark, axes still (Escape). It is not an emergency stop.',
    'aria-keyshortcuts': 'Escape',
  });
  const reset = button('Reset stop', () => { void panel.command('safety/reset', {}); }, {
    class: 'reset', title: 'Clear the software stop. Re-arms nothing and starts nothing.',
  });
  const element = h('div', { class: 'stops' }, reset, stopButton);
  return {
    element,
    update() {
      const isStopped = panel.store.section('safety')?.software_stop ?? false;
      setData(element, 'stopped', String(isStopped));
      setHidden(reset, !isStopped);
    },
  };
}
