/** Whether the log has failed for good. A failed flush is never tried again: the next one would succeed. */
import { TlogError } from './errors.ts';

export class Failure {
  readonly happened: Promise<TlogError>;
  #error: TlogError | undefined;
  #resolve: (error: TlogError) => void = () => undefined;
  readonly #told: ((error: TlogError) => void)[] = [];

  constructor() {
    this.happened = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get error(): TlogError | undefined {
    return this.#error;
  }

  /** Called at once when it happens, in the order of registration. */
  tell(listener: (error: TlogError) => void): void {
    this.#told.push(listener);
  }

  /** The first cause counts; those that follow from it say nothing new. */
  set(cause: unknown): TlogError {
    if (this.#error) return this.#error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#error = new TlogError('LOG_FAILED', `the log has stopped for good: ${reason}`, {
      hint: 'nothing more is written; a failed flush is never tried again. Look at the disk, then restart',
      cause,
    });
    for (const listener of this.#told) listener(this.#error);
    this.#resolve(this.#error);
    return this.#error;
  }
}
