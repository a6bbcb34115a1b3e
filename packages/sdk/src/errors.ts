/** Every code that this package throws; SPEC.md lists what each means and what to do. */
export type SdkErrorCode =
  | 'ENTRY_INVALID'
  | 'ENTRY_TOO_LARGE'
  | 'RECORDER_STALLED'
  | 'RECORDER_FAILED'
  | 'REMOTE_LOST'
  | 'REMOTE_REFUSED'
  | 'SIDE_STORE_FAILED'
  | 'SIDE_STORE_CORRUPT';

export class SealrailError extends Error {
  readonly code: SdkErrorCode;
  readonly hint: string | undefined;

  constructor(
    code: SdkErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SealrailError';
    this.code = code;
    this.hint = options.hint;
  }
}
