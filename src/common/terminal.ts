/** What a command of the command line may touch of its process. */

import { environment } from "./environment.js";

export interface Terminal {
  readonly environment: NodeJS.ProcessEnv;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** The exit code of the process, once everything is written. */
  readonly exit: (code: number) => void;
}

export function processTerminal(): Terminal {
  return {
    environment,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    exit: (code) => {
      process.exitCode = code;
    },
  };
}
