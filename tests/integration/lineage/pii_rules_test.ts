import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import type { ApplyResult } from "../../../contract/run.ts";
import { Served } from "../../support/served_project.ts";

const FILES = {
  "pipelines/crm.yaml":
    "extract:\n  people: { connector: files, path: people.csv, pii: [email, phone], mask: { phone: hash }, " +
    "rename: { email: mail } }\nload:\n  contacts: { connector: lite, table: contacts }\n",
  "macros/text.sql": "CREATE MACRO clean(address) AS lower(trim(address));\n",
  "transforms/crm/people.sql": "/* @sluice\nmaterialized: ephemeral\n*/\nSELECT * FROM raw.people\n",
  "transforms/crm/contacts.sql": "SELECT id, clean(mail) AS mail, phone FROM people\n",
  "people.csv": "id,email,phone\n1,ann@example.org,555\n",
  "connectors.yaml":
    "files: { type: file, mask_salt: s4lt }\nlite: { type: sqlite, path: out/lite.sqlite }\n",
};
const rules = (rule: string) => ({
  "project.yaml": `rules: { pii: { default: allow, destinations: { lite: ${rule} } } }\n`,
});

Deno.test("personal data is kept from where a rule forbids it, also by a rule that comes later", async () => {
  await using served = await Served.start({ ...FILES, ...rules("warn") });
  const { project } = served;
  const apply = () => served.server.call<ApplyResult>("POST", "/api/apply");
  const ask = (query: string) =>
    served.server.call<PipelineLineage>("GET", `/api/pipelines/crm/lineage${query}`);

  const [warned] = (await served.server.call<{ faults: { message: string; severity: string }[] }>(
    "GET",
    "/api/pipelines/crm",
  )).faults;
  strictEqual(warned?.severity, "warning");
  match(
    warned?.message ?? "",
    /^mail holds personal data .* warns of .*: email of files: people\.csv → raw\.people\.mail → people\.mail → contacts\.mail → /,
  );
  const marks = (await ask("")).tables.flatMap(({ id, columns }) =>
    columns.filter(({ pii }) => pii).map(({ name }) => `${id}.${name}`)
  );
  deepStrictEqual(marks, [
    "source:people.email",
    "source:people.phone",
    "raw.people.mail",
    "main.people.mail",
    "main.contacts.mail",
    "target:contacts→lite.mail",
  ]);

  await project.write(rules("forbid"));
  const { applied, faults } = await apply();
  deepStrictEqual(applied, []);
  match(faults[0]?.message ?? "", /forbids for the connector lite/);
  strictEqual(faults[0]?.severity, "error");

  // Somebody vouches for it.
  await project.write({
    "transforms/crm/contacts.sql":
      "/* @sluice\ncolumns:\n  mail: { pii: false, pii_reason: addresses of offices }\n*/\n" +
      FILES["transforms/crm/contacts.sql"],
  });
  deepStrictEqual((await apply()).faults, []);

  const upstream = await ask("?model=contacts&column=mail&direction=upstream");
  deepStrictEqual(upstream.tables.map(({ id, columns }) => [id, ...columns.map(({ name }) => name)]), [
    ["source:people", "email"],
    ["raw.people", "mail"],
    ["main.people", "mail"],
    ["main.contacts", "mail"],
  ]);
  deepStrictEqual(upstream.tables[3]?.columns[0]?.pii_declared, {
    pii: false,
    reason: "addresses of offices",
  });
  const shown = await project.sluice("lineage", ["crm.contacts.mail"]);
  match(
    shown.stdout,
    /Made of\n└─ people\.mail {2}transformed {2}pii\n {3}└─ raw\.people\.mail {2}copied {2}pii\n {6}└─ email of files: people\.csv {2}copied {2}pii\n/,
  );
  await served.server.call("GET", "/api/pipelines/crm/lineage?model=nobody", undefined, [404]);
  await served.server.call("GET", "/api/pipelines/crm/lineage?column=mail", undefined, [400]);
});

Deno.test("lineage follows the columns that a run has met", async () => {
  await using served = await Served.start(FILES);
  const columnsOf = async (id: string) => {
    const { tables } = await served.server.call<PipelineLineage>("GET", "/api/pipelines/crm/lineage");
    return tables.find((table) => table.id === id)?.columns.map(({ name, sources: [source] }) =>
      `${name} < ${source?.table}.${source?.column}`
    );
  };
  strictEqual((await columnsOf("main.people"))?.length, 3);
  await served.project.write({ "people.csv": "id,email,phone,town\n1,ann@example.org,555,Ulm\n" });
  await served.succeed("crm");
  deepStrictEqual((await columnsOf("main.people"))?.at(-1), "town < raw.people.town");
  deepStrictEqual((await columnsOf("raw.people"))?.at(-1), "town < source:people.town");
});

Deno.test("a slip in what is marked as personal data is a fault", async () => {
  await using served = await Served.start({
    ...FILES,
    "pipelines/crm.yaml": FILES["pipelines/crm.yaml"].replace("[email, phone]", "[emial]"),
  });
  const { stderr, stdout } = await served.project.sluice("check");
  match(
    stderr + stdout,
    /pipelines\/crm\.yaml:2:\d+: pii: the stream people has no column emial \(did you mean email\?\)/,
  );
});
