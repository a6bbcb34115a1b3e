/**
 * Compiles the hashing kernel of packages/tlog and writes it as text that the package imports: nothing is
 * compiled at install, and nothing binary stands in the tree. `node scripts/kernel.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const SOURCE = fileURLToPath(new URL('../packages/tlog/kernel/sha256.ts', import.meta.url));
const OUT = fileURLToPath(
  new URL('../packages/tlog/src/hashing/kernel.generated.ts', import.meta.url),
);

/** The text of the generated file. Throws with the compiler's own words. */
export async function compileKernel(): Promise<string> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      'sha256.ts',
      '--outFile=sha256.wasm',
      '--optimizeLevel=3',
      '--shrinkLevel=0',
      '--converge',
      '--runtime=stub',
      '--enable=simd',
      '--noAssert',
      '--initialMemory=1',
    ],
    {
      readFile: (name) => (name === 'sha256.ts' ? readFileSync(SOURCE, 'utf8') : null),
      writeFile: (name, contents) => {
        if (name === 'sha256.wasm') binary = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error || !binary) throw new Error(`the kernel does not compile: ${stderr}`);
  const base64 = Buffer.from(binary).toString('base64');
  const lines = base64.match(/.{1,96}/g) ?? [];
  return `// Made by scripts/kernel.ts from kernel/sha256.ts. Not edited by hand.
/** ${binary.length} bytes of WebAssembly in base64. */
export const KERNEL =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(OUT, await compileKernel());
