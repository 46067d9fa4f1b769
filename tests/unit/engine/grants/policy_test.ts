import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { defaultPolicy, parsePolicy, policySchema, readPolicy } from "../../../../engine/grants/policy.ts";
import { parseSize } from "../../../../text/size.ts";

const faultsOf = (text: string) => {
  const parsed = parsePolicy(text, "policy.yaml", "/project");
  return "faults" in parsed
    ? parsed.faults.map(({ line, column, message }) => `${line}:${column} ${message}`)
    : [];
};

Deno.test("parsePolicy() reads every key, and roots relative to the project", () => {
  const parsed = parsePolicy(
    `file_roots: [., /data, ../shared]
hosts_allow: ["*.example", "10.0.0.0/8:5432"]
hosts_deny: [169.254.169.254]
private_hosts_allow: ["10.1.0.0/16"]
plain_hosts_allow: [db.internal, "10.2.0.7:5432"]
commands_allow: [/usr/bin/true]
secret_commands_allow: ["/usr/bin/pass show"]
vault_paths_allow: [secret/shop/*]
aws_secrets_allow: [shop/*]
scripts: off
script_memory_max: 512MB
script_timeout_max: 1h30m
script_cpu_max: 5m
script_output_max: 2GB
script_hosts_allow: ["*.example.com", "api.test:8443"]
python: /usr/bin/python3
load_sql: off
memory_max: 4GiB
spill_max: 1.5TB
`,
    "/etc/policy.yaml",
    "/srv/project",
  );
  if ("faults" in parsed) throw new Error(JSON.stringify(parsed.faults));
  const { hostsAllow, hostsDeny, privateHostsAllow, plainHostsAllow, scriptHostsAllow, ...rest } =
    parsed.policy;
  deepEqual(rest, {
    fileRoots: ["/srv/project", "/data", "/srv/shared"],
    commandsAllow: ["/usr/bin/true"],
    secretCommandsAllow: ["/usr/bin/pass show"],
    vaultPathsAllow: ["secret/shop/*"],
    awsSecretsAllow: ["shop/*"],
    scripts: false,
    scriptCeilings: {
      memory: { text: "512MB", bytes: 512e6 },
      output: { text: "2GB", bytes: 2e9 },
      timeout: { text: "1h30m", ms: 5_400_000 },
      cpu: { text: "5m", ms: 300_000 },
    },
    python: "/usr/bin/python3",
    loadSql: false,
    memoryMax: { text: "4GiB", bytes: 4 * 1024 ** 3 },
    spillMax: { text: "1.5TB", bytes: 1.5e12 },
    path: "/etc/policy.yaml",
  });
  deepEqual(hostsAllow?.map(({ text }) => text), ["*.example", "10.0.0.0/8:5432"]);
  deepEqual(scriptHostsAllow?.map(({ text }) => text), ["*.example.com", "api.test:8443"]);
  deepEqual([...hostsDeny, ...privateHostsAllow, ...plainHostsAllow].map(({ text }) => text), [
    "169.254.169.254",
    "10.1.0.0/16",
    "db.internal",
    "10.2.0.7:5432",
  ]);
});

Deno.test("a policy opens the project's files and all hosts where it says nothing else", () => {
  const parsed = parsePolicy("memory_max: 1GB\n", "p.yaml", "/project");
  if ("faults" in parsed) throw new Error("faults");
  deepEqual(parsed.policy, {
    ...defaultPolicy("/project"),
    memoryMax: { text: "1GB", bytes: 1e9 },
    path: "p.yaml",
  });
  equal(defaultPolicy("/project").hostsAllow, undefined);
  equal(defaultPolicy("/project").scripts, true);
  equal(defaultPolicy("/project").python, undefined);
});

Deno.test("parsePolicy() finds every fault with its place and what was meant", () => {
  const faults = faultsOf("file_root: [.]\nhosts_deny: [a b]\nmemory_max: 100\nscripts: maybe\n");
  equal(faults.length, 4, faults.join("\n"));
  match(faults.join("\n"), /1:1 file_root: unknown key \(did you mean file_roots\?\)/);
  match(faults.join("\n"), /2:14 hosts_deny\[0\]: expected a host, \*\.suffix, an address or a range/);
  match(faults.join("\n"), /3:13 memory_max: expected text but got 100/);
  match(faults.join("\n"), /4:10 scripts/);
  deepEqual(faultsOf("[]"), ["1:1 expected keys with values but got a list"]);
  deepEqual(faultsOf(""), ["1:1 the file is empty"]);
});

Deno.test("readPolicy() says where a policy is missing or wrong: nothing runs without it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "policy.yaml");
    await rejects(
      readPolicy(path, folder),
      (error: unknown) => error instanceof AppError && error.code === "not_found",
    );
    await Deno.writeTextFile(path, "hosts: [x]\n");
    await rejects(
      readPolicy(path, folder),
      (error: unknown) =>
        error instanceof AppError && error.code === "invalid" && error.faults[0]?.file === path,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the manual tells of each key of a policy", async () => {
  const manual = await Deno.readTextFile(new URL("../../../../docs/security.md", import.meta.url));
  for (const key of Object.keys(policySchema.entries)) {
    if (key !== "$schema") match(manual, new RegExp(`\\| \`${key}\``), key);
  }
});

Deno.test("parseSize() counts as DuckDB does", () => {
  deepEqual(["512MB", "2GiB", "1.5 TB", "1KB"].map(parseSize), [512e6, 2 * 1024 ** 3, 1.5e12, 1000]);
  deepEqual(["", "12", "1 gb", "-1GB", "1GB x"].map(parseSize), [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
