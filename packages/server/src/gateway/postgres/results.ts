/** What the server answers with, on its way to the client: masked, cut, or refused as obligations ask. */
import type { EntryFields } from '@sealrail/sdk';
import type { Fate } from './backend.ts';
import { errorResponse } from './frame.ts';
import type { Judge } from './judge.ts';
import type { Pipeline } from './pipeline.ts';
import { ResultRefused } from './row-rewriter.ts';
import { COPY_CUT, type RowFate, type Showing } from './showing.ts';

export interface ResultsOptions {
  readonly pipeline: Pipeline;
  readonly judge: Pick<Judge, 'masks'>;
  readonly record: (fields: EntryFields) => void;
  readonly refreshCatalog: () => Promise<void>;
}

/** Those of one session. Every method may throw ResultRefused: then the session cannot go on. */
export class Results {
  readonly #options: ResultsOptions;

  constructor(options: ResultsOptions) {
    this.#options = options;
  }

  row(bytes: number): RowFate {
    const showing = this.#options.pipeline.head?.unit?.showing;
    const fate = showing === undefined ? 'pass' : showing.row(bytes);
    if (fate !== 'drop') this.#options.pipeline.data(bytes);
    return fate;
  }

  /** Of COPY data. */
  copied(bytes: number): RowFate {
    const { pipeline } = this.#options;
    const fate = pipeline.head?.unit?.showing?.copied(bytes) ?? 'pass';
    if (fate !== 'drop') pipeline.data(bytes);
    return fate;
  }

  copyDone(): Fate {
    return this.#options.pipeline.head?.unit?.showing?.isCopyCut ? 'drop' : 'pass';
  }

  complete(tag: string): Fate {
    const showing = this.#options.pipeline.head?.unit?.showing;
    if (showing?.refused) return 'drop';
    if (showing?.isCopyCut) return this.#endCopy(showing, tag);
    const said = showing?.complete(tag);
    this.#options.pipeline.answer('C', said?.tag ?? tag);
    return said?.bytes ?? 'pass';
  }

  #endCopy(showing: Showing, tag: string): Fate {
    // Of a portal the server would have to hear of the error, too, and discard what follows.
    if (this.#options.pipeline.head?.kind !== 'query') {
      throw new ResultRefused(COPY_CUT, 'a COPY went past a bound on what may be read');
    }
    const said = showing.complete(tag);
    this.#options.pipeline.refuse(COPY_CUT);
    return said?.bytes ?? 'drop';
  }

  /** As many rows as the client asked for, or one more than it may see. */
  suspended(): Fate {
    const said = this.#options.pipeline.head?.unit?.showing?.suspended();
    if (said) this.#options.pipeline.answer('C', said.tag);
    else this.#options.pipeline.answer('s', '');
    return said?.bytes ?? 'pass';
  }

  described(type: 'T' | 'n', body: Buffer): Fate {
    const { head } = this.#options.pipeline;
    const showing = head?.kind === 'query' ? head.unit?.showing : undefined;
    head?.described?.(type === 'T' ? body : undefined);
    this.#options.pipeline.answer(type, '');
    if (head?.described || (type === 'n' && head?.unfolded) || showing?.refused) return 'drop';
    const problem = type === 'T' ? showing?.describe(body) : undefined;
    return showing && problem !== undefined ? this.#refuse(showing, problem) : 'pass';
  }

  /**
   * What the server shows is not what was judged: not one row of it goes out. Of a read nothing else has
   * come, so that it is as if it had failed; after anything else the session cannot go on as if it had.
   */
  #refuse(showing: Showing, problem: string): Buffer {
    const decisionId = this.#options.pipeline.head?.unit?.decisionId ?? '';
    this.#options.record({
      kind: 'finding',
      rule: 'result-not-as-judged',
      severity: 'high',
      message: problem,
      about: [decisionId],
    });
    this.#options.refreshCatalog().catch(() => undefined);
    if (!showing.readOnly) throw new ResultRefused('42501', problem);
    showing.refused = true;
    this.#options.pipeline.refuse('42501');
    return errorResponse({
      code: '42501',
      message: `denied: ${problem}`,
      detail: `decision ${decisionId}`,
      hint: 'try again in a moment: the database changed since its catalog was read',
    });
  }

  get refused(): boolean {
    return this.#options.pipeline.head?.unit?.showing?.refused === true;
  }

  /** True where an error or a notice could print a value that this principal sees masked, if at all. */
  hides(): boolean {
    const { judge } = this.#options;
    if (judge.masks) return true;
    return this.#options.pipeline.head?.unit?.seesPlainly() === false;
  }
}
