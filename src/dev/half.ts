// What the launcher knows of a half of the product, however it is started: as a process here, later also as a container.

/** How a half ended. */
export type Ending =
  | { readonly t: "exited"; readonly code: number }
  | { readonly t: "killed"; readonly signal: string }
  | { readonly t: "not-started"; readonly reason: string };

/** A half that can be started, again and again. */
export interface Half {
  /** What it is called in the launcher's lines. */
  readonly name: string;
  /** The file that it logs to, if it does not log to the terminal. */
  readonly log?: string;
  /** Starts it. It may first wait for something that it needs; the signal ends that wait with a rejection. */
  start(signal: AbortSignal): Promise<RunningHalf>;
}

/** A half that was started. */
export interface RunningHalf {
  /** Settles when it is gone, with everything that it started itself. Never rejects. */
  readonly ended: Promise<Ending>;
  /** Asks it to end. */
  terminate(): void;
  /** Ends it, and everything that it started, at once. */
  kill(): void;
}

/** An ending in words. */
export function describe(ending: Ending): string {
  switch (ending.t) {
    case "exited":
      return `exit code ${ending.code}`;
    case "killed":
      return ending.signal;
    case "not-started":
      return ending.reason;
    default:
      return ending satisfies never;
  }
}
