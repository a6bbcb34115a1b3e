/** One unit's results on their way to the client: what is masked, what is cut off, and what became of it. */
import { cstring, errorResponse, frame, noticeResponse } from './frame.ts';
import { maskFor } from './mask.ts';
import { matchResult, type ResultPlan } from './result-plan.ts';
import { type ResultField, readRowDescription } from './row-description.ts';
import { ResultRefused, RowRewriter } from './row-rewriter.ts';

/** A row passes, stays here, or is written anew. */
export type RowFate = 'pass' | 'drop' | RowRewriter;

/** What of the obligations was carried out: counts, never values. */
export interface CarriedOut {
  readonly masked?: { readonly columns: number; readonly values: number };
  readonly limited?: { readonly rows: number; readonly bytes: number };
}

/** The fewest bytes that a row has on the wire: what is bounded in bytes is bounded in rows, too. */
const ROW_BYTES_MIN = 7;
/** maxRows of Execute is a signed 32-bit number. */
const ROWS_MAX = 2 ** 31 - 1;

/** SQLSTATE of a COPY that is cut. */
export const COPY_CUT = '54000';

export interface ShowingOptions {
  /** One per statement, in order; undefined for one that shows nothing that an obligation is about. */
  readonly plans: readonly (ResultPlan | undefined)[];
  readonly key: Uint8Array;
  /** True where nothing but its rows comes of it. */
  readonly readOnly: boolean;
  /** Where the result was described before: of a portal that is executed. */
  readonly fields?: readonly ResultField[];
}

export class Showing {
  readonly #options: ShowingOptions;
  #statement = 0;
  #rewriter: RowRewriter | undefined;
  #described: boolean;
  /** Shown by the statement that is running. */
  #rows = 0;
  #bytes = 0;
  #cut = false;
  #copies = false;
  #columns = 0;
  #values = 0;
  #limited: { rows: number; bytes: number } | undefined;
  /** The result is not what was judged: nothing of it, or behind it, is shown. */
  refused = false;

  constructor(options: ShowingOptions) {
    this.#options = options;
    this.#described = options.fields !== undefined;
    if (options.fields) this.#match(options.fields);
  }

  get readOnly(): boolean {
    return this.#options.readOnly;
  }

  get #plan(): ResultPlan | undefined {
    return this.#options.plans[this.#statement];
  }

  /** How many rows the server may be asked for; one more than may be shown tells that there are more. */
  rowsMax(asked: number): number {
    const { rows, bytes } = this.#plan?.budget ?? {};
    if (rows === undefined || bytes === undefined) return asked;
    const most = Math.min(rows, Math.floor(bytes / ROW_BYTES_MIN), ROWS_MAX - 1) + 1;
    return asked === 0 ? most : Math.min(asked, most);
  }

  /** RowDescription; a text says why the result must not be shown. */
  describe(body: Buffer): string | undefined {
    this.#described = true;
    return this.#match(readRowDescription(body));
  }

  #match(fields: readonly ResultField[]): string | undefined {
    const plan = this.#plan;
    this.#note();
    this.#rewriter = undefined;
    if (!plan || plan.masks.size === 0) return undefined;
    const methods = matchResult(plan, fields);
    if (typeof methods === 'string') return methods;
    const masks = fields.map((field, at) => {
      const method = methods[at];
      return method === undefined ? undefined : maskFor(field, { method, key: this.#options.key });
    });
    const columns = masks.filter((mask) => mask !== undefined).length;
    this.#columns += columns;
    if (columns > 0) this.#rewriter = new RowRewriter(masks);
    return undefined;
  }

  /** Of a row of so many bytes. Throws ResultRefused. */
  row(bytes: number): RowFate {
    if (this.refused) return 'drop';
    const plan = this.#plan;
    if (plan && plan.masks.size > 0 && !this.#described) {
      throw new ResultRefused('58000', 'a result came that was not described: it is not shown');
    }
    return this.#isWithin(bytes) ? (this.#rewriter ?? 'pass') : 'drop';
  }

  /** Of COPY data, a row in each message; what is copied is used, and so never a column that is masked. */
  copied(bytes: number): RowFate {
    if (this.refused) return 'drop';
    this.#copies = true;
    return this.#isWithin(bytes) ? 'pass' : 'drop';
  }

  /** A COPY that is cut must not look like one that is whole: it ends in an error. */
  get isCopyCut(): boolean {
    return this.#copies && this.#cut;
  }

  #isWithin(bytes: number): boolean {
    const budget = this.#plan?.budget;
    if (budget) {
      if (this.#cut || budget.rows < 1 || budget.bytes < bytes) {
        this.#cut = true;
        // Nothing that comes later goes in the place of what was left out.
        budget.rows = 0;
        return false;
      }
      budget.rows--;
      budget.bytes -= bytes;
    }
    this.#rows++;
    this.#bytes += bytes;
    return true;
  }

  /** CommandComplete: undefined where it passes, else what is said in its place. */
  complete(tag: string): { readonly tag: string; readonly bytes: Buffer } | undefined {
    const said = this.#cut ? this.#cutOff(tag) : undefined;
    this.#next();
    return said;
  }

  /** PortalSuspended, where the client did not ask for it: there is more than may be shown. */
  suspended(): { readonly tag: string; readonly bytes: Buffer } | undefined {
    return this.complete('SELECT 0');
  }

  #cutOff(tag: string): { readonly tag: string; readonly bytes: Buffer } {
    const budget = this.#plan?.budget;
    const { rowsMax = 0, bytesMax = 0, policies = [] } = budget ?? {};
    const before = this.#limited ?? { rows: 0, bytes: 0 };
    this.#limited = { rows: before.rows + this.#rows, bytes: before.bytes + this.#bytes };
    const bounds = [
      ...(Number.isFinite(rowsMax) ? [`${rowsMax} rows`] : []),
      ...(Number.isFinite(bytesMax) ? [`${bytesMax} bytes`] : []),
    ];
    const said = {
      message: `the result was cut after ${this.#rows} rows by policy ${policies.join(', ')}: there are more`,
      detail: `decision ${this.#plan?.decisionId ?? ''}: at most ${bounds.join(' and ')} are shown`,
    };
    if (this.#copies) return { tag, bytes: errorResponse({ code: COPY_CUT, ...said }) };
    const notice = noticeResponse({ severity: 'WARNING', code: '01000', ...said });
    // Of a change the tag says how many rows it changed, and that stays true.
    const shown = tag.replace(/^(SELECT|FETCH) \d+$/, `$1 ${this.#rows}`);
    return { tag: shown, bytes: Buffer.concat([notice, frame('C', cstring(shown))]) };
  }

  #next(): void {
    this.#note();
    this.#statement++;
    this.#rewriter = undefined;
    this.#described = false;
    this.#copies = false;
    this.#rows = 0;
    this.#bytes = 0;
    this.#cut = false;
  }

  #note(): void {
    this.#values += this.#rewriter?.values ?? 0;
    if (this.#rewriter) this.#rewriter.values = 0;
  }

  carriedOut(): CarriedOut | undefined {
    this.#note();
    if (this.#columns === 0 && !this.#limited) return undefined;
    return {
      ...(this.#columns > 0 ? { masked: { columns: this.#columns, values: this.#values } } : {}),
      ...(this.#limited ? { limited: this.#limited } : {}),
    };
  }
}
