/** Asks an agent over HTTP: on its Unix socket, or at an address. */

import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";

/** Of the agent's Unix socket, in its STATE_DIR, which nobody else may open. */
export const SOCKET_NAME = "agent.sock";

export interface AgentAddress {
  /** The path of a Unix socket, or http://HOST:PORT, or https://HOST:PORT. */
  readonly at: string;
  /** user:password, for an address that asks for a login. */
  readonly login?: string | undefined;
  /** Of the agent, as PEM text, unless the system trusts its issuer. */
  readonly certificate?: string | undefined;
}

export interface AgentAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** The agent did not answer. The message says where and why. */
export class AgentError extends Error {
  override readonly name = "AgentError";
}

/** No answer is longer: a JPEG of the largest frame has a few megabytes. */
const MOST_BYTES = 32 * 1024 * 1024;

/** Returns whatever status the agent answers with. Throws AgentError, or the signal's reason once that is aborted. */
export async function askAgent(
  { at, login, certificate }: AgentAddress,
  path: string,
  signal: AbortSignal,
): Promise<AgentAnswer> {
  const isUrl = /^https?:\/\//.test(at);
  const options: RequestOptions = {
    ...(isUrl ? {} : { socketPath: at }),
    ...(login === undefined ? {} : { auth: login }),
    ...(certificate === undefined ? {} : { ca: certificate }),
    agent: false,
    signal,
  };
  try {
    const url = new URL(path, isUrl ? at : "http://localhost");
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = url.protocol === "https:" ? httpsRequest : httpRequest;
      request(url, options, resolve).once("error", reject).end();
    });
    return { status: response.statusCode ?? 0, body: await readBounded(response) };
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message || String(error) : String(error);
    throw new AgentError(`the agent does not answer at ${at}: ${why}`, { cause: error });
  }
}

async function readBounded(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    // A response without an encoding consists of buffers.
    const buffer = chunk as Buffer;
    length += buffer.length;
    if (length > MOST_BYTES) {
      response.destroy();
      throw new Error(`its answer is longer than ${MOST_BYTES} bytes`);
    }
    chunks.push(buffer);
  }
  return Buffer.concat(chunks);
}
