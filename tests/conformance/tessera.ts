/** transparency-dev/tessera: a log that its own code wrote, read at each of its sizes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { directorySource, hashing, verifySignature } from '@sealrail/tlog';
import { verifyTree } from '@sealrail/tlog/verify';
import type { Case } from './suite.ts';

const TESSERA_VKEY =
  'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';
const TESSERA_SIZES = 16;

export function tesseraCases(corpus: string): Case[] {
  const folder = join(corpus, 'testdata/log');
  const { get } = directorySource(folder);
  const note = (size: number) => readFileSync(join(folder, `checkpoint.${size}`));
  return Array.from({ length: TESSERA_SIZES }, (_, size) => ({
    id: `size ${size}`,
    expected: JSON.stringify({ ok: true, size: String(size), entries: size, findings: [] }),
    run: async () => {
      // Every smaller checkpoint is one that somebody kept: the tree must extend all of them.
      const report = await verifyTree({
        source: { get: async (path) => (path === 'checkpoint' ? note(size) : get(path)) },
        vkey: TESSERA_VKEY,
        verifier: verifySignature,
        hashing,
        held: Array.from({ length: size }, (_unused, smaller) => note(smaller)),
      });
      const { ok, entries, findings } = report;
      return JSON.stringify({ ok, size: String(report.size), entries, findings });
    },
  }));
}
