import type { Showing } from './showing.ts';

/** One allowed action on its way through the upstream: what its outcome is made of. */
export interface Unit {
  readonly decisionId: string;
  /** Undefined until it went up: what never did has certainly not happened. */
  sentUs: number | undefined;
  /** The server has answered its Bind: planning may have run functions. */
  bound: boolean;
  rows: number;
  bytes: number;
  status: 'pending' | 'executed' | 'failed' | 'skipped';
  /** SQLSTATE of its failure. */
  code: string | undefined;
  /** Set where obligations are about what it shows. */
  showing: Showing | undefined;
  /** False where the principal would see a column of its tables masked: then errors must not print values. */
  readonly seesPlainly: () => boolean;
  /** Command tags, one per statement that completed. */
  tags: string[];
}

export interface UnitOptions {
  readonly showing?: Showing | undefined;
  readonly seesPlainly?: () => boolean;
}

export function openUnit(decisionId: string, options: UnitOptions = {}): Unit {
  return {
    decisionId,
    showing: options.showing,
    seesPlainly: options.seesPlainly ?? (() => true),
    sentUs: undefined,
    bound: false,
    rows: 0,
    bytes: 0,
    status: 'pending',
    code: undefined,
    tags: [],
  };
}

/**
 * Number of rows that a command tag tells. Not the truth about what was changed (a data-modifying CTE and
 * a cascade do not show), and recorded as what it is: the number that the client was told.
 */
export function rowsOf(tag: string): number {
  const rows = /^(?:INSERT \d+|UPDATE|DELETE|SELECT|MERGE|COPY|FETCH|MOVE) (\d+)$/.exec(tag)?.[1];
  return Number(rows ?? 0);
}
