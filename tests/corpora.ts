import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Third-party test data is read in place and never committed; `scripts/corpora` fetches it. */
export type CorpusName = 'cedar' | 'merkle' | 'tessera';

/**
 * The folder of a third-party corpus, or undefined where there is none: then what needs it is skipped
 * by name. With SEALRAIL_CORPORA_REQUIRED=1 a missing corpus throws, so that CI cannot pass without it.
 */
export function corpus(name: CorpusName): string | undefined {
  const folder = join(process.env.SEALRAIL_CORPORA ?? join(root, '../shared/corpora'), name);
  if (existsSync(folder)) return folder;
  if (process.env.SEALRAIL_CORPORA_REQUIRED === '1') {
    throw new Error(
      `the corpus "${name}" is required and is not at ${folder}: run scripts/corpora`,
    );
  }
  return undefined;
}

/** The attack cases, which are this project's own and stand in the tree. */
export const attacksFolder = join(root, 'tests/corpora/attacks');
