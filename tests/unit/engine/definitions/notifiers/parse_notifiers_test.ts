import { deepEqual, equal } from "node:assert/strict";
import { formatFault } from "../../../../../text/fault.ts";
import { loadProject } from "../../../../../engine/definitions/load.ts";
import { missingOfNotifiers } from "../../../../../engine/definitions/notifiers/missing_references.ts";
import { parseNotifiers } from "../../../../../engine/definitions/notifiers/parse_notifiers.ts";
import { CONNECTOR_TYPES, ProjectFixture } from "../project_fixture.ts";

const GOOD = `team:
  type: smtp
  host: smtp.example.com
  port: \${env:SMTP_PORT}
  username: sluice
  password: \${secret:SMTP_PASSWORD}
  from: Sluice <sluice@example.com>
  to: [data@example.com]
  title: "{{pipeline}}: {{event}}"
chat: { type: slack, url: "\${secret:SLACK_URL}" }
phone: { type: sms, url: https://sms.example.com/, to: "+41", form: { Body: "{{ title }}", To: "{{to}}" } }
`;

/** What is wrong with one notifier, beside a good one. */
function faultsOf(entry: string): string[] {
  const { faults, notifiers, broken } = parseNotifiers(
    `bad: ${entry}\ngood: { type: teams, url: https://a.example/ }\n`,
  );
  deepEqual([Object.keys(notifiers), [...broken]], [["good"], ["bad"]]);
  return faults.map(formatFault);
}

Deno.test("parseNotifiers() takes notifiers of all kinds with references in them", () => {
  const parsed = parseNotifiers(GOOD);
  deepEqual(parsed.faults.map(formatFault), []);
  deepEqual(Object.keys(parsed.notifiers), ["team", "chat", "phone"]);
  equal(parsed.notifiers["team"]?.["password"], "${secret:SMTP_PASSWORD}");
});

Deno.test("parseNotifiers() says where each fault stands, and leaves the others as they are", () => {
  const url = "url: https://a.example/";
  deepEqual(faultsOf("{ type: slak, url: x }"), [
    'notifiers.yaml:1:14: bad.type: unknown type of notifier "slak" (did you mean slack?)',
  ]);
  deepEqual(faultsOf("{ type: slack }").map((fault) => fault.includes("url")), [true]);
  deepEqual(faultsOf(`{ type: slack, ${url}, chanel: x }`).map((fault) => fault.includes("chanel")), [true]);
  deepEqual(faultsOf("{ type: webhook, url: ftp://a }").map((fault) => fault.includes("https://")), [true]);
  deepEqual(faultsOf(`{ type: teams, ${url}, title: "{{pipline}}" }`), [
    "notifiers.yaml:1:53: bad.title: {{pipline}} is nothing that a template can have (did you mean pipeline?)",
  ]);
  deepEqual(faultsOf(`{ type: teams, ${url}, title: "{{to}}" }`).length, 1, "only bodies of an sms have it");
  deepEqual(faultsOf(`{ type: webhook, ${url}, json: { a: ["{{nobody}}"] } }`).length, 1);
  deepEqual(
    faultsOf(`{ type: webhook, ${url}, secret: "\${vault:X}" }`).map((fault) => fault.includes("vault")),
    [
      true,
    ],
  );
  deepEqual(faultsOf(`{ type: teams, ${url}, group: soon }`).length, 1);
  deepEqual(
    faultsOf(`{ type: smtp, host: a, from: "a@b.c\\r\\nBcc: d@e.f", to: a@b.c }`).length,
    1,
    "no header",
  );
  deepEqual(parseNotifiers("- a\n").isReadable, false);
  deepEqual(parseNotifiers("team: {").isReadable, false);
});

Deno.test("a pipeline that tells nobody there is has a fault, also where the notifier is broken it has none", async () => {
  await using project = await ProjectFixture.create({
    "notifiers.yaml": "team: { type: teams, url: https://a.example/ }\nbroken: { type: teams }\n",
    "pipelines/a.yaml": "notify:\n  - { on: failure, to: [team, taem] }\n  - { on: late, to: broken }\n",
    "pipelines/b.yaml": "notify: { on: [failure, nothing], to: team }\n",
  });
  const { pipelines, faults } = await loadProject(project.dir, { connectorTypes: CONNECTOR_TYPES });
  deepEqual(faults.map(({ file }) => file), ["notifiers.yaml"]);
  const [a, b] = pipelines.map((pipeline) => pipeline.faults.map(formatFault));
  deepEqual(a, [
    "pipelines/a.yaml:1:1: warning: it has nothing to do: no stream, no model",
    'pipelines/a.yaml:2:31: no notifier "taem" in notifiers.yaml (did you mean team?)',
  ]);
  equal(b?.length, 1);
});

Deno.test("references of notifiers without a value are faults of the check, with their places", async () => {
  const sources = {
    env: () => undefined,
    secrets: { get: (name: string) => Promise.resolve(name === "SLACK_URL" ? "x" : undefined) },
  };
  const missing = async (isOffline: boolean) =>
    (await missingOfNotifiers(parseNotifiers(GOOD), sources, isOffline)).map(formatFault);
  deepEqual(await missing(false), [
    'notifiers.yaml:4:9: Cannot resolve ${env:SMTP_PORT} of notifier "team", key port: ' +
    "set the environment variable SMTP_PORT",
    'notifiers.yaml:6:13: Cannot resolve ${secret:SMTP_PASSWORD} of notifier "team", key password: ' +
    "set it by `sluice secrets set SMTP_PASSWORD`, put it into a file SMTP_PASSWORD in the folder of " +
    "SLUICE_SECRETS_DIR, or set SLUICE_SECRET_SMTP_PASSWORD",
  ]);
  deepEqual((await missing(true)).map((fault) => fault.includes("warning")), [true, true]);
});
