/** The published log of a configuration, for commands that go through its decisions. */
import { join } from 'node:path';
import { type BlobReader, openBlobsAtRest } from '@sealrail/sdk';
import type { LogConfig } from '../config/config.ts';
import type { LogFiles } from '../policy/log-files.ts';
import { openLogAtRest } from './log-at-rest.ts';

export interface OpenLogFiles {
  readonly files: LogFiles;
  readonly blobs: BlobReader;
}

/** Throws TlogError where there is no published checkpoint, or one that this log's key did not sign. */
export async function openLogFiles(config: LogConfig): Promise<OpenLogFiles> {
  const { size } = await openLogAtRest(config);
  return {
    files: { folder: join(config.dir, 'log'), size },
    blobs: openBlobsAtRest(join(config.dir, 'private')),
  };
}
