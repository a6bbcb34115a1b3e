/** Ends a session with an error that the client sees; anything outstanding is abandoned. */
export class SessionEnd extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  constructor(message: string, code: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
