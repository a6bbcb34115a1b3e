/** The demo's second half, with the daemon stopped: what somebody can check who has files and a key only. */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeBundle, TILE_WIDTH, tilePath, tileWidth } from '@sealrail/tlog';
import { check } from './check.ts';
import { runSealrail } from './daemon.ts';
import { CONFIGURATION, DemoError } from './error.ts';
import { BLOCKED_DELETE } from './tries.ts';

interface Report {
  readonly ok: boolean;
  readonly entries: number;
  readonly size: string;
  readonly findings: readonly { what: string; path?: string; index?: number }[];
}

/** Only a tree goes: whatever else stands under this name is not the demo's to remove. */
export function clearTree(log: string): void {
  if (!existsSync(log)) return;
  const others = readdirSync(log).filter((name) => name !== 'checkpoint' && name !== 'tile');
  if (others.length > 0)
    throw new DemoError(
      CONFIGURATION,
      `${log} holds ${others[0]}, which is no part of a log: choose another folder for --dir`,
    );
  rmSync(log, { recursive: true });
}

/**
 * Carries the tree and the public key, and nothing else of what the daemon has, to `out`; verifies them
 * there, then a copy with one flipped byte. Returns how many entries there are.
 */
export async function verifyOffline(
  { home, out }: { readonly home: string; readonly out: string },
  say: (line: string) => void,
): Promise<number> {
  const log = join(out, 'log');
  const vkey = join(out, 'log.vkey');
  clearTree(log);
  cpSync(join(home, 'data/log'), log, { recursive: true });
  writeFileSync(vkey, readFileSync(join(home, 'log.vkey')));
  const { code, report } = await verify(log, vkey);
  check(code === 0 && report.ok, 'the log does not verify');
  say(`  verified ${report.entries} entries by files and a public key`);
  const altered = mkdtempSync(join(tmpdir(), 'sealrail-altered-'));
  try {
    cpSync(log, join(altered, 'log'), { recursive: true });
    await findFlip(join(altered, 'log'), vkey, report.entries, say);
  } finally {
    rmSync(altered, { recursive: true, force: true });
  }
  return report.entries;
}

async function verify(log: string, vkey: string): Promise<{ code: number; report: Report }> {
  const { code, stdout, stderr } = await runSealrail(['verify', log, '--key', vkey, '--json']);
  check(stdout !== '', `verify said nothing: ${stderr}`);
  return { code, report: JSON.parse(stdout) as Report };
}

/** In the entry of the blocked DELETE, one bit of one byte. */
async function findFlip(
  log: string,
  vkey: string,
  size: number,
  say: (line: string) => void,
): Promise<void> {
  const { path, index, bytes, at } = blockedDelete(log, size);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(join(log, path), bytes);
  const { code, report } = await verify(log, vkey);
  const named = report.findings.find((one) => one.path === path && one.index === index);
  check(code === 65 && !report.ok, 'a flipped byte was not noticed');
  check(named !== undefined, `a flipped byte in entry ${index} of ${path} was not named`);
  say(`  found    one flipped byte: ${named?.what}`);
}

interface Place {
  readonly path: string;
  readonly index: number;
  readonly bytes: Uint8Array;
  /** Of a byte in the middle of the entry. */
  readonly at: number;
}

function blockedDelete(log: string, size: number): Place {
  for (let bundle = 0; bundle * TILE_WIDTH < size; bundle++) {
    const width = tileWidth('entries', bundle, size);
    const path = tilePath({ level: 'entries', index: bundle, width });
    const bytes = new Uint8Array(readFileSync(join(log, path)));
    for (const [position, entry] of decodeBundle(bytes, width).entries()) {
      const text = new TextDecoder().decode(entry);
      if (!text.includes('"verdict":"deny"') || !text.includes(`"statement":"${BLOCKED_DELETE}"`))
        continue;
      const at = entry.byteOffset - bytes.byteOffset + Math.floor(entry.length / 2);
      return { path, index: bundle * TILE_WIDTH + position, bytes, at };
    }
  }
  throw new Error('the log holds no entry of the blocked DELETE');
}
