/** Every code that this package throws; README lists what each means and what to do. */
export type TlogErrorCode =
  | 'NOTE_MALFORMED'
  | 'NOTE_UNVERIFIED'
  | 'KEY_MALFORMED'
  | 'CHECKPOINT_MALFORMED'
  | 'BUNDLE_MALFORMED'
  | 'RECEIPT_MALFORMED'
  | 'POLICY_MALFORMED'
  | 'REQUEST_MALFORMED'
  | 'SOURCE_UNAVAILABLE'
  | 'LOG_EXISTS'
  | 'LOG_MISSING'
  | 'LOG_LOCKED'
  | 'LOG_FILESYSTEM'
  | 'LOG_ENTRY_TOO_LARGE'
  | 'LOG_CORRUPT'
  | 'LOG_LASTSIGNED'
  | 'LOG_CONTRADICTED'
  | 'LOG_SEALED'
  | 'LOG_FAILED'
  | 'LOG_STALLED'
  | 'LOG_CLOSED'
  | 'LOG_INDEX';

export class TlogError extends Error {
  readonly code: TlogErrorCode;
  readonly hint: string | undefined;

  constructor(
    code: TlogErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TlogError';
    this.code = code;
    this.hint = options.hint;
  }
}
