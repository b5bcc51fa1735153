/** What is wrong now, worst first. */

import { h, setData, setHidden, setList, setText } from '../dom';
import { age } from '../format';
import { Fault } from '../generated/interfaces';
import type { Panel, Widget } from '../panel';
import { reasonName, reasonText } from '../reasons';

export function faults(panel: Panel): Widget {
  const list = h('ul', { class: 'faults' });
  const none = h('p', { class: 'quiet' }, 'No faults.');
  const count = h('span', { class: 'age' });
  const element = h('section', { class: 'card', 'aria-label': 'Faults' },
    h('header', {}, h('h2', {}, 'Faults'), count), h('div', { class: 'body' }, list, none));
  return {
    element,
    update(now) {
      const found = panel.store.status?.faults ?? [];
      const since = panel.store.statusAge(now) ?? 0;
      setHidden(none, found.length > 0);
      setText(count, found.length > 0 ? String(found.length) : '');
      setList(list, found, ({ node, code }) => `${node}/${code}`, () => h('li', {},
        h('strong', { class: 'reason' }), h('span', { class: 'source' }), h('span', { class: 'age' }), h('p')));
      found.forEach((fault, i) => {
        const item = list.children[i] as HTMLElement;
        const [name, node, faultAge, text] = [...item.children] as [HTMLElement, HTMLElement, HTMLElement, HTMLElement];
        setData(item, 'tone', fault.severity === Fault.SEVERITY_ERROR ? 'bad' : 'warning');
        setText(name, reasonName(fault.code));
        setText(node, fault.node);
        setText(faultAge, fault.age_s === null ? '' : age(fault.age_s + since));
        setText(text, fault.message || reasonText(fault.code));
      });
    },
  };
}
