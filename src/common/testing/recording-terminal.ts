import type { Terminal } from "../terminal.js";

/**
 * A terminal that keeps what a command does.
 *
 * @param edit applied to everything that is written, for example to remove the path of a temporary folder
 */
export function recordingTerminal(
  environment: NodeJS.ProcessEnv = {},
  edit: (text: string) => string = (text) => text,
): { readonly terminal: Terminal; readonly result: { out: string; err: string; exit: number } } {
  const result = { out: "", err: "", exit: 0 };
  const terminal: Terminal = {
    environment,
    out: (text) => {
      result.out += edit(text);
    },
    err: (text) => {
      result.err += edit(text);
    },
    exit: (code) => {
      result.exit = code;
    },
  };
  return { terminal, result };
}
