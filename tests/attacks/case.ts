/** The attack cases' format, as tests/corpora/attacks/README.md describes it. Parsed once, strictly. */

export type Expected = 'DENY' | 'REJECT' | 'HOLD' | 'MASK' | 'QUARANTINE' | 'TAINT' | 'ALLOW';

const EXPECTED: readonly string[] = [
  'DENY',
  'REJECT',
  'HOLD',
  'MASK',
  'QUARANTINE',
  'TAINT',
  'ALLOW',
];

export type PgMessage =
  | {
      readonly Parse: {
        readonly name: string;
        readonly sql: string;
        readonly types: readonly number[];
      };
    }
  | {
      readonly Bind: {
        readonly portal: string;
        readonly name: string;
        readonly params: readonly (string | null)[];
      };
    }
  | { readonly Describe: { readonly kind: string; readonly name: string } }
  | { readonly Execute: { readonly portal: string; readonly maxRows: number } }
  | { readonly Close: { readonly kind: string; readonly name: string } }
  | { readonly Sync: object }
  | { readonly Query: { readonly sql: string } }
  | { readonly CopyData: { readonly text: string } }
  | { readonly CopyDone: object }
  | { readonly FunctionCall: { readonly oid: number; readonly args: readonly string[] } }
  | { readonly Raw: { readonly hex: string } }
  | { readonly Startup: { readonly user: string; readonly options?: string } };

export interface Step {
  readonly sql?: string;
  readonly pg?: readonly PgMessage[];
  readonly as?: string;
  readonly session?: string;
  readonly repeat?: number;
  readonly parallel?: boolean;
  /** Verdicts that will do; absent on a step that only sets the scene. */
  readonly expect?: readonly Expected[];
}

export interface AttackCase {
  readonly id: string;
  readonly surface: string;
  readonly dialect: string;
  readonly steps: readonly Step[];
}

function expected(value: unknown, where: string): readonly Expected[] | undefined {
  if (value === undefined) return undefined;
  const list = Array.isArray(value) ? value : [value];
  for (const verdict of list) {
    if (typeof verdict !== 'string' || !EXPECTED.includes(verdict)) {
      throw new Error(
        `${where}: unknown verdict ${JSON.stringify(verdict)}; one of ${EXPECTED.join(', ')}`,
      );
    }
  }
  return list as readonly Expected[];
}

/** Throws with the line's number: a case that is misread would be a case that cannot fail. */
export function parseCases(text: string): readonly AttackCase[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const where = `line ${index + 1}`;
    let raw: Record<string, unknown>;
    try {
      raw = JSON.parse(line) as Record<string, unknown>;
    } catch (cause) {
      throw new Error(`${where}: not JSON`, { cause });
    }
    const { id, surface, steps } = raw;
    if (
      typeof id !== 'string' ||
      typeof surface !== 'string' ||
      !Array.isArray(steps) ||
      steps.length === 0
    ) {
      throw new Error(`${where}: a case needs id, surface and at least one step`);
    }
    const last = expected(raw.expect, where);
    const parsed = steps.map((step: Record<string, unknown>, at) => {
      const own = expected(step.expect, `${where}, step ${at + 1}`);
      const expect = own ?? (at === steps.length - 1 ? last : undefined);
      return { ...step, ...(expect === undefined ? {} : { expect }) } as Step;
    });
    return [
      {
        id,
        surface,
        dialect: typeof raw.dialect === 'string' ? raw.dialect : 'postgres',
        steps: parsed,
      },
    ];
  });
}
