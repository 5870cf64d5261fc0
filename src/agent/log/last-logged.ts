/** Remembers the last logged state of each subject, so that only changes are logged. */

const FAILURE = "failure: ";

export class LastLogged {
  readonly #last = new Map<string, string>();

  get(subject: string): string | undefined {
    return this.#last.get(subject);
  }

  /** Sets a state. Returns whether it is a change. */
  set(subject: string, state: string): boolean {
    if (this.#last.get(subject) === state) return false;
    this.#last.set(subject, state);
    return true;
  }

  /** Sets a failure. Returns whether it is a change. */
  setFailure(subject: string, reason: string): boolean {
    return this.set(subject, FAILURE + reason);
  }

  /** Sets a state that only leads to another one. Ignored after a failure: the next attempt may fail in the same way. */
  setTransient(subject: string, state: string): boolean {
    return !this.isFailure(subject) && this.set(subject, state);
  }

  isFailure(subject: string): boolean {
    return this.#last.get(subject)?.startsWith(FAILURE) === true;
  }

  /** Forgets subjects that no longer exist. */
  retain(subjects: ReadonlySet<string>): void {
    for (const subject of this.#last.keys()) if (!subjects.has(subject)) this.#last.delete(subject);
  }

  clear(): void {
    this.#last.clear();
  }
}
