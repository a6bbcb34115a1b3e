/**
 * The client's side of a session: each message is judged, and goes into the outbox as it came or as what
 * fails in its place. Nothing here waits: a message that cannot be judged yet is left for later.
 */
import type { SqlReading } from '@sealrail/facts';
import type { Decided } from '@sealrail/sdk';
import { CopiedData } from './copied.ts';
import { poisonCopy, poisonParse, poisonQuery, RESERVED_NAME } from './denial.ts';
import { frame, ProtocolError } from './frame.ts';
import { type Asked, asked, effectsOf, type Judged } from './judge.ts';
import type { Bind, ClientMessage } from './messages.ts';
import { NameChanges } from './name-changes.ts';
import type { Outbox } from './outbox.ts';
import type { Denied, Outstanding, Pipeline } from './pipeline.ts';
import { matchResult, type ResultPlan } from './result-plan.ts';
import { readRowDescription } from './row-description.ts';
import { cursorPlans, type Plans } from './shown-by.ts';
import { NAMES_MAX, type NameMap, type Portal } from './statements.ts';
import {
  describePortal,
  executeUpTo,
  isBoundedRead,
  isUnfoldable,
  unfoldedQuery,
} from './unfolded.ts';
import { openUnit, type Unit } from './unit.ts';
import { cursorOf, type Shown, Units, type UnitsOptions } from './units.ts';

/** Requests that the upstream has not answered; past it nothing more is taken until it has. */
export const OUTSTANDING_MAX = 10_000;

const FLUSH = frame('H');
/** Type and length. */
const FRAME_HEADER_BYTES = 5;

export interface FrontendOptions extends UnitsOptions {
  readonly pipeline: Pipeline;
  readonly outbox: Outbox;
  /** Reads the catalog again; resolves when what was committed before is known. */
  readonly refreshCatalog: () => Promise<void>;
  /** One more decision entry was written. */
  readonly decided: (decided: Decided) => void;
}

export class Frontend {
  readonly #options: FrontendOptions;
  /** Number of the Sync that ends what comes now. */
  #group = 0;
  /** A denial of the extended protocol is on its way: the server discards everything up to the Sync. */
  #doomed = false;
  /** Requests on their way that may change what names mean. */
  #rising = 0;
  #refreshing: Promise<void> | undefined;
  /** The COPY FROM STDIN that takes data now, and what its data has brought. */
  #copied:
    | { readonly query: Asked; readonly reading: SqlReading; readonly data: CopiedData }
    | undefined;
  /** Units that an Execute has gone up for: the next one of the same portal is an action of its own. */
  readonly #executed = new WeakSet<Unit>();

  readonly #units: Units;

  constructor(options: FrontendOptions) {
    this.#options = options;
    this.#units = new Units(options);
  }

  /**
   * False where the message has to wait until everything before it is answered (and `flush` would bring
   * the answers): then nothing has been done with it. Throws ProtocolError.
   */
  take(message: ClientMessage, bytes: Buffer): boolean {
    const { pipeline, outbox } = this.#options;
    switch (message.kind) {
      case 'copy-data':
        // Outside a COPY the server would ignore it, and so do we: nothing goes up that nobody judged.
        if (!pipeline.copyData(bytes.length)) return true;
        if (!this.#copied?.data.push(bytes.subarray(FRAME_HEADER_BYTES)) || !this.#stopCopy())
          outbox.add(bytes);
        return true;
      case 'copy-done':
        if (pipeline.copying && this.#copied?.data.end() && this.#stopCopy()) return true;
        if (pipeline.copyEnd()) outbox.add(bytes);
        return true;
      case 'copy-fail':
        if (pipeline.copyEnd()) outbox.add(bytes);
        return true;
      case 'flush':
        outbox.add(bytes);
        return true;
      case 'sync':
        this.#group++;
        this.#doomed = false;
        if (pipeline.sync()) outbox.add(bytes);
        return true;
      case 'terminate':
        outbox.add(bytes);
        return true;
      default:
        return this.#request(message, bytes);
    }
  }

  /** Asks the server for the answers that it would keep until the next Sync. */
  flush(): void {
    this.#options.outbox.add(FLUSH);
  }

  /** Resolves when the catalog has been read again, where something made that necessary. */
  async refreshed(): Promise<void> {
    await this.#refreshing;
  }

  /** The server is ready for the next query; portals end with their transaction. */
  ready(status: string): void {
    const { judge } = this.#options;
    judge.inTransaction = status !== 'I';
    if (status !== 'I') return;
    if (judge.resolution.ended()) this.#refresh();
    this.dropPortals(({ held }) => !held);
  }

  /** Marks what was bound and never executed: nothing of it happened, and nothing will. */
  dropPortals(goes: (portal: Portal) => boolean): void {
    this.#gone(this.#options.names.portals.clear(goes));
  }

  #refresh(): void {
    const refreshing = this.#options.refreshCatalog().finally(() => {
      if (this.#refreshing === refreshing) this.#refreshing = undefined;
    });
    this.#refreshing = refreshing;
  }

  // ---------------------------------------------------------------- requests

  #request(message: ClientMessage, bytes: Buffer): boolean {
    const { pipeline, judge } = this.#options;
    if (pipeline.copying) {
      throw new ProtocolError('only COPY data may follow a COPY FROM STDIN that is not over');
    }
    // The client is not answered for it, so it is not judged, and there is nothing to send.
    if (this.#doomed || pipeline.discarding) return true;
    if (pipeline.length >= OUTSTANDING_MAX || this.#rising > 0 || this.#refreshing) return false;
    if (judge.resolution.uncommitted && pipeline.length > 0) return false;
    switch (message.kind) {
      case 'query':
        return this.#query(message.text, bytes);
      case 'parse':
        return this.#parse(message.name, message.text, bytes);
      case 'bind':
        return this.#bind(message, bytes);
      case 'execute':
        return this.#execute(message, bytes);
      case 'close':
        return this.#close(message.what, message.name, bytes);
      case 'describe':
        return this.#send({ kind: 'describe' }, bytes);
      case 'function-call':
        return this.#functionCall(bytes);
      default:
        throw new ProtocolError(`unexpected message ${message.kind}`);
    }
  }

  #query(text: string, bytes: Buffer): boolean {
    const query = asked(text);
    const reading = this.#options.judge.read(query, undefined);
    if (!reading) return false;
    const decided = this.#decide(query, reading);
    if (decided.denial) return this.#deny('query', '', { denial: decided.denial, reading });
    const plans = this.#units.plansOf(decided, reading, undefined);
    const unit = this.#units.open(decided.decisionId, reading, plans && { plans });
    const running = { query, reading, unit, plans };
    const rowsMax = isUnfoldable(reading) ? (unit.showing?.rowsMax(0) ?? 0) : 0;
    if (rowsMax === 0) return this.#run('query', running, bytes);
    return this.#run('query', { ...running, unfolded: true }, unfoldedQuery(text, rowsMax));
  }

  /** A Parse takes locks: it is judged too. Where it is allowed its Bind has the entry. */
  #parse(name: string, text: string, bytes: Buffer): boolean {
    const { judge, names } = this.#options;
    if (name === RESERVED_NAME && judge.mode === 'enforce') {
      const reason = `the statement name "${RESERVED_NAME}" is reserved`;
      return this.#reject('parse', name, { text, reason });
    }
    const query = asked(text);
    const reading = judge.read(query, this.#group);
    if (!reading) return false;
    if (judge.wouldDeny(query, reading)) {
      const { denial } = this.#decide(query, reading);
      // The policies may have been swapped in between: then the Bind is judged by the new ones.
      if (denial) return this.#deny('parse', name, { denial, reading });
    }
    if (!names.prepared.hasRoomFor(query)) {
      const reason = `a session may hold ${NAMES_MAX} prepared statements of a limited length`;
      return this.#reject('parse', name, { text, reason, code: '54000' });
    }
    const changed = this.#change(names.prepared, name, query);
    return this.#send({ kind: 'parse', ...changed }, bytes);
  }

  /** Binding plans, folds functions and checks domains: the effect begins here. */
  #bind({ portal: name, statement, values }: Bind, bytes: Buffer): boolean {
    const { judge, names } = this.#options;
    const found = names.prepared.look(statement, this.#group);
    if (found.kind === 'unsettled') return false;
    const query = { ...(found.kind === 'known' ? found.value : asked('')), binds: values };
    const reading =
      found.kind === 'known' ? judge.read(query, this.#group) : judge.doubt('unresolved-name');
    if (!reading) return false;
    const decided = this.#decide(query, reading);
    if (decided.denial) return this.#deny('bind', '', { denial: decided.denial, reading });
    const plan = this.#units.plansOf(decided, reading, this.#group)?.[0];
    const unit = this.#units.open(decided.decisionId, reading);
    const made = { madeFrom: judge.madeFrom(reading), unit, plan, held: false };
    const portal: Portal = { ...query, ...made, described: { known: false } };
    if (!names.portals.hasRoomFor(portal)) {
      const reason = `a session may hold ${NAMES_MAX} portals of a limited length`;
      return this.#reject('bind', '', { text: query.text, reason, code: '54000' });
    }
    const changed = this.#change(names.portals, name, portal, this.#gone);
    return this.#send({ kind: 'bind', unit, ...changed }, bytes);
  }

  /** Nothing new to decide, unless policies or the meaning of names have changed since the Bind. */
  #execute({ portal: name, rowsMax }: Execute, bytes: Buffer): boolean {
    const { judge, names } = this.#options;
    const found = names.portals.look(name, this.#group);
    if (found.kind === 'unsettled') return false;
    const portal = found.kind === 'known' ? found.value : undefined;
    const query: Asked = portal ?? asked('');
    const reading = portal ? judge.read(query, this.#group) : judge.doubt('unresolved-name');
    if (!reading) return false;
    const asBound = portal?.madeFrom === judge.madeFrom(reading);
    // What it shows is asked for before anything is decided again: that may need it.
    if (portal && !portal.described.known && (!asBound || hasMasks(portal.plan))) {
      return this.#describe(name, portal);
    }
    const decided = asBound ? undefined : this.#decide(query, reading);
    if (decided?.denial) return this.#deny('execute', '', { denial: decided.denial, reading });
    const plans = decided ? this.#units.plansOf(decided, reading, this.#group) : planned(portal);
    const fields = portal?.described.fields;
    const problem = plans?.[0] && fields ? matchResult(plans[0], fields) : undefined;
    if (typeof problem === 'string') {
      this.#refresh();
      const unfit = { text: query.text, reason: problem, hint: NOT_AS_JUDGED_HINT };
      return this.#reject('execute', '', unfit);
    }
    const unit = this.#unitOf(
      portal,
      decided,
      reading,
      plans && { plans, ...(fields && { fields }) },
    );
    const most = isBoundedRead(reading) ? (unit.showing?.rowsMax(rowsMax) ?? rowsMax) : rowsMax;
    const sent = most === rowsMax ? bytes : executeUpTo(name, most);
    return this.#run('execute', { query, reading, unit, plans }, sent);
  }

  /** That of the Bind, the first time; whatever comes later of the same portal is a unit of its own. */
  #unitOf(
    portal: Portal | undefined,
    decided: Judged | undefined,
    reading: SqlReading,
    shown: Shown | undefined,
  ): Unit {
    const id = decided?.decisionId ?? portal?.unit.decisionId ?? '';
    const unit = this.#units.open(id, reading, shown);
    if (decided || !portal || this.#executed.has(portal.unit)) return unit;
    portal.unit.showing = unit.showing;
    return portal.unit;
  }

  /** The message waits for the answer, which the client does not see. */
  #describe(name: string, { described }: Portal): boolean {
    const request: Outstanding = {
      kind: 'describe',
      described: (body) => {
        described.known = true;
        described.fields = body && readRowDescription(body);
      },
    };
    this.#send(request, describePortal(name));
    return false;
  }

  #close(what: 'statement' | 'portal', name: string, bytes: Buffer): boolean {
    const { prepared, portals } = this.#options.names;
    const changed =
      what === 'statement'
        ? this.#change(prepared, name, undefined)
        : this.#change(portals, name, undefined, this.#gone);
    return this.#send({ kind: 'close', ...changed }, bytes);
  }

  /** Calls a function by its number, past all parsing: a side door. */
  #functionCall(bytes: Buffer): boolean {
    const call = asked('');
    const reading = this.#options.judge.doubt('opaque-code');
    const decided = this.#decide(call, reading);
    if (decided.denial) return this.#deny('query', '', { denial: decided.denial, reading });
    return this.#send({ kind: 'query', unit: openUnit(decided.decisionId) }, bytes);
  }

  // ---------------------------------------------------------------- what goes up

  #decide(query: Asked, reading: SqlReading): Judged {
    return this.#recorded(this.#options.judge.decide(query, reading));
  }

  #recorded<T extends Decided>(decided: T): T {
    this.#options.decided(decided);
    this.#options.outbox.waitFor(decided.durable);
    return decided;
  }

  #send(request: Outstanding, bytes: Buffer): boolean {
    this.#options.pipeline.push(request);
    this.#options.outbox.add(bytes, request.unit);
    return true;
  }

  /** A text that runs now: what it does to the session counts as the server says that it is done. */
  #run(
    kind: 'query' | 'execute',
    { query, reading, unit, plans, unfolded }: Running,
    bytes: Buffer,
  ): boolean {
    const { judge, names } = this.#options;
    const effects = effectsOf(reading);
    const raises = effects.some((effect) => judge.resolution.mayChangeBy(effect));
    const cursors = cursorPlans(plans, reading);
    const changes = new NameChanges({
      names,
      effects,
      group: kind === 'query' ? undefined : this.#group,
      cursor: () => {
        const made = { madeFrom: judge.madeFrom(reading), unit, plan: cursors.shift() };
        return cursorOf(query, reading, made);
      },
      gone: this.#gone,
    });
    let touched = false;
    if (raises) this.#rising++;
    this.#executed.add(unit);
    const tag = (name: string): void => {
      touched = true;
      changes.tag(name);
      if (name === 'DISCARD ALL') judge.resolution.discarded();
    };
    const over = (): void => {
      changes.over();
      if (touched) judge.resolution.happened(effects, kind === 'query' && !judge.inTransaction);
      if (raises) this.#rising--;
    };
    const copyIns = effects.filter((effect) => effect.kind === 'copy-in').length;
    if (copyIns > 0) this.#copied = { query, reading, data: new CopiedData() };
    return this.#send({ kind, unit, tag, over, copyIns, ...(unfolded ? { unfolded } : {}) }, bytes);
  }

  /** Its data has brought something: decided again with that, as an action of its own. True where that is denied. */
  #stopCopy(): boolean {
    if (!this.#copied) return false;
    const { query, reading, data } = this.#copied;
    const { denial } = this.#decide({ ...query, copied: data.kinds }, reading);
    if (!denial) return false;
    this.#options.pipeline.stopCopy({ denial, reading });
    this.#options.outbox.add(poisonCopy(denial.decisionId));
    return true;
  }

  #change<T>(
    map: NameMap<T>,
    name: string,
    value: T | undefined,
    gone: (values: readonly T[]) => void = () => undefined,
  ): Pick<Outstanding, 'done' | 'over'> {
    const change = { name, value, group: this.#group };
    map.begin(change);
    let open = true;
    return {
      done: () => {
        open = false;
        gone(map.commit(change));
      },
      over: () => {
        if (open) map.abandon(change);
      },
    };
  }

  /** What was bound and is replaced or closed before anything executed it. */
  readonly #gone = (portals: readonly Portal[]): void => {
    for (const { unit } of portals)
      if (!this.#executed.has(unit)) this.#options.pipeline.skip(unit);
  };

  /**
   * In place of a denied message goes one of the same kind that fails: the transaction, the pipeline and
   * the client's driver see what they would see of any error. Dropping it instead, with the Sync going
   * up, would commit what came before it.
   */
  #deny(kind: RequestKind, name: string, denied: Denied): boolean {
    const { decisionId } = denied.denial;
    if (kind === 'query') return this.#send({ kind, denied }, poisonQuery(decisionId));
    this.#doomed = true;
    const poison = poisonParse(kind === 'parse' ? name : RESERVED_NAME, decisionId);
    return this.#send({ kind: 'parse', denied }, poison);
  }

  #reject(
    kind: RequestKind,
    name: string,
    { text, reason, hint, code }: { text: string; reason: string; hint?: string; code?: string },
  ): boolean {
    const { denial } = this.#recorded(this.#options.judge.reject(text, reason, hint));
    if (!denial) throw new ProtocolError(reason);
    return this.#deny(kind, name, {
      denial,
      reading: undefined,
      ...(code === undefined ? {} : { code }),
    });
  }
}

type RequestKind = 'query' | 'parse' | 'bind' | 'execute';

type Execute = Extract<ClientMessage, { readonly kind: 'execute' }>;

interface Running {
  readonly query: Asked;
  readonly reading: SqlReading;
  readonly unit: Unit;
  readonly plans: Plans | undefined;
  readonly unfolded?: boolean;
}

const NOT_AS_JUDGED_HINT = 'prepare it again: the database changed since it was judged';
const hasMasks = (plan: ResultPlan | undefined): boolean => (plan?.masks.size ?? 0) > 0;
const planned = (portal: Portal | undefined): Plans | undefined => portal?.plan && [portal.plan];
