import { deepEqual, equal } from "node:assert/strict";
import type { WrittenScriptLimits } from "../../../../contract/connector/connector.ts";
import { ceilingsOf, reasonAgainstScript } from "../../../../engine/grants/script_ceilings.ts";
import { parsePolicy } from "../../../../engine/grants/policy.ts";

const policyOf = (text: string) => {
  const parsed = parsePolicy(text, "/etc/policy.yaml", "/project");
  if ("faults" in parsed) throw new Error(JSON.stringify(parsed.faults));
  return parsed.policy;
};
const POLICY = policyOf(`
script_memory_max: 256MB
script_timeout_max: 10m
script_cpu_max: 90s
script_output_max: 1GB
script_hosts_allow: ["*.example.com", "api.test:8443", "10.0.0.0/8"]
`);

Deno.test("a script may ask for no more than the policy has, and is told both", () => {
  const reasons = (limits: Partial<WrittenScriptLimits>, policy = POLICY) => {
    const asker = { connector: "script", use: `stream "s"`, place: [], isInCheck: false };
    return reasonAgainstScript(policy, { ...asker, limits: { hosts: [], ...limits } });
  };
  equal(reasons({}), undefined);
  equal(reasons({ memory: "256MB", timeout: "600s", cpu: "1m30s", output: "1000MB" }), undefined);
  equal(
    reasons({ memory: "257MB" }),
    "it asks for memory: 257MB, and script_memory_max of the operator's policy is 256MB",
  );
  equal(
    reasons({ timeout: "10m1s" }),
    "it asks for timeout: 10m1s, and script_timeout_max of the operator's policy is 10m",
  );
  equal(reasons({ cpu: "2m" }), "it asks for cpu: 2m, and script_cpu_max of the operator's policy is 90s");
  equal(
    reasons({ output: "1GiB" }),
    "it asks for output: 1GiB, and script_output_max of the operator's policy is 1GB",
  );
  equal(reasons({ hosts: ["a.example.com:443", "api.test:8443", "10.1.2.3:80"] }), undefined);
  for (const host of ["example.com:443", "api.test:443", "11.0.0.1:80", "[fd00::1]:443"]) {
    equal(
      reasons({ hosts: ["a.example.com:443", host] }),
      `it names ${host} in hosts, which is not among script_hosts_allow of the operator's policy`,
    );
  }
  equal(reasons({ memory: "1TB", hosts: ["anything.test:1"] }, policyOf("{}")), undefined);
  equal(
    reasons({ hosts: ["anything.test:1"] }, policyOf("script_hosts_allow: []")),
    "it names anything.test:1 in hosts, which is not among script_hosts_allow of the operator's policy",
  );
});

Deno.test("what a script does not ask for is bounded all the same", () => {
  deepEqual(ceilingsOf(POLICY), {
    memoryBytes: 256e6,
    timeoutMs: 600_000,
    cpuMs: 90_000,
    outputBytes: 1e9,
  });
  deepEqual(ceilingsOf(policyOf("script_cpu_max: 1s")), { cpuMs: 1000 });
});
