/** Asks a camera over RTSP what it offers (RFC 2326 and 7826), without playing it. It never sends a password in clear text unless asked for Basic. */

import { createHash, randomBytes } from "node:crypto";
import { lookup } from "node:dns/promises";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { plainText } from "../plain-text.js";
import type { Credentials } from "../settings/camera-uri.js";

export interface CameraAddress {
  /** rtsp:// or rtsps://, without a login. */
  readonly uri: string;
  readonly credentials: Credentials | undefined;
  /** Of an rtsps:// camera. */
  readonly acceptAnyCertificate: boolean;
}

export type CameraProbe =
  /** The name has no address. */
  | { readonly t: "no such host"; readonly host: string }
  | { readonly t: "unreachable"; readonly detail: string }
  /** Something else is at this address. */
  | { readonly t: "not rtsp"; readonly detail: string }
  | { readonly t: "certificate"; readonly detail: string }
  | { readonly t: "login refused"; readonly hasLogin: boolean }
  | { readonly t: "refused"; readonly status: number; readonly detail: string }
  | {
      readonly t: "answers";
      /** Kind and encoding of each stream, such as video H264. */
      readonly streams: readonly CameraStream[];
      /** As the camera names itself. */
      readonly server: string | undefined;
      /** Of the camera's clock, ahead of this machine's; to a second. Undefined: it sends no time. */
      readonly clockOffsetMs: number | undefined;
      readonly answerMs: number;
    };

export interface CameraStream {
  readonly kind: string;
  readonly encoding: string;
}

/** A description has a few kilobytes. */
const MOST_BYTES = 64 * 1024;

/** Throws only the signal's reason, once that is aborted. */
export async function probeCamera(
  camera: CameraAddress,
  signal: AbortSignal,
): Promise<CameraProbe> {
  const url = new URL(camera.uri);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  try {
    await lookup(host);
  } catch {
    signal.throwIfAborted();
    return { t: "no such host", host };
  }
  let connection: Connection | undefined;
  try {
    connection = await Connection.open(camera, url, host, signal);
    return await describe(connection, camera);
  } catch (error) {
    signal.throwIfAborted();
    return failure(error);
  } finally {
    connection?.close();
  }
}

async function describe(connection: Connection, camera: CameraAddress): Promise<CameraProbe> {
  const { credentials } = camera;
  let answer = await connection.ask(undefined);
  if (answer.status === 401 && credentials !== undefined) {
    answer = await connection.ask(authorization(answer, camera.uri, credentials));
  }
  const { status, reason, headers, body, answerMs } = answer;
  if (status === 401 || status === 403)
    return { t: "login refused", hasLogin: credentials !== undefined };
  if (status !== 200) return { t: "refused", status, detail: plainText(reason) };
  const date = Date.parse(headers.get("date") ?? "");
  return {
    t: "answers",
    streams: streamsIn(body),
    server: headers.has("server") ? plainText(headers.get("server") ?? "") : undefined,
    clockOffsetMs: Number.isNaN(date) ? undefined : date - Date.now(),
    answerMs,
  };
}

/** The streams of a session description (SDP). Static payload types have no name in it. */
export function streamsIn(sdp: string): CameraStream[] {
  return sdp
    .split(/^(?=m=)/m)
    .filter((section) => section.startsWith("m="))
    .map((section) => {
      const kind = /^m=(\w+)/.exec(section)?.[1] ?? "unknown";
      const payload = /^m=\w+ \S+ \S+ (\d+)/.exec(section)?.[1] ?? "";
      const name = /^a=rtpmap:\d+ ([^/\s]+)/m.exec(section)?.[1];
      return { kind, encoding: plainText(name ?? (payload === "26" ? "JPEG" : payload)) };
    });
}

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly headers: ReadonlyMap<string, string>;
  /** Every challenge of a 401. */
  readonly challenges: readonly string[];
  readonly body: string;
  readonly answerMs: number;
}

class NotRtspError extends Error {}

class Connection {
  readonly #socket: Socket;
  readonly #uri: string;
  #sequence = 0;

  private constructor(socket: Socket, uri: string) {
    this.#socket = socket;
    this.#uri = uri;
  }

  static async open(
    { uri, acceptAnyCertificate }: CameraAddress,
    { protocol, port }: URL,
    host: string,
    signal: AbortSignal,
  ): Promise<Connection> {
    const isTls = protocol === "rtsps:";
    const at = { host, port: Number(port || (isTls ? 322 : 554)) };
    const socket = isTls
      ? connectTls({ ...at, rejectUnauthorized: !acceptAnyCertificate })
      : connectTcp(at);
    const end = () => socket.destroy();
    signal.addEventListener("abort", end, { once: true });
    socket.once("close", () => signal.removeEventListener("abort", end));
    // Late errors follow the end that somebody waits for.
    socket.on("error", () => {});
    await new Promise<void>((resolve, reject) => {
      socket.once(isTls ? "secureConnect" : "connect", resolve).once("error", reject);
      socket.once("close", () => reject(new Error("the connection was closed")));
    });
    return new Connection(socket, uri);
  }

  close(): void {
    this.#socket.destroy();
  }

  async ask(login: string | undefined): Promise<Answer> {
    const lines = [
      `DESCRIBE ${this.#uri} RTSP/1.0`,
      `CSeq: ${++this.#sequence}`,
      "Accept: application/sdp",
      "User-Agent: slipstream",
      ...(login === undefined ? [] : [`Authorization: ${login}`]),
    ];
    const startedMs = performance.now();
    this.#socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    const text = await this.#read();
    return parseAnswer(text, performance.now() - startedMs);
  }

  /** One whole answer, or what there was of it when the connection ended. */
  #read(): Promise<string> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      let text = "";
      const end = (act: () => void) => {
        socket.off("data", onData).off("close", onClose);
        act();
      };
      const onData = (data: Buffer) => {
        text += data.toString("latin1");
        const isText = text.startsWith("RTSP/1.0 ".slice(0, text.length));
        if (!isText || text.length > MOST_BYTES) {
          const detail = isText ? "its answer has no end" : "its answer is not RTSP";
          end(() => reject(new NotRtspError(detail)));
        } else if (isWhole(text)) end(() => resolve(text));
      };
      const onClose = () => {
        end(() => reject(new Error("the connection was closed before the answer")));
      };
      socket.on("data", onData).on("close", onClose);
    });
  }
}

function isWhole(text: string): boolean {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return false;
  const length = Number(/^content-length: *(\d+)/im.exec(text.slice(0, head))?.[1] ?? 0);
  return text.length >= head + 4 + length;
}

function parseAnswer(text: string, answerMs: number): Answer {
  const [head = "", body = ""] = text.split(/\r\n\r\n(.*)/s);
  const [first = "", ...lines] = head.split("\r\n");
  const [, status, reason = ""] = /^RTSP\/1\.\d (\d{3}) ?(.*)$/.exec(first) ?? [];
  if (status === undefined) throw new NotRtspError("its answer is not RTSP");
  const fields = lines.flatMap((line) => {
    const [, name = "", value = ""] = /^([\w-]+): *(.*)$/.exec(line) ?? [];
    return name === "" ? [] : [[name.toLowerCase(), value] as const];
  });
  return {
    ...{ status: Number(status), reason, body, answerMs },
    headers: new Map(fields),
    challenges: fields.flatMap(([name, value]) => (name === "www-authenticate" ? [value] : [])),
  };
}

/** Digest (RFC 7616) where it is offered, else Basic. */
function authorization(
  { challenges }: Answer,
  uri: string,
  { username, password }: Credentials,
): string {
  const digest = challenges.find((one) => /^digest /i.test(one));
  if (digest === undefined) {
    return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  }
  const field = (name: string) =>
    new RegExp(`\\b${name}="?([^",]*)"?`, "i").exec(digest)?.[1] ?? "";
  const [realm, nonce, opaque] = [field("realm"), field("nonce"), field("opaque")];
  const isSha = /^sha-256$/i.test(field("algorithm"));
  const hash = (text: string) =>
    createHash(isSha ? "sha256" : "md5")
      .update(text)
      .digest("hex");
  const secret = hash(`${username}:${realm}:${password}`);
  const request = hash(`DESCRIBE:${uri}`);
  const hasQuality = /\bauth\b/.test(field("qop"));
  const [count, client] = ["00000001", randomBytes(8).toString("hex")];
  const response = hash(
    hasQuality
      ? [secret, nonce, count, client, "auth", request].join(":")
      : [secret, nonce, request].join(":"),
  );
  const parts = [
    `username="${username}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${uri}"`,
    `response="${response}"`,
    ...(opaque === "" ? [] : [`opaque="${opaque}"`]),
    ...(isSha ? ["algorithm=SHA-256"] : []),
    ...(hasQuality ? ["qop=auth", `nc=${count}`, `cnonce="${client}"`] : []),
  ];
  return `Digest ${parts.join(", ")}`;
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS_CERT/;

function failure(error: unknown): CameraProbe {
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof NotRtspError) return { t: "not rtsp", detail };
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return CERTIFICATE.test(code)
    ? { t: "certificate", detail: code }
    : { t: "unreachable", detail: code || detail };
}
