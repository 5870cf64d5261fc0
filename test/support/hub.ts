// What a test sends to the agent as the hub would: settings documents and model bundles, through a real Edge Sync Service.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EssDouble } from "../../src/agent/hub/testing/ess-double.js";
import { packBundle } from "../../src/common/bundle/pack.js";
import type { Settings } from "./product.js";
import { type Scope, temporaryDirectory } from "./scope.js";

export interface TestHub {
  readonly ess: EssDouble;
  /** How the agent is told where the service is. */
  readonly env: Settings;
  /** Publishes a settings document. */
  settings(document: unknown): void;
  /** Publishes the bundle of a directory. */
  model(directory: string, name: string, version: string): Promise<void>;
}

export async function startHub(scope: Scope): Promise<TestHub> {
  const ess = await EssDouble.start();
  scope.after(() => ess.stop());
  const { socketPath, certificate, credentials } = ess.address;
  return {
    ess,
    env: {
      HZN_ESS_API_PROTOCOL: "secure-unix",
      HZN_ESS_API_ADDRESS: socketPath,
      HZN_ESS_CERT: certificate,
      HZN_ESS_AUTH: credentials,
    },
    settings: (document) => {
      const data = Buffer.from(JSON.stringify(document));
      ess.publish({ type: "slipstream-settings", id: "settings", data });
    },
    model: async (directory, name, version) => {
      const archive = join(await temporaryDirectory(scope), "bundle.tar.gz");
      const signal = AbortSignal.timeout(30_000);
      await packBundle(directory, archive, { name, version, boards: [], signal });
      ess.publish({ type: "slipstream-model", id: name, version, data: await readFile(archive) });
    },
  };
}
