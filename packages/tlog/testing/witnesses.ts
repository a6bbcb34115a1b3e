/** Witnesses in this process: the real witness behind an HTTP that can fail. */
import { randomBytes } from 'node:crypto';
import { encodeUtf8, toHex } from '../src/bytes.ts';
import {
  addCheckpoint,
  formatSecretKey,
  parseWitnessPolicy,
  secretKeyFromSeed,
  sha256,
  type VerifierKey,
  verifySignature,
  type Witnessed,
  type WitnessHttp,
  type WitnessResponse,
  type WitnessStore,
} from '../src/index.ts';
import { openCosigner } from '../src/node.ts';
import { formatVkey } from '../src/vkey.ts';
import type { Cosigner } from '../src/witness/cosignature.ts';

export class MemoryStore implements WitnessStore {
  readonly kept = new Map<string, Witnessed>();

  get(origin: string): Witnessed | undefined {
    return this.kept.get(origin);
  }

  replace(origin: string, old: Witnessed | undefined, next: Witnessed): boolean {
    const there = this.kept.get(origin);
    if (there?.size !== old?.size || (there && old && toHex(there.root) !== toHex(old.root)))
      return false;
    this.kept.set(origin, next);
    return true;
  }
}

export class TestWitness {
  readonly name: string;
  readonly cosigner: Cosigner;
  readonly store = new MemoryStore();
  readonly requests: Uint8Array[] = [];
  now = 1_800_000_000n;
  /** What comes instead of its own answer: an error of the network, or an answer of somebody between. */
  instead: () => Promise<WitnessResponse> | undefined = () => undefined;
  readonly #logs: ReadonlyMap<string, readonly VerifierKey[]>;

  constructor(name: string, logKey: VerifierKey) {
    this.name = name;
    const secret = secretKeyFromSeed(`w.example/${name}`, randomBytes(32));
    this.cosigner = openCosigner(formatSecretKey(secret));
    this.#logs = new Map([[logKey.name, [logKey]]]);
  }

  get url(): string {
    return `http://${this.name}.example`;
  }

  get policyLine(): string {
    return `witness ${this.name} ${formatVkey(this.cosigner.key)} ${this.url}`;
  }

  async post(body: Uint8Array): Promise<WitnessResponse> {
    this.requests.push(body);
    const instead = this.instead();
    if (instead) return instead;
    const { status, type, body: text } = await this.answer(body);
    return { status, type, body: encodeUtf8(text) };
  }

  answer(body: Uint8Array) {
    return addCheckpoint(body, {
      cosigner: this.cosigner,
      logs: this.#logs,
      store: this.store,
      now: () => this.now,
      verifier: verifySignature,
      sha256,
    });
  }

  async get(url: string): Promise<WitnessResponse> {
    const instead = this.instead();
    if (instead) return instead;
    for (const [origin, { note }] of this.store.kept)
      if (url.endsWith(`/${toHex(sha256(encodeUtf8(origin)))}/checkpoint`))
        return { status: 200, type: 'text/plain', body: note };
    return { status: 404, type: 'text/plain', body: encodeUtf8('nothing\n') };
  }
}

export function httpOf(witnesses: readonly TestWitness[]): WitnessHttp {
  const find = (url: string): TestWitness => {
    const found = witnesses.find((witness) => url.startsWith(`${witness.url}/`));
    if (!found) throw new Error(`nobody at ${url}`);
    return found;
  };
  return {
    post: async (url, body) => {
      if (!url.endsWith('/add-checkpoint')) throw new Error(`no such path: ${url}`);
      return find(url).post(body);
    },
    get: async (url) => find(url).get(url),
  };
}

export function policyOf(witnesses: readonly TestWitness[], ...more: readonly string[]) {
  const text = [...witnesses.map((one) => one.policyLine), ...more, ''].join('\n');
  return parseWitnessPolicy(encodeUtf8(text), sha256);
}
