/** A signal that is aborted with its caller's, or when too much time has passed. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #milliseconds: number;
  readonly #caller: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether it was the time that aborted. */
  hasPassed = false;

  constructor(milliseconds: number, caller: AbortSignal | undefined) {
    this.#milliseconds = milliseconds;
    this.#caller = caller;
    if (caller?.aborted) this.abort();
    else caller?.addEventListener('abort', this.abort);
    this.extend();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The time begins anew. */
  extend(): void {
    this.stop();
    // setTimeout takes an int32; above it would fire at once.
    if (this.#milliseconds > 0x7fffffff) return;
    this.#timer = setTimeout(() => {
      this.hasPassed = true;
      this.abort();
    }, this.#milliseconds);
  }

  /** No time limit any more; the caller's signal still holds. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** All is over well: neither the time nor the caller aborts any more. */
  release(): void {
    this.stop();
    this.#caller?.removeEventListener('abort', this.abort);
  }

  /** Abort what goes on under this signal. */
  readonly abort = (): void => {
    this.release();
    this.#controller.abort(this.#caller?.reason);
  };
}
