/**
 * Getting cosignatures for a running log. In rounds: the newest signed checkpoint goes to every witness,
 * and as soon as enough of them have answered it is published with what they said. A round is over before
 * the next begins, so that all of them cosign the same checkpoint, and never more than one a second begins.
 */
import type { Clock } from '../clock.ts';
import { TlogError } from '../errors.ts';
import type { SignedCheckpoint } from '../last-signed.ts';
import type { LogFinding } from '../log.ts';
import { formatNote, type NoteSignature, parseNote } from '../note.ts';
import type { Sha256 } from '../sha256.ts';
import type { Verifier } from '../verify/note.ts';
import type { VerifierKey } from '../vkey.ts';
import { isQuorate, type WitnessPolicy } from './policy.ts';
import { type OwnHistory, WitnessClient, type WitnessHttp } from './submit.ts';

export const ROUND_MS = 1_000;
/** After a witness that did not answer, doubled each time. */
export const BACKOFF_MS_MIN = 1_000;
export const BACKOFF_MS_MAX = 60_000;
/** Without a quorum for this long is a finding, and with `failOpen` publication goes on without one. */
export const QUORUM_MS_MAX = 60_000;
/** For one answer at a start, and for the last round of a clean stop. */
export const WAIT_MS = 5_000;

export interface Witnesses {
  /** Every witness that is to be asked has a URL. */
  readonly policy: WitnessPolicy;
  readonly http: WitnessHttp;
  /** Publish without a quorum once there was none for QUORUM_MS_MAX. */
  readonly failOpen?: boolean;
}

export interface WitnessingOptions extends Witnesses {
  readonly clock: Clock;
  readonly logKey: VerifierKey;
  readonly verifier: Verifier;
  readonly sha256: Sha256;
  readonly history: OwnHistory;
  /** From now on only this size and newer ones may still be published. */
  readonly keep: (size: bigint) => Promise<void>;
  readonly publish: (signed: SignedCheckpoint, note: Uint8Array) => Promise<void>;
  /** Never returns to signing: somebody has seen another history of this log. */
  readonly onContradiction: (error: TlogError, evidence: Evidence) => Promise<void>;
  readonly onFinding: (finding: LogFinding) => void;
}

export interface Evidence {
  readonly witness: string;
  readonly ours: Uint8Array;
  readonly theirs: Uint8Array;
}

interface Asked {
  /** As the policy calls it. */
  readonly name: string;
  readonly client: WitnessClient;
  /** Not before this time. */
  due: number;
  backoffMs: number;
  hasAnswered: boolean;
  /** Why it did not cosign when it was last asked; '' where it did. */
  why: string;
}

/** The checkpoint of a round, with who has cosigned it so far. */
interface Round {
  readonly signed: SignedCheckpoint;
  readonly cosigned: Map<string, NoteSignature>;
  /** How many signatures stand in the note that was published; 0 where none was. */
  published: number;
}

export class Witnessing {
  readonly #options: WitnessingOptions;
  readonly #asked: readonly Asked[];
  #newest: SignedCheckpoint | undefined;
  #round: Round | undefined;
  #running: Promise<void> | undefined;
  #startedAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;
  #closed = false;
  /** Since when something is signed that no quorum has seen. */
  #waitingSince: number | undefined;
  #toldOfQuorum = false;

  constructor(options: WitnessingOptions) {
    this.#options = options;
    const { logKey, verifier, sha256, http } = options;
    this.#asked = options.policy.witnesses.flatMap(({ name, key, url }) =>
      url === undefined
        ? []
        : [
            {
              name,
              client: new WitnessClient({ key, url, http, logKey, verifier, sha256 }),
              due: Number.NEGATIVE_INFINITY,
              backoffMs: BACKOFF_MS_MIN,
              hasAnswered: false,
              why: '',
            },
          ],
    );
  }

  /** The log has signed this; it is submitted as soon as the round under way is over. */
  offer(signed: SignedCheckpoint): void {
    this.#newest = signed;
    this.#waitingSince ??= this.#options.clock.now();
    this.#schedule();
  }

  /**
   * Before the first signature of a start: whoever cosigned more than this log holds says so now. Resolves
   * after the answers, at the latest after WAIT_MS; false where not one witness answered.
   */
  async greet(signed: SignedCheckpoint): Promise<boolean> {
    this.offer(signed);
    await this.#within(this.#running);
    return this.#asked.some(({ hasAnswered }) => hasAnswered);
  }

  /** No round begins any more. */
  stop(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  /** One last round for what was signed last, as far as the witnesses answer in time. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#cancel?.();
    await this.#within(this.#running);
    this.stop();
    if (this.#isSettled) return;
    this.#begin();
    await this.#within(this.#running);
  }

  async #within(work: Promise<void> | undefined): Promise<void> {
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(WAIT_MS, resolve);
    });
    await Promise.race([work, late]);
    cancel();
  }

  /** The newest checkpoint has everything that it can get. */
  get #isSettled(): boolean {
    const round = this.#round;
    return round?.signed === this.#newest && round?.cosigned.size === this.#asked.length;
  }

  #schedule(): void {
    if (this.#running || this.#cancel || this.#closed || this.#isSettled) return;
    const { clock } = this.#options;
    const waitMs = Math.max(0, this.#startedAt + ROUND_MS - clock.now());
    if (waitMs === 0) this.#begin();
    else
      this.#cancel = clock.after(waitMs, () => {
        this.#cancel = undefined;
        this.#begin();
      });
  }

  #begin(): void {
    const signed = this.#newest;
    if (this.#running || !signed) return;
    this.#startedAt = this.#options.clock.now();
    if (this.#round?.signed !== signed) {
      this.#round = { signed, cosigned: new Map(), published: 0 };
    }
    this.#running = this.#run(this.#round).finally(() => {
      this.#running = undefined;
      this.#schedule();
    });
  }

  async #run(round: Round): Promise<void> {
    const { clock, keep } = this.#options;
    const now = clock.now();
    const due = this.#asked.filter(
      (witness) => witness.due <= now && !round.cosigned.has(witness.name),
    );
    await keep(round.signed.size);
    await Promise.all(due.map((witness) => this.#ask(witness, round)));
    await this.#publish(round, true);
    this.#lookAtQuorum(round);
  }

  async #ask(witness: Asked, round: Round): Promise<void> {
    const answer = await witness.client.submit(round.signed, this.#options.history);
    const now = this.#options.clock.now();
    if (answer.kind !== 'unavailable') witness.hasAnswered = true;
    if (answer.kind === 'cosigned') {
      witness.backoffMs = BACKOFF_MS_MIN;
      witness.why = '';
      round.cosigned.set(witness.name, answer.signature);
      await this.#publish(round, false);
      return;
    }
    const waitMs = answer.kind === 'unavailable' ? (answer.retryAfterMs ?? 0) : 0;
    witness.due = now + Math.max(waitMs, witness.backoffMs);
    witness.backoffMs = Math.min(witness.backoffMs * 2, BACKOFF_MS_MAX);
    if (answer.kind === 'refused' && witness.why !== answer.why)
      this.#finding(
        'witness-refuses',
        `the witness ${witness.name} does not cosign: ${answer.why}`,
      );
    witness.why = answer.why;
    if (answer.kind === 'contradiction')
      await this.#contradicted(witness.name, round.signed, answer.why, answer.evidence);
  }

  #contradicted(
    witness: string,
    { note: ours }: SignedCheckpoint,
    why: string,
    theirs: Uint8Array,
  ): Promise<void> {
    const message = `the witness ${witness} has seen another history: ${why}`;
    const error = new TlogError('LOG_CONTRADICTED', message, {
      hint: 'this copy of the log was rolled back, or another one signs under its key; nothing more is signed',
    });
    return this.#options.onContradiction(error, { witness, ours, theirs });
  }

  /** As soon as there are enough, and once more at the end with whoever came later. */
  async #publish(round: Round, isLast: boolean): Promise<void> {
    const { policy, publish } = this.#options;
    const isEnough = isQuorate(policy.quorum, new Set(round.cosigned.keys()));
    const isNew = round.cosigned.size > round.published;
    if (!isEnough || !isNew || (round.published > 0 && !isLast)) return;
    round.published = round.cosigned.size;
    await publish(round.signed, this.#noteOf(round));
    this.#waitingSince = this.#newest === round.signed ? undefined : this.#startedAt;
    this.#toldOfQuorum = false;
  }

  #noteOf({ signed, cosigned }: Round): Uint8Array {
    const note = parseNote(signed.note);
    // In the policy's order, so that the same cosignatures give the same bytes.
    const lines = this.#asked.flatMap(({ name }) => cosigned.get(name) ?? []);
    return formatNote({ ...note, signatures: [...note.signatures, ...lines] });
  }

  #lookAtQuorum(round: Round): void {
    const { clock, failOpen = false, publish } = this.#options;
    if (this.#waitingSince === undefined) return;
    const waitedMs = clock.now() - this.#waitingSince;
    if (waitedMs < QUORUM_MS_MAX) return;
    const missing = this.#asked.filter(({ name }) => !round.cosigned.has(name));
    if (!this.#toldOfQuorum) {
      const names = missing
        .map(({ name, why }) => (why === '' ? name : `${name}: ${why}`))
        .join('; ');
      const then = failOpen
        ? 'published without it, as the configuration says'
        : 'not published meanwhile';
      const seconds = Math.round(waitedMs / 1_000);
      this.#finding(
        'quorum-missing',
        `no quorum of witnesses for ${seconds} s (missing: ${names}): ${then}`,
      );
      this.#toldOfQuorum = true;
    }
    if (failOpen) void publish(round.signed, this.#noteOf(round));
  }

  #finding(rule: LogFinding['rule'], message: string): void {
    this.#options.onFinding({ rule, message });
  }
}
