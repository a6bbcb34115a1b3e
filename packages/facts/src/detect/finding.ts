/** What a detector says: which kind of thing stands where. Never what it is. */

/** The words that policies use in `context.meta.detected.secrets`. */
export const SECRET_KINDS = ['private-key', 'cloud-key', 'token', 'password'] as const;
/** The words that policies use in `context.meta.detected.personal`. */
export const PERSONAL_KINDS = [
  'pan',
  'iban',
  'email',
  'phone',
  'national-id',
  'ip',
  'birth-date',
] as const;

export type SecretKind = (typeof SECRET_KINDS)[number];
export type PersonalKind = (typeof PERSONAL_KINDS)[number];
export type DetectedKind = SecretKind | PersonalKind;

/**
 * One place in what was scanned. Offsets are UTF-16 code units of a string, or bytes. A span is for masking
 * and for nothing else: together with the text it is the value, so it must not be logged with it.
 */
export interface Finding {
  readonly rule: string;
  readonly kind: DetectedKind;
  readonly start: number;
  /** Behind the last unit. Of something encoded, the span is that of the encoded form. */
  readonly end: number;
}

/** Why something was not looked at to its end; the word is one of `Doubt` in guard.cedarschema. */
export type DetectorDoubt = 'detector-failed';

export interface Detection {
  /** In order of their starts. */
  readonly findings: readonly Finding[];
  readonly doubts: readonly DetectorDoubt[];
}

/** Facts for policies: sorted, each kind once. */
export interface DetectedKinds {
  readonly secrets: readonly SecretKind[];
  readonly personal: readonly PersonalKind[];
  readonly doubts: readonly DetectorDoubt[];
}

const SECRETS: ReadonlySet<string> = new Set(SECRET_KINDS);

export const isSecret = (kind: DetectedKind): kind is SecretKind => SECRETS.has(kind);
