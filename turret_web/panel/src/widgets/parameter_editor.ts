/** Look at and change the live parameters of the nodes, and save them. */

import { button, field, h, setDisabled, setText } from '../dom';
import { EditGuard, type Editable } from '../edit_guard';
import { PARAMETER_NODES, type ParameterNode } from '../names';
import {
  parseValue, ParameterType, type Parameter, type ParameterClient, type ParameterValue,
} from '../parameters';
import type { Panel, Widget } from '../panel';
import { TransportError } from '../transport';
import { segmented } from './segmented';

const REFRESH_MS = 3000;

interface Editor {
  element: HTMLElement;
  show(value: ParameterValue, now: number): void;
}

/** Text of a value in an input. */
function inputText(value: ParameterValue): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function control({ name, type, value, choices, minimum, maximum }: Parameter): Editable {
  const properties = { 'aria-label': name };
  if (choices.length > 0) {
    return h('select', properties, ...choices.map((choice) => h('option', { value: choice }, choice)));
  }
  if (type === ParameterType.BOOL) return h('input', { type: 'checkbox', ...properties });
  if (typeof value !== 'number') return h('input', { type: 'text', ...properties });
  return h('input', {
    type: 'number', step: 'any', min: minimum ?? undefined, max: maximum ?? undefined, ...properties,
  });
}

export function parameterEditor(panel: Panel, client: ParameterClient): Widget {
  let node: ParameterNode = PARAMETER_NODES[0];
  let editors = new Map<string, Editor>();
  let loadedAt = -Infinity;
  let isLoading = false;
  const list = h('div', { class: 'parameters' });
  const problem = h('p', { class: 'why' });
  const filter = h('input', { type: 'search', placeholder: 'name or description' });
  const nodes = segmented('Node', PARAMETER_NODES.map((value) => ({ value, label: value })), (value) => {
    node = value;
    editors = new Map();
    list.replaceChildren();
    void load();
  });
  const save = button('Save for the next start', () => { void saveNode(); });
  filter.addEventListener('input', applyFilter);

  function applyFilter(): void {
    const wanted = filter.value.toLowerCase();
    for (const row of list.querySelectorAll<HTMLElement>('.parameter')) {
      row.hidden = !(row.textContent ?? '').toLowerCase().includes(wanted);
    }
  }

  /** Fetch all parameters the first time, then only the values of those that can change. */
  async function load(): Promise<void> {
    const [wanted, known] = [node, editors];
    isLoading = true;
    try {
      const parameters = known.size === 0
        ? await client.list(wanted) : await client.read(wanted, [...known.keys()]);
      if (wanted !== node) return;
      setText(problem, '');
      if (known.size === 0) build(parameters);
      for (const { name, value } of parameters) editors.get(name)?.show(value, performance.now());
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (wanted === node) setText(problem, error.message);
    } finally {
      isLoading = false;
      loadedAt = performance.now();
    }
  }

  function build(parameters: readonly Parameter[]): void {
    const live = parameters.filter((parameter) => !parameter.readOnly);
    const fixed = parameters.filter((parameter) => parameter.readOnly);
    editors = new Map(live.map((parameter) => [parameter.name, editor(parameter)]));
    const fixedRows = fixed.map(({ name, value, description }) => h('div', { class: 'parameter fixed' },
      h('span', { class: 'name' }, name), h('span', { class: 'value' }, inputText(value)),
      h('span', { class: 'quiet' }, description)));
    list.replaceChildren(
      ...[...editors.values()].map(({ element }) => element),
      ...(fixed.length === 0 ? [] : [h('details', {},
        h('summary', {}, `${fixed.length} values fixed at start`), ...fixedRows)]));
    applyFilter();
  }

  function editor(parameter: Parameter): Editor {
    const { name, type, value, description, minimum, maximum } = parameter;
    const input = control(parameter);
    const owner = node;
    const refusal = h('span', { class: 'refusal', role: 'status' });
    const apply = async (): Promise<void> => {
      const next = type === ParameterType.BOOL ? (input as HTMLInputElement).checked : parseValue(input.value, type, value);
      let reason = next === null ? 'this is not a value of the right kind' : '';
      try {
        if (next !== null) reason = await client.set(owner, name, type, next);
      } catch (error) {
        reason = (error as Error).message;
      }
      setText(refusal, reason);
      if (reason !== '') guard.release();
    };
    const guard = new EditGuard(input, () => { void apply(); });
    const range = minimum === null && maximum === null ? '' : ` (${minimum ?? '…'} to ${maximum ?? '…'})`;
    return {
      element: h('label', { class: 'parameter' },
        h('span', { class: 'name' }, name), input, h('span', { class: 'quiet' }, description + range), refusal),
      show: (next, now) => guard.show(typeof next === 'boolean' ? next : inputText(next), now),
    };
  }

  async function saveNode(): Promise<void> {
    try {
      const answer = await client.save(node);
      if (answer.success) panel.notices.done(`Saved ${answer.path}`);
      else panel.notices.refused(`${node}/save_parameters`, answer.code, answer.message);
    } catch (error) {
      panel.notices.failed((error as Error).message);
    }
  }

  const element = h('div', { class: 'stack' },
    nodes.element,
    h('div', { class: 'line' }, field('Filter', filter), save),
    problem, list);
  return {
    element,
    update(now) {
      nodes.show(node);
      const mayEdit = panel.session.role === 'operator';
      setDisabled(save, !mayEdit);
      const isVisible = element.offsetParent !== null;
      if (isVisible && !isLoading && now - loadedAt > REFRESH_MS && panel.transport.connection === 'open') void load();
    },
  };
}
