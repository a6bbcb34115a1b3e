/** What the daemon's API answers, as far as the pages show it. */

export interface Principal {
  readonly type: string;
  readonly id: string;
  readonly proof: string;
}

export interface Commitment {
  readonly at: string;
  readonly hash: string;
}

export interface Entry {
  readonly id: string;
  readonly kind: string;
  readonly time: string;
  readonly seq: number;
  readonly prev: string;
  readonly source: { readonly id: string; readonly type: string; readonly epoch: number };
  readonly session?: string;
  readonly principal?: Principal;
  readonly target?: string;
  readonly action?: string;
  readonly resources?: readonly {
    readonly action: string;
    readonly type: string;
    readonly id: string;
  }[];
  readonly statement?: string;
  readonly values?: readonly Commitment[];
  readonly facts?: { readonly sql?: Readonly<Record<string, unknown>> };
  readonly decision?: {
    readonly verdict: 'allow' | 'hold' | 'deny';
    readonly code: string;
    readonly determining: readonly string[];
    readonly mode: string;
    readonly enforced: boolean;
    readonly policySet: string;
    readonly engine: string;
  };
  readonly outcome?: Outcome['outcome'];
  readonly decisionId?: string;
  readonly event?: string;
  readonly result?: string;
  readonly code?: string;
  readonly what?: string;
  readonly how?: string;
  readonly why?: string;
  readonly refused?: string;
  readonly rule?: string;
  readonly message?: string;
  readonly severity?: string;
  readonly rows?: number;
}

export interface Outcome {
  readonly index: number;
  readonly outcome: {
    readonly status: string;
    readonly code?: string;
    readonly provisional?: boolean;
  };
  readonly rows?: number;
  readonly bytes?: number;
  readonly durationUs: number;
  readonly transaction?: string;
}

export interface View {
  readonly index: number;
  readonly state: 'durable' | 'signed';
  readonly entry: Entry;
  readonly outcome?: Outcome;
  /** The entry's exact text; only where one entry was asked for. */
  readonly text?: string;
}

export interface Policy {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly severity: string;
  readonly message: string;
  readonly hint: string;
  readonly text: string;
  readonly file: string;
  readonly line: number;
}

export interface Status {
  readonly origin: string;
  readonly vkey: string;
  readonly size: number;
  readonly signedSize: number;
  readonly durability: string;
  readonly policySet: string;
  readonly rollback: string;
  readonly targets: readonly {
    readonly name: string;
    readonly env: string;
    readonly mode: unknown;
    readonly listen: { readonly host: string; readonly port: number };
  }[];
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(path, signal ? { signal } : {});
  if (response.ok) return (await response.json()) as T;
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  throw new Error(problem.detail ?? `the daemon answered ${response.status}`);
}

/** One line that says what an entry is about. */
export function subject(entry: Entry): string {
  switch (entry.kind) {
    case 'decision':
      return entry.statement ?? 'a statement that does not parse';
    case 'outcome':
      return `${entry.outcome?.status ?? ''}${entry.outcome?.code ? ` ${entry.outcome.code}` : ''}${entry.rows === undefined ? '' : `, ${entry.rows} rows`}`;
    case 'session':
      return `${entry.event} on ${entry.target}${entry.result === 'refused' ? `: refused ${entry.code ?? ''}` : ''}`;
    case 'change':
      return `${entry.what}: ${entry.refused ?? entry.why ?? ''}`;
    case 'finding':
      return `${entry.rule}: ${entry.message}`;
    case 'access':
      return `${entry.how} ${entry.what}`;
    default:
      return entry.event ?? entry.kind;
  }
}

/** The word in the verdict column, and the colour that goes with it; never the colour alone. */
export function verdictOf(entry: Entry): {
  word: string;
  tone: 'allow' | 'deny' | 'hold' | 'quiet';
} {
  const { decision } = entry;
  if (!decision) {
    const bad =
      entry.kind === 'finding' || entry.result === 'refused' || entry.refused !== undefined;
    return { word: entry.kind, tone: bad ? 'deny' : 'quiet' };
  }
  const observed = decision.verdict !== 'allow' && !decision.enforced;
  return {
    word: observed ? `would ${decision.verdict}` : decision.verdict,
    tone: decision.verdict,
  };
}
