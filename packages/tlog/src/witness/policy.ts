/**
 * Witness policies: c2sp.org/tlog-policy. Whose cosignatures make a checkpoint good enough. A file of
 * octets: names are compared as bytes, so that no version of Unicode has a say in what a policy means. Pure.
 */
import { decodeUtf8 } from '../bytes.ts';
import { TlogError } from '../errors.ts';
import type { Sha256 } from '../sha256.ts';
import { ED25519, parseVkey, type VerifierKey } from '../vkey.ts';

export const POLICY_BYTES_MAX = 256 << 10;
/** Of each kind; the specification asks for at least 32. */
export const POLICY_MEMBERS_MAX = 256;

export interface PolicyLog {
  readonly key: VerifierKey;
  readonly url?: string;
}

export interface PolicyWitness {
  readonly name: string;
  /** Of type COSIGNATURE_V1 or MLDSA44. */
  readonly key: VerifierKey;
  /** Submission prefix of c2sp.org/tlog-witness. */
  readonly url?: string;
}

export type Quorum =
  | { readonly kind: 'none' }
  | { readonly kind: 'witness'; readonly name: string }
  | {
      readonly kind: 'group';
      readonly name: string;
      /** Of the members, how many have to have witnessed; 1 to their number. */
      readonly threshold: number;
      readonly members: readonly Quorum[];
    };

export interface WitnessPolicy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly quorum: Quorum;
}

/** Throws POLICY_MALFORMED with the line: nothing is made of a policy that is understood in part. */
export function parseWitnessPolicy(bytes: Uint8Array, sha256: Sha256): WitnessPolicy {
  if (bytes.length > POLICY_BYTES_MAX) throw malformed(1, `more than ${POLICY_BYTES_MAX} bytes`);
  const reader = new PolicyReader(sha256);
  // One character a byte: nothing is decoded before the line is cut into words.
  const lines = Array.from(bytes, (byte) => String.fromCharCode(byte))
    .join('')
    .split('\n');
  // Without it, a file that was cut off inside a line would be read as another policy.
  if (lines.pop() !== '') throw malformed(lines.length + 1, 'the last line has no newline');
  lines.forEach((line, at) => {
    reader.read(line, at + 1);
  });
  return reader.policy(lines.length);
}

/** True where these witnesses, by their names in the policy, are enough. */
export function isQuorate(quorum: Quorum, cosigned: ReadonlySet<string>): boolean {
  return missingCount(quorum, cosigned) === 0;
}

/** Every witness that has a part in the quorum. */
export function quorumWitnesses(quorum: Quorum): readonly string[] {
  if (quorum.kind === 'none') return [];
  return quorum.kind === 'witness' ? [quorum.name] : quorum.members.flatMap(quorumWitnesses);
}

/** Fewest further cosignatures that would make it quorate. */
function missingCount(quorum: Quorum, cosigned: ReadonlySet<string>): number {
  if (quorum.kind === 'none') return 0;
  if (quorum.kind === 'witness') return cosigned.has(quorum.name) ? 0 : 1;
  return quorum.members
    .map((member) => missingCount(member, cosigned))
    .sort((a, b) => a - b)
    .slice(0, quorum.threshold)
    .reduce((sum, count) => sum + count, 0);
}

/** Smallest number of witnesses that can be a quorum: the `n` of "cosigned k of n". */
export const quorumSize = (quorum: Quorum): number => missingCount(quorum, new Set());

const NONE = 'none';

class PolicyReader {
  readonly #sha256: Sha256;
  readonly #logs: PolicyLog[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  readonly #named = new Map<string, Quorum>();
  /** Names that are members of a group: each may be one once, so that no witness counts twice. */
  readonly #members = new Set<string>();
  #quorum: Quorum | undefined;

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  read(line: string, at: number): void {
    if (/[^\t\x20-\x7e\x80-\xff]/.test(line)) throw malformed(at, 'a control character');
    const [word = '', ...rest] = line.split(/[ \t]+/).filter((part) => part !== '');
    if (word === '' || word.startsWith('#')) return;
    if (word === 'log') this.#log(rest, at);
    else if (word === 'witness') this.#witness(rest, at);
    else if (word === 'group') this.#group(rest, at);
    else if (word === 'quorum') this.#setQuorum(rest, at);
    else throw malformed(at, `${show(word)} is none of log, witness, group and quorum`);
  }

  policy(lines: number): WitnessPolicy {
    if (!this.#quorum)
      throw malformed(lines, 'no quorum line', 'end it with: quorum NAME, or quorum none');
    return { logs: this.#logs, witnesses: this.#witnesses, quorum: this.#quorum };
  }

  #log([vkey, url, ...more]: readonly string[], at: number): void {
    if (vkey === undefined || more.length > 0)
      throw malformed(at, 'it takes a key and perhaps a URL');
    const key = this.#key(vkey, 'log', at);
    if (this.#logs.some((log) => isSame(log.key, key)))
      throw malformed(at, 'a log of this key stands above');
    bounded(this.#logs.length, at);
    this.#logs.push({ key, ...urlOf(url, at) });
  }

  #witness([name, vkey, url, ...more]: readonly string[], at: number): void {
    if (name === undefined || vkey === undefined || more.length > 0)
      throw malformed(at, 'it takes a name, a key and perhaps a URL');
    const key = this.#key(vkey, 'witness', at);
    // Under another name too: one machine would count as two.
    if (this.#witnesses.some((witness) => isSame(witness.key, key)))
      throw malformed(at, 'a witness of this key stands above');
    bounded(this.#witnesses.length, at);
    this.#define(name, { kind: 'witness', name: show(name) }, at);
    this.#witnesses.push({ name: show(name), key, ...urlOf(url, at) });
  }

  #group([name, count, ...names]: readonly string[], at: number): void {
    if (name === undefined || count === undefined || names.length === 0)
      throw malformed(at, 'it takes a name, a number (or any, or all) and members');
    const members = names.map((member) => this.#member(member, at));
    let threshold = Number.NaN;
    if (count === 'any') threshold = 1;
    else if (count === 'all') threshold = members.length;
    else if (/^[1-9][0-9]{0,8}$/.test(count)) threshold = Number(count);
    if (!(threshold <= members.length))
      throw malformed(at, `${show(count)} is no number from 1 to ${members.length}`);
    bounded(this.#named.size - this.#witnesses.length, at);
    this.#define(name, { kind: 'group', name: show(name), threshold, members }, at);
  }

  #member(name: string, at: number): Quorum {
    if (name === NONE) throw malformed(at, '"none" is no member of a group');
    const found = this.#named.get(name);
    if (!found) throw malformed(at, `${show(name)} is not defined above`);
    if (this.#members.has(name))
      throw malformed(at, `${show(name)} is a member of a group already`, 'a witness counts once');
    this.#members.add(name);
    return found;
  }

  #setQuorum([name, ...more]: readonly string[], at: number): void {
    if (name === undefined || more.length > 0) throw malformed(at, 'it takes one name, or none');
    if (this.#quorum) throw malformed(at, 'a second quorum line');
    const found = name === NONE ? ({ kind: 'none' } as const) : this.#named.get(name);
    if (!found) throw malformed(at, `${show(name)} is not defined above`);
    this.#quorum = found;
  }

  #define(name: string, meaning: Quorum, at: number): void {
    if (name === NONE) throw malformed(at, '"none" is taken');
    if (this.#named.has(name)) throw malformed(at, `${show(name)} is defined above`);
    this.#named.set(name, meaning);
  }

  #key(text: string, whose: 'log' | 'witness', at: number): VerifierKey {
    const decoded = decodeUtf8(octets(text));
    if (decoded === undefined) throw malformed(at, 'the key is not UTF-8');
    let key: VerifierKey;
    try {
      key = parseVkey(decoded, this.#sha256);
    } catch (cause) {
      throw malformed(at, cause instanceof Error ? cause.message : String(cause));
    }
    const actual = key.type === ED25519 ? 'log' : 'witness';
    if (actual === whose) return key;
    throw malformed(
      at,
      `${key.name} is a ${actual}'s key, not a ${whose}'s`,
      'the key of a log is of type 1, that of a witness of type 4 or 6',
    );
  }
}

function urlOf(text: string | undefined, at: number): { url?: string } {
  if (text === undefined) return {};
  const decoded = decodeUtf8(octets(text)) ?? '';
  if (!/^https?:\/\//.test(decoded) || !URL.canParse(decoded))
    throw malformed(at, `${show(text)} is no http or https URL`);
  return { url: decoded.replace(/\/+$/, '') };
}

function bounded(count: number, at: number): void {
  if (count >= POLICY_MEMBERS_MAX) throw malformed(at, `more than ${POLICY_MEMBERS_MAX} of a kind`);
}

const octets = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** As text where it is some; names that differ in bytes stay different. */
const show = (text: string): string => decodeUtf8(octets(text)) ?? text;

const isSame = (a: VerifierKey, b: VerifierKey): boolean =>
  a.publicKey.length === b.publicKey.length &&
  a.publicKey.every((byte, at) => byte === b.publicKey[at]);

function malformed(line: number, what: string, hint?: string): TlogError {
  return new TlogError(
    'POLICY_MALFORMED',
    `witness policy, line ${line}: ${what}`,
    hint === undefined ? {} : { hint },
  );
}
