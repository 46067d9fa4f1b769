import { deepEqual, equal, match } from "node:assert/strict";
import { parsePolicy } from "../../../../engine/grants/policy.ts";
import { mayGoPlain, plainFault } from "../../../../engine/grants/plain_lines.ts";
import { readTelemetrySettings } from "../../../../engine/runs/telemetry/settings.ts";

const policyOf = (text: string) => {
  const parsed = parsePolicy(text, "/etc/policy.yaml", "/p");
  if ("faults" in parsed) throw new Error(JSON.stringify(parsed.faults));
  return parsed.policy;
};
const none = policyOf("{}");

Deno.test("a host goes plain on this machine, or where the policy names it", () => {
  const policy = policyOf("plain_hosts_allow: [db.internal, '10.2.0.0/16:5432']");
  const allowed = [
    "localhost:1",
    "[::1]:1",
    "127.0.0.1:1",
    "db.internal:9",
    "DB.internal.:9",
    "10.2.3.4:5432",
  ];
  const refused = ["db.internal.example:9", "10.2.3.4:5433", "10.3.0.1:5432", "10.2.3.4.example:5432"];
  deepEqual([...allowed, ...refused].filter((host) => mayGoPlain(policy, host)), allowed);
});

Deno.test("a secret of the server's own goes to no plain address elsewhere", () => {
  for (
    const address of ["http://marquez.example:5000/x", "ws://store.example", "libsql://store.example?tls=0"]
  ) {
    match(
      plainFault(none, address) ?? "",
      /without encryption: use https:\/\/, or add .*\.example to plain_hosts_allow/,
    );
  }
  for (
    const address of [
      "https://a.example",
      "wss://a.example",
      "libsql://a.example",
      "http://127.0.0.1:1",
      "file:/x",
    ]
  ) {
    equal(plainFault(none, address), undefined, address);
  }
});

Deno.test("lineage and traces with a secret are sent to no plain address elsewhere", () => {
  const read = (variables: Record<string, string>, policy = none) => {
    const settings = readTelemetrySettings(
      (name) => variables[name],
      (address) => plainFault(policy, address),
    );
    return [settings.lineage?.url, settings.traces?.url, settings.faults.join()];
  };
  const url = "http://marquez.example";
  const keyed = { OPENLINEAGE_URL: url, OPENLINEAGE_API_KEY: "s3cret" };
  const [lineage, , fault] = read(keyed);
  equal(lineage, undefined);
  match(fault ?? "", /OPENLINEAGE_URL has a secret with it and leads to marquez\.example without encryption/);
  equal(read(keyed, policyOf("plain_hosts_allow: [marquez.example]"))[0], `${url}/api/v1/lineage`);
  equal(read({ OPENLINEAGE_URL: url })[0], `${url}/api/v1/lineage`, "there is nothing to be read");
  const [, traces, other] = read({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://u:s3cret@otlp.example:4318" });
  deepEqual([traces, /s3cret/.test(other ?? "")], [undefined, false]);
});
