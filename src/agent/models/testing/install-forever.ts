/** Installs archives one after another until it is killed: install-forever.js STORE ARCHIVE... */

import { TRUST_ALL } from "../../../common/bundle/signature.js";
import { ModelStore } from "../store.js";

const [directory = "", ...archives] = process.argv.slice(2);
const store = await ModelStore.open({
  directory,
  shipped: directory,
  maxBytes: 1e9,
  trust: TRUST_ALL,
  board: () => undefined,
  onEvent: () => {},
});
const { signal } = new AbortController();
process.stdout.write("open\n");
for (;;) {
  for (const archive of archives) {
    const outcome = await store.install(archive, signal);
    if (outcome.t !== "installed") throw new Error(JSON.stringify(outcome));
  }
  await store.hold([]);
  for (const { manifest } of store.list()) {
    await store.withdraw(`${manifest.name}@${manifest.version}`);
  }
}
