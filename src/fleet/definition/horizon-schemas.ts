/** The keys of Horizon's documents, from the structures of its agent and tools. */

import { either, type Kind, listOf, mapOf, one, type Schema } from "./schema-check.js";

const gpu =
  "the GPU comes from Docker's default runtime: set default-runtime to nvidia in the node's /etc/docker/daemon.json";
const always = "the agent always restarts what exits";
const killed =
  "the agent kills containers without a signal: nothing may depend on an orderly shutdown";

/** Keys of Docker and Compose, which Horizon silently drops. */
const notInHorizon: Readonly<Record<string, string>> = {
  runtime: gpu,
  gpus: gpu,
  device_requests: gpu,
  shm_size: 'give the container "tmpfs": {"/dev/shm": "size=1g"}',
  healthcheck:
    "the agent only checks whether a container runs; exit at once on every start to fail on purpose",
  restart: always,
  restart_policy: always,
  depends_on: "containers start in any order; both sides must retry",
  links: "containers of one service reach each other by their keys as host names",
  ulimits: "there is no way to set them; set the daemon's default-ulimits on the node",
  network_mode:
    'the one choice is "network": "host", and it needs openhorizon.allowPrivileged on the node',
  networks: "containers of one service share a network of their own",
  volumes: 'use "binds", such as "name:/path"',
  mounts: 'use "binds", such as "name:/path"',
  env: "declare a userInput: it becomes an environment variable",
  env_file: "declare a userInput for each variable",
  extra_hosts: "there is no way to set them; take addresses as userInput",
  dns: "there is no way to set it; set the daemon's dns on the node",
  labels: "there is no way to set them on a container; put them into the image",
  hostname: "the key of the container is its host name for other containers",
  container_name: "the key of the container is its name",
  cap_drop: "there is no way to drop capabilities; run as a user other than root in the image",
  read_only: "there is no way to set it; run as a user other than root in the image",
  init: "there is no way to set it; put an init into the image's entry point",
  working_dir: "set WORKDIR in the image",
  stop_signal: killed,
  stop_grace_period: killed,
  cpus: 'use "max_cpus"',
  mem_limit: 'use "max_memory_mb"',
  memory: 'use "max_memory_mb"',
  logging: 'use "log_driver"',
  expose: "containers of one service reach each other's ports anyway",
};

/** Keys that all have values of one kind. */
function all(kind: Kind, ...keys: readonly string[]): Readonly<Record<string, Kind>> {
  return Object.fromEntries(keys.map((key) => [key, kind]));
}

const port: Schema = {
  name: "a port",
  keys: all("string", "HostPort", "HostIP"),
  required: ["HostPort"],
  unsupported: { ContainerPort: 'write "HostPort": "8554:8554/tcp"' },
};

const container: Schema = {
  name: "a container",
  keys: {
    ...all("string", "image", "variation_label", "network", "log_driver", "pid", "user", "ipc"),
    ...all("strings", "environment", "cap_add", "command", "devices", "binds", "entrypoint"),
    security_opt: "strings",
    privileged: "boolean",
    network_isolation: "object",
    ...all("string-map", "tmpfs", "sysctls"),
    ...all(listOf(port), "ports", "specific_ports"),
    ephemeral_ports: listOf({
      name: "an ephemeral port",
      keys: { localhost_only: "boolean", port_and_protocol: "string" },
      required: ["port_and_protocol"],
    }),
    max_memory_mb: "integer",
    max_cpus: "number",
    secrets: mapOf({
      name: "a secret",
      keys: all("string", "description", "format"),
      unsupported: {
        value: "a value belongs in the hub's secrets manager, and its name in secretBinding",
      },
    }),
  },
  required: ["image"],
  unsupported: notInHorizon,
};

/** A deployment that is already signed is a string. */
const deployment: Kind = either(
  "string",
  one({ name: "a deployment", keys: { services: mapOf(container) }, required: ["services"] }),
);

export const serviceDefinition: Schema = {
  name: "a service definition",
  keys: {
    ...all("string", "org", "label", "description", "documentation", "url", "version", "arch"),
    ...all("string", "sharable", "deploymentSignature", "clusterDeploymentSignature"),
    public: "boolean",
    matchHardware: "object",
    requiredServices: listOf({
      name: "a required service",
      keys: all("string", "url", "org", "version", "versionRange", "arch"),
      required: ["url", "org", "arch"],
    }),
    userInput: listOf({
      name: "a userInput",
      keys: all("string", "name", "label", "type", "defaultValue"),
      required: ["name", "type"],
    }),
    deployment,
    clusterDeployment: "any",
  },
  // hzn takes an org that is absent from -o or HZN_ORG_ID.
  required: ["url", "version", "arch"],
  notEmpty: ["org"],
  unsupported: {
    userInputs: "the key is userInput",
    name: "the key is url, and it need not be a URL",
    services: "the containers belong in deployment.services",
  },
};

const serviceVersion = (more: Schema["keys"]): Schema => ({
  name: "a service version",
  keys: {
    version: "string",
    priority: one({
      name: "a priority",
      keys: all("integer", "priority_value", "retries", "retry_durations", "verified_durations"),
    }),
    upgradePolicy: one({ name: "an upgrade policy", keys: all("string", "lifecycle", "time") }),
    ...more,
  },
  required: ["version"],
});

const nodeHealth = one({
  name: "nodeHealth",
  keys: all("integer", "missing_heartbeat_interval", "check_agreement_status"),
});

const serviceReference = all(
  "string",
  "serviceOrgid",
  "serviceUrl",
  "serviceArch",
  "serviceVersionRange",
);

const userInput = listOf({
  name: "an element of userInput",
  keys: {
    ...serviceReference,
    inputs: listOf({
      name: "an input",
      keys: { name: "string", value: "any" },
      required: ["name"],
    }),
  },
  required: ["serviceOrgid", "serviceUrl", "inputs"],
});

const secretBinding = listOf({
  name: "an element of secretBinding",
  keys: { ...serviceReference, enableNodeLevelSecrets: "boolean", secrets: "list" },
  required: ["serviceOrgid", "serviceUrl", "secrets"],
});

const terms: Schema["keys"] = {
  properties: listOf({
    name: "a property",
    keys: { name: "string", value: "any", type: "string" },
    required: ["name"],
  }),
  constraints: "strings",
};

export const deploymentPolicy: Schema = {
  name: "a deployment policy",
  keys: {
    ...all("string", "label", "description"),
    service: one({
      name: "the service of a deployment policy",
      keys: {
        ...all("string", "name", "org", "arch", "clusterNamespace"),
        serviceVersions: listOf(serviceVersion({})),
        nodeHealth,
      },
      required: ["name", "org", "serviceVersions"],
    }),
    ...terms,
    userInput,
    secretBinding,
  },
  required: ["service"],
  unsupported: {
    owner: "the Exchange sets it, and refuses a policy that has one",
    services: "the key is service, and it is one object",
  },
};

export const pattern: Schema = {
  name: "a pattern",
  keys: {
    ...all("string", "name", "org", "label", "description", "clusterNamespace"),
    public: "boolean",
    services: listOf({
      name: "a service of a pattern",
      keys: {
        ...all("string", "serviceUrl", "serviceOrgid", "serviceArch"),
        agreementLess: "boolean",
        serviceVersions: listOf(
          serviceVersion({
            deployment_overrides: "any",
            deployment_overrides_signature: "string",
          }),
        ),
        dataVerification: "object",
        nodeHealth,
      },
      required: ["serviceUrl", "serviceOrgid", "serviceArch", "serviceVersions"],
    }),
    agreementProtocols: "list",
    userInput,
    secretBinding,
  },
  required: ["services"],
};

const policyPart = (name: string): Kind => one({ name, keys: terms });

/** A node policy, or a service policy, which has no parts. */
export const nodePolicy: Schema = {
  name: "a node or service policy",
  keys: {
    ...all("string", "label", "description"),
    ...terms,
    deployment: policyPart("the deployment part of a node policy"),
    management: policyPart("the management part of a node policy"),
  },
  unsupported: {
    service: "a policy about a service's placement is a deployment policy, in a file of its own",
  },
};
