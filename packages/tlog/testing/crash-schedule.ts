/**
 * One seeded life of a log: appends, a fault at some operation, a kill or a power cut, recovery, perhaps
 * another fault inside that, and so on. In the end nothing acknowledged may be lost, and nothing that was
 * signed may be contradicted.
 */
import { createHash } from 'node:crypto';
import { parseCheckpoint } from '../src/checkpoint.ts';
import { leafHash } from '../src/merkle.ts';
import { openSigner, secretKeyFromSeed, sha256, verifyEd25519 } from '../src/node.ts';
import { createLog, type LogOptions, openLog } from '../src/open.ts';
import { Edge } from '../src/tree/edge.ts';
import { verifyTree } from '../src/verify/tree.ts';
import { formatSecretKey, formatVkey } from '../src/vkey.ts';
import { type Fault, type Random, SimulatedFiles, seededRandom } from './simulated-files.ts';

const key = formatSecretKey(
  secretKeyFromSeed('example.com/sim', createHash('sha256').update('sim').digest()),
);
const LIVES = 4;
const FAULTS: readonly Fault['kind'][] = [
  'crash-before',
  'crash-after',
  'fail-and-not-persist',
  'fail-but-persist',
];

interface History {
  /** Entries by index, as they were acknowledged. */
  readonly acked: Map<number, string>;
  /** Roots by size, of every checkpoint that left the log. */
  readonly signed: Map<number, string>;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function optionsOf(files: SimulatedFiles): LogOptions {
  let now = 0;
  return {
    dir: '/data',
    stateDir: '/state',
    key,
    files,
    segmentBytes: 48 << 10,
    lock: () => ({ release: () => undefined }),
    now: () => (now += 1),
    pace: { turnMs: 0, publishMs: 3 },
  };
}

function remember(history: History, note: Uint8Array): void {
  const { size, root } = parseCheckpoint(note).checkpoint;
  const known = history.signed.get(Number(size));
  if (known !== undefined && known !== hex(root)) throw new Error(`two roots for size ${size}`);
  history.signed.set(Number(size), hex(root));
}

/** Lives until the fault, or to a clean stop; what was acknowledged and signed is remembered. */
async function live(
  files: SimulatedFiles,
  random: Random,
  history: History,
  life: number,
): Promise<boolean> {
  const log = await openLog(optionsOf(files));
  let count = 0;
  const batches = 1 + Math.floor(random() * 6);
  try {
    for (let batch = 0; batch < batches; batch++) {
      const size = 1 + Math.floor(random() * 40);
      const appends = Array.from({ length: size }, async () => {
        const text = `life ${life} entry ${count++} ${'x'.repeat(Math.floor(random() * 400))}`;
        history.acked.set(await log.append(Buffer.from(text)), text);
      });
      await Promise.all(appends);
      if (random() < 0.5)
        remember(history, Buffer.from(await log.receipt(log.size - 1).then(checkpointOf)));
      remember(history, log.checkpoint().note);
    }
    await log.close();
    return true;
  } catch {
    // The fault. Whatever this process knew is gone with it.
    await log.close().catch(() => undefined);
    return false;
  }
}

function checkpointOf(receipt: Uint8Array): Uint8Array {
  return receipt.subarray(Buffer.from(receipt).indexOf('\n\n') + 2);
}

async function check(files: SimulatedFiles, history: History): Promise<void> {
  const log = await openLog(optionsOf(files));
  const edge = new Edge(0, [], sha256);
  for (let index = 0; index < log.size; index++) {
    const entry = await log.read(index);
    const known = history.acked.get(index);
    if (known !== undefined && Buffer.from(entry).toString() !== known)
      throw new Error(`entry ${index} is another one`);
    edge.add(leafHash(entry, sha256));
    const root = history.signed.get(index + 1);
    if (root !== undefined && root !== hex(edge.root()))
      throw new Error(`the root signed at ${index + 1} is contradicted`);
  }
  for (const index of history.acked.keys())
    if (index >= log.size) throw new Error(`acknowledged entry ${index} is lost`);
  for (const size of history.signed.keys())
    if (size > log.size)
      throw new Error(`a checkpoint of ${size} was signed, and ${log.size} entries are left`);
  await log.close();
  const source = { get: (path: string) => files.read(`/data/log/${path}`) };
  const report = await verifyTree({
    source,
    vkey: formatVkey(openSigner(key).key),
    verifier: verifyEd25519,
    sha256,
  });
  if (!report.ok) throw new Error(`the tree does not verify: ${report.findings[0]?.what}`);
}

/** Throws with what was lost or contradicted; the same seed does the same again. */
export async function runSchedule(seed: number, lies = false): Promise<void> {
  const random = seededRandom(seed);
  const history: History = { acked: new Map(), signed: new Map() };
  let files = new SimulatedFiles(new Map(), lies);
  await createLog(optionsOf(files));
  for (let life = 0; life < LIVES; life++) {
    const kind = FAULTS[Math.floor(random() * FAULTS.length)] ?? 'crash-before';
    // Near enough to be inside recovery now and then, far enough to let a log rotate its segments.
    files.fault = { at: files.operations + Math.floor(random() ** 2 * 160), kind };
    try {
      await live(files, random, history, life);
    } catch (error) {
      if (!isFault(error)) throw error;
    }
    files = files.after(random() < 0.5 ? 'kill' : 'power-cut', random);
  }
  await check(files, history);
}

/** What the fault itself makes of an opening; anything else is a log that refuses what it should take. */
function isFault(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (/the machine stopped|the process is dead|EIO/.test(at.message)) return true;
  }
  return false;
}
