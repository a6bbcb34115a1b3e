/**
 * Cedar's own integration tests, as they stand in the third-party corpus: 7,809 generated tests of one
 * policy each, in an archive that is read in memory (unpacking 31,236 files would leave some behind when
 * killed), and the tests written by hand. What holds integers stays text, since they exceed 2^53.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Json, parseExact } from './exact-json.ts';

interface Uid {
  readonly type: string;
  readonly id: string;
}

export interface CorpusRequest {
  readonly principal: Uid;
  readonly action: Uid;
  readonly resource: Uid;
  /** JSON text, every digit kept. */
  readonly context: string;
  /** Whether Cedar validated the request against the schema before it answered. */
  readonly validateRequest: boolean;
  readonly decision: 'allow' | 'deny';
  readonly reason: readonly string[];
  readonly errors: readonly string[];
}

export interface CorpusTest {
  readonly id: string;
  /** Cedar text; the policies are called `policy0`, `policy1`, … in its order. */
  readonly policies: string;
  /** Cedar schema text. */
  readonly schema: string;
  /** JSON text. */
  readonly entities: string;
  /** Whether Cedar 4.10's validator accepted the policies. */
  readonly shouldValidate: boolean;
  readonly requests: readonly CorpusRequest[];
}

/** In the order of their ids, which are hashes. `folder` is `corpus('cedar')`. */
export function* generatedTests(folder: string): Generator<CorpusTest> {
  const files = readTar(gunzipSync(readFileSync(join(folder, 'corpus-tests.tar.gz'))));
  const read = (path: string): string => {
    const bytes = files.get(path);
    if (bytes === undefined) throw new Error(`the corpus archive holds no ${path}`);
    return bytes.toString('utf8');
  };
  const paths = [...files.keys()].filter(
    (path) => path.endsWith('.json') && !path.endsWith('.entities.json'),
  );
  for (const path of paths.sort())
    yield readTest(path.slice(path.lastIndexOf('/') + 1, -'.json'.length), read(path), read);
}

export function* handwrittenTests(folder: string): Generator<CorpusTest> {
  const read = (path: string): string => readFileSync(join(folder, path), 'utf8');
  const paths = readdirSync(join(folder, 'tests'), { recursive: true, encoding: 'utf8' });
  for (const path of paths.filter((name) => name.endsWith('.json')).sort())
    yield readTest(path.slice(0, -'.json'.length), read(join('tests', path)), read);
}

interface TestFile {
  readonly policies: string;
  readonly schema: string;
  readonly entities: string;
  readonly shouldValidate: boolean;
  readonly requests: readonly (Omit<CorpusRequest, 'context' | 'validateRequest'> & {
    readonly context: Json;
    readonly validateRequest?: boolean;
  })[];
}

function readTest(id: string, text: string, read: (path: string) => string): CorpusTest {
  const file = parseExact(text) as unknown as TestFile;
  return {
    id,
    policies: read(file.policies),
    schema: read(file.schema),
    entities: read(file.entities),
    shouldValidate: file.shouldValidate,
    requests: file.requests.map((request) => ({
      ...request,
      context: JSON.stringify(request.context),
      validateRequest: request.validateRequest ?? true,
    })),
  };
}

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const SIZE_AT = 124;
const SIZE_BYTES = 12;
const TYPE_AT = 156;
const REGULAR_FILE = '0'.charCodeAt(0);

/** Names are short enough for the plain header, and anything else in the archive is passed over. */
function readTar(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; at + BLOCK_BYTES <= archive.length; ) {
    const size =
      Number.parseInt(archive.toString('latin1', at + SIZE_AT, at + SIZE_AT + SIZE_BYTES), 8) || 0;
    const start = at + BLOCK_BYTES;
    if (archive[at + TYPE_AT] === REGULAR_FILE) {
      const name = archive.toString('utf8', at, at + NAME_BYTES).replace(/\0.*$/s, '');
      files.set(name.replace(/^\.\//, ''), archive.subarray(start, start + size));
    }
    at = start + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return files;
}
