/** What a client sends, judged: the bytes that go up for it, or those that stand for its denial. */
import { changesNames, type SqlReading } from '@sealrail/facts';
import type { Decided, Denial } from '@sealrail/sdk';
import { poisonParse, poisonQuery, RESERVED_NAME } from './denial.ts';
import { Judge, NAMES_MAX } from './judge.ts';
import type { ClientMessage } from './messages.ts';
import type { Pipeline, Unit } from './pipeline.ts';
import { SessionEnd } from './session-end.ts';

export interface FrontendOptions {
  readonly judge: Judge;
  readonly pipeline: Pipeline;
  /** Puts bytes into the batch that goes up when everything before it is durable. */
  readonly send: (bytes: Buffer) => void;
  /** Makes that batch wait for this decision. */
  readonly await: (decided: Decided) => void;
  /** Something that changes what names mean has succeeded. */
  readonly namesChanged: () => void;
  readonly nowUs: () => number;
}

const copiesIn = (reading: SqlReading | undefined): boolean =>
  reading?.kind === 'statement' && reading.effects.some(({ kind }) => kind === 'copy-in');

export class Frontend {
  readonly #options: FrontendOptions;
  readonly #judge: Judge;
  readonly #pipeline: Pipeline;
  /** Something on its way may change what names mean: nothing may be judged before its answer. */
  raising = false;
  /** Decisions of bound portals whose first Execute will start their outcome. */
  readonly #bound = new Map<string, { decided: Decided; reading: SqlReading | undefined }>();

  constructor(options: FrontendOptions) {
    this.#options = options;
    this.#judge = options.judge;
    this.#pipeline = options.pipeline;
  }

  take(message: ClientMessage, bytes: Buffer): void {
    switch (message.kind) {
      case 'query':
        this.#query(message.text, bytes);
        break;
      case 'parse':
        this.#parse(message.name, message.text, bytes);
        break;
      case 'bind':
        this.#bind(message, bytes);
        break;
      case 'execute':
        this.#execute(message.portal, bytes);
        break;
      case 'describe':
        this.#pipeline.push({ kind: 'describe' });
        this.#options.send(bytes);
        break;
      case 'close':
        this.#closeName(message.what, message.name, bytes);
        break;
      case 'sync':
        this.#pipeline.push({ kind: 'sync' });
        this.#options.send(bytes);
        break;
      case 'function-call':
        this.#functionCall();
        break;
      case 'copy-done':
      case 'copy-fail':
        this.#pipeline.copyIn = false;
        this.#options.send(bytes);
        break;
      default:
        this.#options.send(bytes);
        break;
    }
  }

  #unit(decided: Decided): Unit {
    return {
      decisionId: decided.decisionId,
      startedUs: this.#options.nowUs(),
      rows: 0,
      bytes: 0,
      status: 'pending',
      code: undefined,
      tags: [],
    };
  }

  /** Effects count when the statement has succeeded; until then nothing is judged that they may change. */
  #effectsOf(reading: SqlReading): () => void {
    if (Judge.raises(reading)) this.raising = true;
    return () => {
      this.#judge.applyEffects(reading);
      if (reading.kind === 'statement' && reading.effects.some(changesNames)) {
        this.#options.namesChanged();
      }
    };
  }

  #query(text: string, bytes: Buffer): void {
    const reading = this.#judge.read(text);
    const decided = this.#judge.decide(text, reading);
    this.#options.await(decided);
    if (decided.denial) {
      this.#pipeline.push({ kind: 'query', denial: decided.denial, reading });
      this.#options.send(poisonQuery(decided.decisionId));
      return;
    }
    this.#declare(reading, text, decided);
    this.#pipeline.push({
      kind: 'query',
      unit: this.#unit(decided),
      reading,
      done: this.#effectsOf(reading),
      copyIn: copiesIn(reading),
    });
    this.#options.send(bytes);
  }

  /** Cursors that a text opens can be fetched from by name, by SQL and by wire. */
  #declare(reading: SqlReading, text: string, decided: Decided): void {
    if (reading.kind !== 'statement') return;
    for (const effect of reading.effects) {
      if (effect.kind === 'declare') this.#addPortal(effect.name, text, [], decided);
    }
  }

  #addPortal(
    name: string,
    text: string,
    binds: readonly (string | null)[],
    decided: Decided,
  ): void {
    if (this.#judge.portals.size >= NAMES_MAX && !this.#judge.portals.has(name)) {
      throw new SessionEnd(`a session may hold ${NAMES_MAX} portals`, '54000');
    }
    this.#judge.portals.set(name, {
      text,
      binds,
      madeFrom: this.#judge.madeFrom,
      decisionId: decided.decisionId,
    });
  }

  /** A Parse takes locks and plans: it is judged too. Allowed, its Bind has the entry. */
  #parse(name: string, text: string, bytes: Buffer): void {
    const reading = this.#judge.read(text);
    const reserved = name === RESERVED_NAME;
    if (reserved || this.#judge.wouldBlock(text, reading)) {
      const decided = reserved
        ? this.#judge.reject(text, `the statement name "${RESERVED_NAME}" is reserved`)
        : this.#judge.decide(text, reading);
      this.#options.await(decided);
      if (decided.denial) {
        this.#pipeline.push({ kind: 'parse', denial: decided.denial, reading });
        this.#options.send(poisonParse(name, decided.decisionId));
        return;
      }
    }
    if (this.#judge.prepared.size >= NAMES_MAX && !this.#judge.prepared.has(name)) {
      throw new SessionEnd(`a session may hold ${NAMES_MAX} prepared statements`, '54000');
    }
    // Until the server has said which, the name may stand for either text, and both are judged.
    const before = name === '' ? [] : (this.#judge.prepared.get(name) ?? []);
    this.#judge.prepared.set(name, [...new Set([...before, text])]);
    this.#pipeline.push({ kind: 'parse', done: () => this.#judge.remember(name, text) });
    this.#options.send(bytes);
  }

  #denyWithParse(denial: Denial, reading: SqlReading | undefined): void {
    this.#pipeline.push({ kind: 'parse', denial, ...(reading ? { reading } : {}) });
    this.#options.send(poisonParse(RESERVED_NAME, denial.decisionId));
  }

  /** Binding plans, folds functions and checks domains: the effect begins here. */
  #bind(
    { portal, statement, values }: Extract<ClientMessage, { kind: 'bind' }>,
    bytes: Buffer,
  ): void {
    const found = this.#judge.readPrepared(statement);
    const text = found?.text ?? '';
    const decided = found
      ? this.#judge.decide(text, found.reading, values)
      : this.#judge.reject(text, `there is no prepared statement "${statement}" that was judged`);
    this.#options.await(decided);
    if (decided.denial) {
      this.#denyWithParse(decided.denial, found?.reading);
      return;
    }
    this.#addPortal(portal, text, values, decided);
    this.#bound.set(portal, { decided, reading: found?.reading });
    this.#pipeline.push({ kind: 'bind' });
    this.#options.send(bytes);
  }

  /** Nothing new to decide, unless policies or the meaning of names have changed since the Bind. */
  #execute(name: string, bytes: Buffer): void {
    const portal = this.#judge.portals.get(name);
    const bound = this.#bound.get(name);
    this.#bound.delete(name);
    if (!portal) {
      const decided = this.#judge.reject('', `there is no portal "${name}" that was judged`);
      this.#options.await(decided);
      if (decided.denial) {
        this.#denyWithParse(decided.denial, undefined);
        return;
      }
    }
    let decided = bound?.decided;
    let reading = bound?.reading;
    if (portal && portal.madeFrom !== this.#judge.madeFrom) {
      reading = this.#judge.read(portal.text);
      decided = this.#judge.decide(portal.text, reading, portal.binds);
      this.#options.await(decided);
      if (decided.denial) {
        this.#denyWithParse(decided.denial, reading);
        return;
      }
      this.#addPortal(name, portal.text, portal.binds, decided);
    }
    if (reading && decided) this.#declare(reading, portal?.text ?? '', decided);
    this.#pipeline.push({
      kind: 'execute',
      ...(decided ? { unit: this.#unit(decided) } : {}),
      ...(reading ? { reading, done: this.#effectsOf(reading) } : {}),
      copyIn: copiesIn(reading),
    });
    this.#options.send(bytes);
  }

  #closeName(what: 'S' | 'P', name: string, bytes: Buffer): void {
    this.#pipeline.push({
      kind: 'close',
      done: () => {
        if (what === 'S') this.#judge.prepared.delete(name);
        else this.#judge.portals.delete(name);
      },
    });
    this.#options.send(bytes);
  }

  /** Calls a function by its number, past all parsing: a side door. */
  #functionCall(): void {
    const decided = this.#judge.reject('', 'the function call protocol is not supported');
    this.#options.await(decided);
    if (!decided.denial) return;
    this.#pipeline.push({ kind: 'query', denial: decided.denial });
    this.#options.send(poisonQuery(decided.decisionId));
  }
}
