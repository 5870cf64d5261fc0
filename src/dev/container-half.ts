// Starts a half as a container, as Horizon's agent would: the second of the ways to start one.

import { execFile } from "node:child_process";
import { environment } from "../common/environment.js";
import type { Container } from "./containers.js";
import type { Half, RunningHalf } from "./half.js";
import { processHalf } from "./process-half.js";

/** What `docker run` is told in place of what suits a service: the launcher starts it again, and holds its standard input. */
const ATTACHED = ["run", "--interactive", "--rm", "--stop-timeout", "1"];

/**
 * A half that is a container. Docker's client stands for it: it passes SIGTERM on, and ends with it.
 *
 * @param program Docker's client
 */
export function containerHalf(
  facts: { readonly name: string; readonly log?: string },
  container: Container,
  program: string,
): Half {
  const client = processHalf(facts, async () => {
    await remove(container, program); // of a launcher that was killed
    return {
      ...facts,
      program,
      args: attached(container),
      cwd: "/",
      env: environmentOf(container),
    };
  });
  return {
    ...facts,
    start: async (signal): Promise<RunningHalf> => {
      const running = await client.start(signal);
      const kill = () => {
        running.kill();
        void remove(container, program);
      };
      return { ...running, kill };
    },
  };
}

/** Removes it, if it is there. */
export function remove({ name }: Container, program: string): Promise<void> {
  return new Promise((resolve) => {
    execFile(program, ["rm", "--force", "--volumes", name], () => resolve());
  });
}

/** The arguments of a container that is not detached and not started again by Docker. */
export function attached({ args, environment: variables }: Container): string[] {
  const rest = args.slice(args.indexOf("--name"));
  const restart = rest.indexOf("--restart");
  const options = [...rest.slice(0, restart), ...rest.slice(restart + 2)];
  const names = Object.keys(variables).flatMap((name) => ["--env", name]);
  const lifeline = ["--env", "SLIPSTREAM_LIFELINE"];
  return [...ATTACHED, ...options.slice(0, -1), ...names, ...lifeline, ...options.slice(-1)];
}

/** Values are given by name on the command line, so that no login stands there. */
function environmentOf(container: Container): NodeJS.ProcessEnv {
  return { ...environment, ...container.environment };
}
