import { deepEqual, equal, match, ok } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { connectors } from "../../../connectors/registry.ts";
import { systemClock } from "../../../contract/clock.ts";
import { checkProject } from "../../../engine/definitions/check/check_project.ts";
import { Egress } from "../../../engine/grants/egress/egress.ts";
import { defaultPolicy } from "../../../engine/grants/policy.ts";
import { findProgram } from "../../../server/program.ts";
import { formatFault } from "../../../text/fault.ts";
import { PROGRAM } from "../../support/program.ts";
import { TestProject } from "../../support/test_project.ts";

const FILES = {
  "connectors.yaml": `shop: {type: sqlite, path: "\${env:SHOP_DB}"}\nlocal: {type: file}\n`,
  "pipelines/shop.yaml": "extract:\n" +
    "  orders: {connector: shop, stream: orders}\n" +
    "  days: {connector: local, path: days.csv}\n",
  "days.csv": "day\n2024-01-01\n",
  "transforms/shop/daily.sql":
    "SELECT d.day, o.amount\nFROM raw.orders AS o JOIN raw.days AS d ON d.day = o.day",
};

/** The faults of a check, each as a line; with the variable SHOP_DB unless it asks nobody. */
async function check(project: TestProject, how: "online" | "offline" | "writes"): Promise<string[]> {
  const program = findProgram(PROGRAM.main, (name) => Deno.env.get(name));
  const isOffline = how === "offline";
  const { faults, written } = await checkProject({
    connectors,
    egress: new Egress(systemClock),
    references: {
      env: (name) => name === "SHOP_DB" && !isOffline ? join(project.projectDir, "shop.db") : undefined,
      secrets: { get: () => Promise.resolve(undefined) },
    },
    policy: defaultPolicy(project.projectDir),
    projectDir: project.projectDir,
    dataDir: project.dataDir,
    programPaths: program.programPaths,
    secretFolders: [],
    runProcess: program.runProcess,
    log: () => {},
    knownColumns: () => Promise.resolve({}),
    isOffline,
    writesSchemas: how === "writes",
  }, AbortSignal.any([]));
  return [...faults.map(formatFault), ...written.map((path) => `wrote ${path}`)];
}

Deno.test("a check that asks no source knows its columns from schemas/, and one that asks says where they are old", async () => {
  await using project = await TestProject.create(FILES);
  using database = new DatabaseSync(join(project.projectDir, "shop.db"));
  database.exec(`CREATE TABLE orders (id INTEGER, day DATE, amount DECIMAL(10, 2), "2nd ""note""" TEXT)`);

  const blind = await check(project, "offline");
  ok(blind.some((line) => line.includes("the columns of raw.orders are not known")), blind.join("\n"));

  deepEqual(await check(project, "writes"), ["wrote schemas/shop.yaml"]);
  deepEqual(await check(project, "writes"), []);
  const path = join(project.projectDir, "schemas", "shop.yaml");
  const text = await Deno.readTextFile(path);
  match(text, /^streams:\n {2}orders:\n {4}- id: BIGINT\n {4}- day: /m);
  match(text, / - 2nd "note": VARCHAR\n$/);
  equal(text.includes("days"), false, "files of the project are asked for in each check");

  deepEqual(await check(project, "online"), []);
  const missing = /env:SHOP_DB|SHOP_DB/;
  deepEqual((await check(project, "offline")).filter((line) => !missing.test(line)), []);

  await project.write({ "transforms/shop/daily.sql": "SELECT amout FROM raw.orders" });
  deepEqual((await check(project, "offline")).filter((line) => !missing.test(line)), [
    'transforms/shop/daily.sql:1:8: column "amout" does not exist (did you mean amount?)',
  ]);

  await project.write({ "transforms/shop/daily.sql": "SELECT id FROM raw.orders" });
  database.exec("ALTER TABLE orders DROP COLUMN amount; ALTER TABLE orders ADD COLUMN region TEXT");
  deepEqual(await check(project, "online"), [
    "schemas/shop.yaml:4:3: warning: raw.orders is otherwise now: region VARCHAR is new, amount is gone; " +
    "`sluice check --write-schemas` writes it anew",
  ]);

  await Deno.writeTextFile(path, "streams:\n  orders:\n    - id: BIGINT); DROP TABLE x; --\n");
  const injected = (await check(project, "offline")).filter((line) => !missing.test(line));
  equal(injected.length, 1);
  match(injected[0] ?? "", /raw\.orders cannot be made/);

  await Deno.writeTextFile(path, "streams:\n  orders:\n    id: BIGINT\n");
  match((await check(project, "online")).join("\n"), /^schemas\/shop\.yaml:3:5: /m);
});
