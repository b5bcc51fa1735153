/** Named directions: save, go to, forget. Keys 1 to 9 and 0 go to the first ten. */

import { button, h, setDisabled, setHidden, setList, setText } from '../dom';
import { degrees } from '../format';
import type { Panel, Widget } from '../panel';
import { confirmButton } from './confirm_button';

const KEYS = '1234567890';

/** Go to the preset of a number key. */
export function recallByKey(panel: Panel, key: string): void {
  const preset = panel.store.section('controller')?.presets[KEYS.indexOf(key)];
  if (preset !== undefined) void panel.command('controller/recall_preset', { name: preset.name });
}

export function presets(panel: Panel): Widget {
  const list = h('ul', { class: 'items' });
  const empty = h('p', { class: 'quiet' }, 'No presets yet.');
  const name = h('input', { type: 'text', maxlength: 40, placeholder: 'Name', 'aria-label': 'Name of the preset' });
  const save = button('Save this direction', () => { void saveCurrent(); });

  async function saveCurrent(): Promise<void> {
    const text = name.value.trim() || nextName(panel);
    const saved = await panel.command('controller/save_preset', { name: text, current: true, pan: 0, tilt: 0 });
    if (saved !== null) name.value = '';
  }

  return {
    element: h('div', { class: 'stack' }, h('form', {
      class: 'line',
      onsubmit: (event: Event) => { event.preventDefault(); void saveCurrent(); },
    }, name, save), list, empty),
    update() {
      const known = panel.store.section('controller')?.presets ?? [];
      setDisabled(save, !panel.operator.isOperator);
      setHidden(empty, known.length > 0);
      setList(list, known, (preset) => preset.name, (preset) => h('li', {},
        h('kbd', {}),
        button(preset.name, () => { void panel.command('controller/recall_preset', { name: preset.name }); },
          { class: 'name' }),
        h('span', { class: 'quiet' }),
        confirmButton('Delete', 'Really?', () => {
          void panel.command('controller/delete_preset', { name: preset.name });
        })));
      known.forEach((preset, i) => {
        const [key, , where] = [...(list.children[i] as HTMLElement).children] as HTMLElement[];
        setText(key as HTMLElement, KEYS[i] ?? '');
        setText(where as HTMLElement, `${degrees(preset.pan)} / ${degrees(preset.tilt)}`);
      });
    },
  };
}

/** The first free "Preset N". */
function nextName(panel: Panel): string {
  const taken = new Set(panel.store.section('controller')?.presets.map((preset) => preset.name));
  let number = 1;
  while (taken.has(`Preset ${number}`)) number += 1;
  return `Preset ${number}`;
}
