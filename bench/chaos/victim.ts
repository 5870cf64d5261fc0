// A camera that faults happen to. It is reached through a proxy (the door), so that its address never changes.
import { BadDoor } from "../../test/support/bad-door.js";
import type { Started } from "../../test/support/processes.js";
import type { Scope } from "../../test/support/scope.js";
import { type Camera, type Login, playFickle, playVp8 } from "../../test/support/video.js";

const PATH = "/camera";

/** What the camera is like when it comes back. */
export interface Looks {
  readonly codec?: "h264" | "h265" | "vp8";
  readonly width?: number;
  readonly height?: number;
  readonly path?: string;
  readonly password?: string;
}

export class Victim {
  readonly id: string;
  readonly door: BadDoor;
  readonly #scope: Scope;
  readonly #user: string;
  readonly #ports: { camera: number };
  #password: string;
  #camera: Camera;

  private constructor(
    scope: Scope,
    id: string,
    login: Login,
    place: { readonly door: BadDoor; readonly camera: Camera; readonly ports: { camera: number } },
  ) {
    this.#scope = scope;
    this.id = id;
    this.#user = login.user;
    this.#password = login.password;
    this.door = place.door;
    this.#camera = place.camera;
    this.#ports = place.ports;
  }

  static async start(scope: Scope, id: string, login: Login): Promise<Victim> {
    const camera = await playFickle(scope, { login });
    const ports = { camera: portOf(camera) };
    const door = await BadDoor.open(scope, () => ports.camera);
    return new Victim(scope, id, login, { door, camera, ports });
  }

  /** The camera as written in the settings, with its current login. */
  get setting(): string {
    const login = `${this.#user}:${this.#password}`;
    return `${this.id}=rtsp://${login}@127.0.0.1:${this.door.port}${PATH}`;
  }

  get process(): Started {
    return this.#camera.process;
  }

  /** Ends the camera with a signal and waits until it has exited. */
  async end(signal: NodeJS.Signals): Promise<void> {
    // A stopped process reacts only to SIGKILL and SIGCONT.
    if (signal !== "SIGKILL") this.process.signal("SIGCONT");
    this.process.signal(signal);
    await this.process.ended;
  }

  /** Starts the camera again, changed as requested, with its current login unless a password is given. */
  async comeBack({ codec = "h264", password, ...looks }: Looks = {}): Promise<void> {
    this.#password = password ?? this.#password;
    const login = { user: this.#user, password: this.#password };
    const options = { ...looks, login };
    this.#camera = await (codec === "vp8"
      ? playVp8(this.#scope, { path: PATH, ...options })
      : playFickle(this.#scope, { ...options, codec }));
    this.#ports.camera = portOf(this.#camera);
  }
}

function portOf({ uri }: Camera): number {
  return Number(new URL(uri).port);
}
