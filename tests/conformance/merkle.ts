/** transparency-dev/merkle: 518 proofs with the answer that a verifier must give. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  sha256,
  verifyConsistency,
  verifyInclusion,
  verifySubtreeConsistency,
  verifySubtreeInclusion,
} from '@sealrail/tlog';
import type { Case } from './suite.ts';

interface Vector {
  readonly wantErr: boolean;
  readonly proof: readonly string[] | null;
  readonly [field: string]: string | boolean | readonly string[] | null;
}

/** Integers past 2^53 stand in the vectors, so numbers are read from their text. */
function readVector(path: string): Vector {
  const text = readFileSync(path, 'utf8').replace(/: (\d+)(,?)$/gm, ': "$1"$2');
  return JSON.parse(text) as Vector;
}

export function merkleCases(corpus: string): Case[] {
  const folder = join(corpus, 'testdata');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .sort();
  return files.map((file) => {
    const vector = readVector(join(folder, file));
    return {
      id: file,
      expected: vector.wantErr ? 'refused' : 'accepted',
      run: () =>
        problemOf(file.split('/')[0] ?? '', vector) === undefined ? 'accepted' : 'refused',
    };
  });
}

/** What is wrong with the vector's proof; undefined where it holds. */
function problemOf(kind: string, vector: Vector): string | undefined {
  const bytes = (field: string) => Buffer.from(String(vector[field] ?? ''), 'base64');
  const int = (field: string) => BigInt(String(vector[field]));
  const proof = (vector.proof ?? []).map((hash) => Buffer.from(hash, 'base64'));
  switch (kind) {
    case 'inclusion':
      return verifyInclusion(
        {
          index: int('leafIdx'),
          size: int('treeSize'),
          leaf: bytes('leafHash'),
          root: bytes('root'),
          proof,
        },
        sha256,
      );
    case 'subtreeinclusion':
      return verifySubtreeInclusion(
        {
          index: int('leafIdx'),
          start: int('start'),
          end: int('end'),
          leaf: bytes('leafHash'),
          root: bytes('root'),
          proof,
        },
        sha256,
      );
    case 'consistency':
      return verifyConsistency(
        {
          from: int('size1'),
          to: int('size2'),
          fromRoot: bytes('root1'),
          toRoot: bytes('root2'),
          proof,
        },
        sha256,
      );
    case 'subtreeconsistency':
      return verifySubtreeConsistency(
        {
          start: int('start'),
          end: int('end'),
          size: int('size'),
          subtreeRoot: bytes('root1'),
          root: bytes('root2'),
          proof,
        },
        sha256,
      );
    default:
      throw new Error(`a vector of an unknown kind: ${kind}`);
  }
}
