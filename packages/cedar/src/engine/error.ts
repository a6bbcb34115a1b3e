/** Everything that this package throws is one of these; a request never makes it throw. */
export type CedarErrorCode =
  /** A policy set that cannot be compiled: two policies of one id, a template that is not linked. */
  | 'CEDAR_POLICY_SET'
  /** Entities that Cedar refuses: a cycle, one uid with two contents, too many of them. */
  | 'CEDAR_ENTITIES'
  /** JSON that is no value, no entity, or too deep. */
  | 'CEDAR_JSON';

export class CedarError extends Error {
  override readonly name = 'CedarError';
  readonly code: CedarErrorCode;

  constructor(code: CedarErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
