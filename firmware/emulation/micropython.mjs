// SPDX-License-Identifier: Apache-2.0
// Run a program of the firmware in MicroPython (its WebAssembly port): node micropython.mjs FOLDER MODULE
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadMicroPython } from '@micropython/micropython-webassembly-pyscript/micropython.mjs';

const [folder, module] = process.argv.slice(2);
const python = await loadMicroPython({ linebuffer: true, stdout: (line) => console.log(line) });
for (const name of readdirSync(folder).filter((name) => name.endsWith('.py'))) {
  python.FS.writeFile(`/${name}`, readFileSync(join(folder, name)));
}
python.runPython(`
import sys
sys.path.insert(0, '/')
print(sys.implementation.name, *sys.implementation.version)
source = open('/${module}.py').read()
exec(source, {'__name__': '__main__'})
`);
