// SPDX-License-Identifier: Apache-2.0
// Run a PIO program in the emulated RP2040 of rp2040js.
//
// Standard input is JSON: {"program": [words], "pin": number, "words": [[time, word], ...]}, in PIO clocks. Standard output
// is JSON: {"edges": [[time, level], ...], "stalled": time}. The emulator executes one instruction after the other and
// counts clocks, delays included; while the program waits for a word, time is that of the next word.
import { readFileSync } from 'node:fs';
import { RP2040 } from 'rp2040js';

const PIO0 = 0x50200000;
const INSTR_MEM0 = 0x48, TXF0 = 0x10;
const SM0_EXECCTRL = 0xcc, SM0_PINCTRL = 0xdc;
const LIMIT = 50_000_000;

const { program, pin, words } = JSON.parse(readFileSync(0, 'utf8'));
const chip = new RP2040();
const pio = chip.pio[0];
const machine = pio.machines[0];
const write = (offset, value) => chip.writeUint32(PIO0 + offset, value >>> 0);
program.forEach((word, i) => write(INSTR_MEM0 + 4 * i, word));
write(SM0_EXECCTRL, (program.length - 1) << 12);           // wrap at the end
write(SM0_PINCTRL, (1 << 26) | (pin << 5));                // one pin for "set"
machine.enabled = true;                                    // stepped here instead of by the chip's own clock

const edges = [];
let idle = 0;                                              // clocks that were spent waiting
let level = 0;
const now = () => machine.cycles + idle;

function step() {
  const before = now();
  machine.step();
  const newLevel = (pio.pinValues >>> pin) & 1;
  if (newLevel !== level) {
    level = newLevel;
    edges.push([before, level]);
  }
}

let steps = 0;
for (const [time, word] of words) {
  while (now() < time && !machine.waiting) {
    step();
    if (++steps > LIMIT) throw new Error('the program does not wait for words');
  }
  if (machine.waiting && now() < time) idle += time - now();
  if (machine.txFIFO.full) throw new Error(`the FIFO is full at ${time}`);
  write(TXF0, word);
}
while (!machine.waiting) {
  step();
  if (++steps > LIMIT) throw new Error('the program does not end');
}
console.log(JSON.stringify({ edges, stalled: now() }));
