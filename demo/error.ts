/** Ends the demo with one sentence and an exit code of DESIGN section 5. */
export class DemoError extends Error {
  readonly exit: number;
  constructor(exit: number, message: string) {
    super(message);
    this.exit = exit;
  }
}

export const UNAVAILABLE = 69;
export const CONFIGURATION = 78;
