/**
 * `init --accept-size --accept-root`: what a log has signed, recorded anew after its state folder was lost
 * (log-design.md, LastSigned). What this machine cannot know comes from somebody who kept a checkpoint,
 * and that it was so is an entry.
 */
import { fromBase64, HASH_BYTES, openLog, recreateLastSigned, toHex } from '@sealrail/tlog';
import type { Config } from '../config/config.ts';
import { logOptions, openSource } from '../source.ts';
import { EXIT, type Io, usage } from './io.ts';

const EXAMPLE =
  'sealrail init --accept-size 9312 --accept-root BASE64, from a checkpoint that was kept';

interface Given {
  readonly size: string | undefined;
  readonly root: string | undefined;
  readonly json: boolean;
}

function parse({ size: sizeText = '', root: rootText = '' }: Given): {
  size: number;
  root: Uint8Array;
} {
  const size = /^(0|[1-9][0-9]*)$/.test(sizeText) ? Number(sizeText) : Number.NaN;
  const root = fromBase64(rootText);
  if (!Number.isSafeInteger(size)) throw usage('--accept-size takes a number of entries', EXAMPLE);
  if (root?.length !== HASH_BYTES) throw usage('--accept-root takes 32 bytes in base64', EXAMPLE);
  return { size, root };
}

export async function acceptLog({ log: config }: Config, given: Given, io: Io): Promise<number> {
  const accepted = parse(given);
  await recreateLastSigned(logOptions(config), accepted);
  const log = await openLog(logOptions(config));
  try {
    const { recorder, sideStore } = await openSource(config, log);
    const fields = {
      kind: 'change',
      what: 'log',
      subject: config.origin,
      before: '',
      after: toHex(accepted.root),
      why: `the record of what was signed was lost; ${accepted.size} entries with this root were accepted`,
    } as const;
    await recorder.record(fields, {}).durable;
    await sideStore.close();
  } finally {
    await log.close();
  }
  const { origin } = config;
  const { size } = accepted;
  if (given.json) io.out(JSON.stringify({ origin, size }));
  else io.out(`${origin} continues at ${size} entries; that it was so is an entry of its own`);
  return EXIT.ok;
}
