// SPDX-License-Identifier: Apache-2.0
/**
 * The live parameters of the nodes, grouped by subject: search, marks for what was changed, reset per row, a bar for
 * what is not saved, export and import. Angles are shown in degrees, raw names only on demand.
 */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';

import { PARAMETER_NODES, type ParameterNode } from '../../bridge/names';
import type { Parameter } from '../../bridge/parameters';
import { expertNames } from '../../state/settings';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Check, Field, Group, Segmented } from '../../ui/controls';
import { acceptBaselines, baselineOf, setParameter, takeParameters } from '../../ui/parameter';
import { useParameterList } from '../../ui/parameter_list';
import { FixedRow, ParameterRow } from '../../ui/parameter_row';
import { download } from '../plots/plot';
import { fromYaml, toYaml } from './yaml';

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export function Settings(): VNode {
  const panel = usePanel();
  const node = useSignal<ParameterNode>(PARAMETER_NODES[0]);
  const { all, problem } = useParameterList(node.value);
  const search = useSignal('');
  const onlyChanged = useSignal(false);
  const file = useRef<HTMLInputElement>(null);
  const mayEdit = panel.whyNotOperator.value;


  async function save(): Promise<void> {
    try {
      const answer = await panel.parameters.save(node.value);
      if (!answer.success) {
        panel.notices.refused(`${node.value}/save_parameters`, answer.code, answer.message);
        return;
      }
      acceptBaselines(node.value);
      takeParameters(node.value, all.value);
      all.value = [...all.value];
      panel.notices.done(t.settings.saved(answer.path));
    } catch (error) {
      panel.notices.failed((error as Error).message);
    }
  }

  function exportFile(): void {
    const live = Object.fromEntries(all.value.filter(({ readOnly }) => !readOnly).map(({ name, value }) => [name, value]));
    download(`${node.value}.yaml`, 'application/yaml', toYaml({ [node.value]: live }));
  }

  async function importFile(chosen: File): Promise<void> {
    try {
      const wanted = fromYaml(await chosen.text())[node.value];
      if (wanted === undefined) throw new Error(t.settings.notInFile(node.value));
      const refused: string[] = [];
      let changed = 0;
      for (const parameter of all.value) {
        const value = wanted[parameter.name];
        if (value === undefined || parameter.readOnly || same(value, parameter.value)) continue;
        const refusal = await setParameter(panel, node.value, parameter.name, parameter.type, value);
        if (refusal === '') changed += 1;
        else refused.push(`${parameter.name}: ${refusal}`);
      }
      if (refused.length > 0) panel.notices.failed(refused.join('; '));
      panel.notices.done(t.settings.imported(changed));
    } catch (error) {
      panel.notices.failed((error as Error).message);
    }
  }

  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const isChanged = (parameter: Parameter): boolean => {
    const before = baselineOf(node.value, parameter.name);
    return before !== undefined && !same(before, parameter.value);
  };
  const found = all.value.filter((parameter) => words.every((word) => `${parameter.name} ${parameter.description}`.toLowerCase().includes(word))
    && (!onlyChanged.value || isChanged(parameter)));
  const live = found.filter(({ readOnly }) => !readOnly);
  const fixed = found.filter(({ readOnly }) => readOnly);
  const changed = all.value.filter(isChanged).length;
  const groups = new Map<string, Parameter[]>();
  for (const parameter of live) {
    const subject = parameter.name.includes('.') ? parameter.name.slice(0, parameter.name.indexOf('.')) : '';
    groups.set(subject, [...groups.get(subject) ?? [], parameter]);
  }
  return (
    <Group title={t.settings.title}>
      <Segmented label={t.settings.node} options={PARAMETER_NODES.map((value) => ({ value, label: t.settings.nodes[value] }))} value={node.value} onChange={(value) => { node.value = value; }} />
      <Field label={t.settings.search}>
        <input type="search" placeholder={t.settings.searchHint} value={search.value} onInput={(event) => { search.value = event.currentTarget.value; }} />
      </Field>
      <div class="line">
        <Check label={t.settings.onlyChanged} checked={onlyChanged.value} onChange={(on) => { onlyChanged.value = on; }} />
        <Check label={t.settings.rawNames} checked={expertNames.value === 'on'} onChange={(on) => { expertNames.value = on ? 'on' : 'off'; }} />
      </div>
      <div class="line">
        <Button onClick={exportFile}>{t.settings.export}</Button>
        <Button why={mayEdit} onClick={() => file.current?.click()}>{t.settings.import}</Button>
        <input
          ref={file} type="file" accept=".yaml,.yml" hidden
          onChange={(event) => { const [chosen] = event.currentTarget.files ?? []; if (chosen !== undefined) void importFile(chosen); event.currentTarget.value = ''; }}
        />
        <Button why={mayEdit} onClick={() => { void save(); }}>{t.settings.save}</Button>
      </div>
      {changed > 0 ? <p class="unsaved" role="status">{t.settings.unsaved(changed)}</p> : null}
      <p class="why" role="status">{problem.value || mayEdit}</p>
      {all.value.length === 0 ? <p class="quiet">{t.fields.loading}</p> : found.length === 0 ? <p class="quiet">{t.settings.noHit(search.value)}</p> : null}
      {[...groups].map(([subject, parameters]) => (
        <details class="subject" key={`${node.value}/${subject}`} open={words.length > 0 || onlyChanged.value || subject === '' || groups.size < 3}>
          <summary>{subject === '' ? t.settings.general : t.settings.subject(subject)} <span class="quiet">{parameters.length}</span></summary>
          {parameters.map((parameter) => (
            <ParameterRow key={parameter.name} node={node.value} parameter={parameter} why={mayEdit} isChanged={isChanged(parameter)} onChanged={(value) => {
              all.value = all.value.map((other) => (other.name === parameter.name ? { ...other, value } : other));
            }}
            />
          ))}
        </details>
      ))}
      {fixed.length === 0 ? null : (
        <details class="subject" open={words.length > 0 && live.length === 0}>
          <summary>{t.settings.fixedAtStart(fixed.length)}</summary>
          {fixed.map((parameter) => <FixedRow key={parameter.name} parameter={parameter} />)}
        </details>
      )}
    </Group>
  );
}
