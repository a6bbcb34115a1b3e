/**
 * A log's side of c2sp.org/tlog-witness: hands its newest checkpoint to one witness and takes the
 * cosignature. The witness is believed in nothing but its signature; a witness that says that it has seen
 * more of us than we have signed is asked to show it.
 */
import { decodeUtf8, encodeUtf8, equal, parseDecimal, toHex } from '../bytes.ts';
import { parseCheckpoint } from '../checkpoint.ts';
import { TlogError } from '../errors.ts';
import { type NoteSignature, signatureClaims } from '../note.ts';
import type { Sha256 } from '../sha256.ts';
import { type Verifier, verifyNote } from '../verify/note.ts';
import { algorithmOf, type VerifierKey } from '../vkey.ts';
import { formatAddCheckpoint, parseSignatureLines, SIZE_TYPE } from './add-checkpoint.ts';

export interface WitnessResponse {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array;
  readonly retryAfterMs?: number;
}

/** HTTP as a witness needs it; rejects where there was no whole answer. Bounds sizes and times itself. */
export interface WitnessHttp {
  post(url: string, body: Uint8Array): Promise<WitnessResponse>;
  get(url: string): Promise<WitnessResponse>;
}

/** What the log signed, with its own signatures only. */
export interface Submitted {
  readonly size: bigint;
  readonly root: Uint8Array;
  readonly note: Uint8Array;
}

export type Submission =
  | { readonly kind: 'cosigned'; readonly signature: NoteSignature }
  /** Nothing was found out; to be tried again, after `retryAfterMs` where the witness said so. */
  | { readonly kind: 'unavailable'; readonly why: string; readonly retryAfterMs?: number }
  /** The witness says no, or something that makes no sense, and has shown nothing that is signed. */
  | { readonly kind: 'refused'; readonly why: string }
  /**
   * The witness holds a checkpoint under our own key that is larger than ours, or of our size with another
   * root, or that ours does not extend: this log was rolled back or copied, and must not sign any more.
   */
  | { readonly kind: 'contradiction'; readonly why: string; readonly evidence: Uint8Array };

export interface WitnessClientOptions {
  readonly key: VerifierKey;
  /** Submission prefix, without a slash at its end. */
  readonly url: string;
  readonly http: WitnessHttp;
  readonly logKey: VerifierKey;
  readonly verifier: Verifier;
  readonly sha256: Sha256;
}

/** What the log itself holds of its past, from its files. */
export interface OwnHistory {
  /** Proves that the first `from` entries are a prefix of what is submitted. */
  prove(from: number, to: number): Promise<readonly Uint8Array[]>;
  root(size: number): Promise<Uint8Array>;
}

export class WitnessClient {
  readonly #options: WitnessClientOptions;
  /** Where the witness stands, as far as it has said. */
  #known = 0n;

  constructor(options: WitnessClientOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.key.name;
  }

  async submit(checkpoint: Submitted, history: OwnHistory): Promise<Submission> {
    try {
      const first = await this.#post(checkpoint, this.#known, history);
      if (typeof first !== 'bigint') return first;
      // It told us where it stands: once more from there.
      if (first <= checkpoint.size) {
        this.#known = first;
        const second = await this.#post(checkpoint, first, history);
        if (typeof second !== 'bigint') return second;
        return {
          kind: 'unavailable',
          why: `it moved from ${first} to ${second} entries meanwhile`,
        };
      }
      return await this.#look(checkpoint, `it has seen ${first} entries of this log`, history);
    } catch (error) {
      return { kind: 'unavailable', why: error instanceof Error ? error.message : String(error) };
    }
  }

  /** The witness's own size where it answers that ours is not its. */
  async #post(
    checkpoint: Submitted,
    old: bigint,
    history: OwnHistory,
  ): Promise<Submission | bigint> {
    const isSame = old === 0n || old === checkpoint.size;
    const proof = isSame ? [] : await history.prove(Number(old), Number(checkpoint.size));
    const body = formatAddCheckpoint({ old, proof, checkpoint: checkpoint.note });
    const { http, url } = this.#options;
    const response = await http.post(`${url}/add-checkpoint`, body);
    const { status, type } = response;
    if (status === 200) return this.#cosigned(checkpoint, response);
    const size = status === 409 && type.startsWith(SIZE_TYPE) ? sizeOf(response.body) : undefined;
    if (size !== undefined) return size;
    const why = `it answers ${status}: ${textOf(response.body)}`;
    if (status === 429 || status >= 500) {
      const { retryAfterMs } = response;
      return { kind: 'unavailable', why, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    }
    // Our proof is right, so either the witness is wrong or we are not the log that it knows.
    if (status === 409 || status === 422) return this.#look(checkpoint, why, history);
    return { kind: 'refused', why };
  }

  async #cosigned({ note, size }: Submitted, { body }: WitnessResponse): Promise<Submission> {
    const { key, verifier } = this.#options;
    const { text } = parseCheckpoint(note).note;
    try {
      const signatures = parseSignatureLines(body, text);
      const [claim] = signatureClaims({ text, signatures }, [key]);
      const signature = signatures.find((one) => one.name === key.name && one.id === key.id);
      if (
        claim &&
        signature &&
        (await verifier(key.publicKey, claim.message, claim.signature, algorithmOf(key.type)))
      ) {
        this.#known = size;
        return { kind: 'cosigned', signature };
      }
      return { kind: 'refused', why: `its answer holds no signature of ${key.name}+${key.id}` };
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      return { kind: 'refused', why: error.message };
    }
  }

  /** A number alone proves nothing: what counts is a checkpoint under our own key. */
  async #look(checkpoint: Submitted, why: string, history: OwnHistory): Promise<Submission> {
    const { http, url, logKey, verifier, sha256 } = this.#options;
    const path = `${toHex(sha256(encodeUtf8(logKey.name)))}/checkpoint`;
    const shown = await http.get(`${url}/${path}`);
    if (shown.status !== 200) return { kind: 'refused', why: `${why}, and shows no checkpoint` };
    try {
      const { note, checkpoint: theirs } = parseCheckpoint(shown.body);
      const signed = await verifyNote(note, [logKey], verifier);
      if (signed.length === 0 || theirs.origin !== logKey.name)
        return { kind: 'refused', why: `${why}, and shows a checkpoint that is not this log's` };
      const { size } = theirs;
      const own = size > checkpoint.size ? undefined : await history.root(Number(size));
      if (own && equal(own, theirs.root))
        return { kind: 'refused', why: `${why}, and shows the checkpoint of ${size} entries` };
      const what = own
        ? `it shows another root under this log's key for ${size} entries`
        : `it shows a checkpoint of ${size} entries under this log's key, and this log has signed ${checkpoint.size}`;
      return { kind: 'contradiction', why: what, evidence: shown.body };
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      return { kind: 'refused', why: `${why}, and shows something else: ${error.message}` };
    }
  }
}

const TEXT_MAX = 200;

function textOf(body: Uint8Array): string {
  const text = decodeUtf8(body.subarray(0, TEXT_MAX)) ?? '';
  // It may end up on a terminal.
  return text.replace(/[^\x20-\x7e]+/g, ' ').trim() || 'nothing';
}

function sizeOf(body: Uint8Array): bigint | undefined {
  return parseDecimal(
    /^([^\n]*)\n?$/.exec(decodeUtf8(body.subarray(0, TEXT_MAX)) ?? '')?.[1] ?? '',
  );
}
