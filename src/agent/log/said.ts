/** Remembers what the operator was told last of each subject, so that only news is told. */

const TROUBLE = "trouble: ";

export class Said {
  readonly #last = new Map<string, string>();

  last(subject: string): string | undefined {
    return this.#last.get(subject);
  }

  /** Notes a state; true if it is another than the last one. */
  isNews(subject: string, state: string): boolean {
    if (this.#last.get(subject) === state) return false;
    this.#last.set(subject, state);
    return true;
  }

  /** Notes a trouble; true if it is another than the last one. */
  isNewTrouble(subject: string, reason: string): boolean {
    return this.isNews(subject, TROUBLE + reason);
  }

  /**
   * Notes a state that only leads to another one. Does nothing during a trouble: between two attempts that fail alike,
   * nothing has changed.
   */
  isNewsInPassing(subject: string, state: string): boolean {
    return !this.isTrouble(subject) && this.isNews(subject, state);
  }

  isTrouble(subject: string): boolean {
    return this.#last.get(subject)?.startsWith(TROUBLE) === true;
  }

  /** Forgets subjects that are there no more. */
  keep(subjects: ReadonlySet<string>): void {
    for (const subject of this.#last.keys()) {
      if (!subjects.has(subject)) this.#last.delete(subject);
    }
  }

  clear(): void {
    this.#last.clear();
  }
}
