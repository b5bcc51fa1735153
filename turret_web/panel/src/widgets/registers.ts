/** Registers of the motor drivers, for those that have any. */

import { button, h, setDisabled, setHidden } from '../dom';
import type { RegisterValue } from '../generated/interfaces';
import type { Panel, Widget } from '../panel';

const hex = (value: number, digits: number): string => `0x${value.toString(16).toUpperCase().padStart(digits, '0')}`;

export function registers(panel: Panel): Widget {
  const rows = h('tbody');
  const table = h('table', { hidden: true },
    h('thead', {}, h('tr', {}, ...['Axis', 'Register', 'Address', 'Value', ''].map((text) => h('th', {}, text)))), rows);
  const read = button('Read registers', () => { void exchange([]); });

  async function exchange(write: RegisterValue[]): Promise<void> {
    const answer = await panel.command('gimbal/access_registers', { write });
    if (answer === null) return;
    setHidden(table, answer.registers.length === 0);
    rows.replaceChildren(...answer.registers.map(row));
  }

  function row(register: RegisterValue): HTMLElement {
    const value = h('input', {
      type: 'text', pattern: '0x[0-9A-Fa-f]{1,8}', value: register.valid ? hex(register.value, 8) : '',
      placeholder: 'unreadable', 'aria-label': `${register.axis} ${register.name}`,
    });
    const write = button('Write', () => {
      if (value.value !== '' && value.checkValidity()) void exchange([{ ...register, value: Number(value.value) }]);
    });
    return h('tr', {}, ...[register.axis, register.name, hex(register.address, 2), value, write]
      .map((cell) => h('td', {}, cell)));
  }

  const element = h('section', {}, h('h3', {}, 'Motor drivers'), read, table);
  return {
    element,
    update() {
      setHidden(element, !panel.offers('gimbal/access_registers'));
      setDisabled(read, !panel.operator.isOperator);
    },
  };
}
