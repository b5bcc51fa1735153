// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';

import { parseValue, ParameterType, toParameter } from './parameters';

const descriptor = {
  name: 'pan.kp', type: ParameterType.DOUBLE, description: 'gain', additional_constraints: '', read_only: false,
  floating_point_range: [] as { from_value: number; to_value: number }[],
  integer_range: [] as { from_value: number; to_value: number }[],
};

describe('toParameter', () => {
  it('reads the member that the type names', () => {
    expect(toParameter(descriptor, { type: 3, double_value: 4.5, integer_value: 0 }).value).toBe(4.5);
    expect(toParameter(descriptor, { type: 9, string_array_value: ['a'] }).value).toEqual(['a']);
  });

  it('takes a bound at the end of the type for none', () => {
    const wide = { ...descriptor, floating_point_range: [{ from_value: 0, to_value: 1e308 }] };
    expect(toParameter(wide, { type: 3, double_value: 1 })).toMatchObject({ minimum: 0, maximum: null });
    const integer = { ...descriptor, type: 2, integer_range: [{ from_value: -2147483647, to_value: 10 }] };
    expect(toParameter(integer, { type: 2, integer_value: 1 })).toMatchObject({ minimum: null, maximum: 10 });
  });

  it('offers choices only for strings', () => {
    const constrained = { ...descriptor, additional_constraints: 'motion, haar' };
    expect(toParameter(constrained, { type: 3, double_value: 1 }).choices).toEqual([]);
    expect(toParameter({ ...constrained, type: 4 }, { type: 4, string_value: 'haar' }).choices).toEqual(['motion', 'haar']);
  });
});

describe('parseValue', () => {
  it.each([
    ['1.5', ParameterType.DOUBLE, 0, 1.5], ['-3', ParameterType.INTEGER, 0, -3], ['text', ParameterType.STRING, '', 'text'],
    ['1, 2.5', 8, [0], [1, 2.5]], ['a, b', 9, ['x'], ['a', 'b']], ['', 9, ['x'], ['']], ['', 8, [1], []], ['', 7, [1], []], ['true, false', 6, [true], [true, false]],
  ])('reads "%s" as type %i', (text, type, like, value) => {
    expect(parseValue(text, type, like)).toEqual(value);
  });

  it.each([['', ParameterType.DOUBLE, 0], ['1.5', ParameterType.INTEGER, 0], ['NaN', ParameterType.DOUBLE, 0], ['1, x', 8, [0]], ['1.5', 7, [1]], ['yes', 6, [true]]])(
    'refuses "%s" as type %i', (text, type, like) => {
      expect(parseValue(text, type, like)).toBeNull();
    });
});
