// SPDX-License-Identifier: Apache-2.0
/** Read, describe, change and save the ROS parameters of the turret's nodes. */

import type { SaveParameters_Request, SaveParameters_Response } from '../generated/interfaces';
import type { ParameterNode } from './names';
import type { Transport } from './transport';

export type ParameterValue = boolean | number | string | boolean[] | number[] | string[];

export interface Parameter {
  name: string;
  type: number;
  value: ParameterValue;
  description: string;
  readOnly: boolean;
  /** Allowed values of a string parameter; empty = any. */
  choices: string[];
  minimum: number | null;
  maximum: number | null;
}

/** Type numbers of rcl_interfaces/msg/ParameterType with the member of ParameterValue that holds each. */
const MEMBERS = [
  '', 'bool_value', 'integer_value', 'double_value', 'string_value', 'byte_array_value', 'bool_array_value',
  'integer_array_value', 'double_array_value', 'string_array_value',
] as const;
export const ParameterType = {
  BOOL: 1, INTEGER: 2, DOUBLE: 3, STRING: 4, BOOL_ARRAY: 6, INTEGER_ARRAY: 7,
  DOUBLE_ARRAY: 8, STRING_ARRAY: 9,
} as const;

/** Bounds of this size and beyond only say "no limit". */
const UNLIMITED = { [ParameterType.INTEGER]: 2 ** 31 - 1, [ParameterType.DOUBLE]: 1e300 } as const;

interface RosValue {
  type: number;
  [member: string]: ParameterValue;
}

interface Descriptor {
  name: string;
  type: number;
  description: string;
  additional_constraints: string;
  read_only: boolean;
  floating_point_range: { from_value: number; to_value: number }[];
  integer_range: { from_value: number; to_value: number }[];
}

/** Turn what ROS says about one parameter into what an editor needs. */
export function toParameter(descriptor: Descriptor, value: RosValue): Parameter {
  const { name, type, description, additional_constraints: constraints } = descriptor;
  const range = descriptor.floating_point_range[0] ?? descriptor.integer_range[0];
  const limit = UNLIMITED[type as keyof typeof UNLIMITED] ?? Infinity;
  const bound = (end: number | undefined): number | null => (
    end === undefined || Math.abs(end) >= limit ? null : end);
  return {
    name, type, description,
    value: value[MEMBERS[value.type] ?? ''] ?? '',
    readOnly: descriptor.read_only,
    choices: type === ParameterType.STRING && constraints !== '' ? constraints.split(', ') : [],
    minimum: bound(range?.from_value),
    maximum: bound(range?.to_value),
  };
}

/** The value that a text stands for, as the parameter's type; null when it stands for none. */
export function parseValue(text: string, type: number, like: ParameterValue): ParameterValue | null {
  if (type === ParameterType.STRING) return text;
  if (type >= ParameterType.BOOL_ARRAY || Array.isArray(like)) {
    const items = text.split(',').map((item) => item.trim()).filter((item) => item !== '');
    if (type === ParameterType.STRING_ARRAY) return items.length === 0 ? [''] : items; // how the nodes write "empty"
    if (type === ParameterType.BOOL_ARRAY) {
      return items.every((item) => item === 'true' || item === 'false') ? items.map((item) => item === 'true') : null;
    }
    const numbers = items.map(Number);
    const isSound = type === ParameterType.INTEGER_ARRAY ? Number.isInteger : Number.isFinite;
    return numbers.every(isSound) ? numbers : null;
  }
  const value = Number(text);
  const isNumber = text.trim() !== '' && Number.isFinite(value);
  return isNumber && (type !== ParameterType.INTEGER || Number.isInteger(value)) ? value : null;
}

export class ParameterClient {
  constructor(private readonly transport: Transport, private readonly namespace: string) {}

  /** Every parameter of a node that is the turret's own, in order of declaration. */
  async list(node: ParameterNode): Promise<Parameter[]> {
    const { result } = await this.call<unknown, { result: { names: string[] } }>(
      node, 'list_parameters', 'ListParameters', { prefixes: [], depth: 0 });
    const names = result.names.filter((name) => !/^(use_sim_time$|start_type_description|qos_overrides)/.test(name));
    return this.read(node, names);
  }

  /** Some parameters of a node. */
  async read(node: ParameterNode, names: readonly string[]): Promise<Parameter[]> {
    const [{ descriptors }, { values }] = await Promise.all([
      this.call<unknown, { descriptors: Descriptor[] }>(node, 'describe_parameters', 'DescribeParameters', { names }),
      this.call<unknown, { values: RosValue[] }>(node, 'get_parameters', 'GetParameters', { names }),
    ]);
    return descriptors.map((descriptor, i) => toParameter(descriptor, values[i] ?? { type: 0 }));
  }

  /** Change one parameter. Returns why it was refused; empty when it was changed. */
  async set(node: ParameterNode, name: string, type: number, value: ParameterValue): Promise<string> {
    const { results } = await this.call<unknown, { results: { successful: boolean; reason: string }[] }>(
      node, 'set_parameters', 'SetParameters',
      { parameters: [{ name, value: { type, [MEMBERS[type] ?? '']: value } }] });
    const [result] = results;
    return result?.successful ? '' : result?.reason || 'refused';
  }

  /** Keep the live parameters of a node for its next start. */
  async save(node: ParameterNode): Promise<SaveParameters_Response> {
    return this.transport.callAs<SaveParameters_Request, SaveParameters_Response>(
      `${this.namespace}/${node}/save_parameters`, 'turret_msgs/srv/SaveParameters', {});
  }

  private call<Q, A>(node: ParameterNode, service: string, type: string, request: Q): Promise<A> {
    return this.transport.callAs<Q, A>(
      `${this.namespace}/${node}/${service}`, `rcl_interfaces/srv/${type}`, request);
  }
}
