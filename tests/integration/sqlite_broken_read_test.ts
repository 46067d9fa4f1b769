import { equal, match } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { damageMiddlePage, makeSqlite, numbers } from "../support/sqlite_file.ts";
import { TestProject } from "../support/test_project.ts";

/**
 * A statement of SQLite that fails in the middle of a read, for which the runtime's iterator just ends:
 * the run must fail, and what was loaded before must stay.
 */

const CONNECTORS = `
shop: { type: sqlite, path: shop.sqlite }
report: { type: sqlite, path: report.sqlite }
`;
const PIPELINE = `
extract:
  events: { connector: shop, stream: events }
load:
  events: { connector: report, table: events, mode: replace }
`;

class Shop implements AsyncDisposable {
  readonly project: TestProject;

  private constructor(project: TestProject) {
    this.project = project;
  }

  /** A project that has read the good rows once. */
  static async create(good: string): Promise<Shop> {
    const shop = new Shop(
      await TestProject.create({ "connectors.yaml": CONNECTORS, "pipelines/shop.yaml": PIPELINE }),
    );
    makeSqlite(shop.path, good);
    const { code, stdout, stderr } = await shop.project.sluice("run", ["shop"]);
    equal(code, 0, stdout + stderr);
    return shop;
  }

  get path(): string {
    return `${this.project.projectDir}/shop.sqlite`;
  }

  rowsAtDestination(): unknown {
    using database = new DatabaseSync(`${this.project.projectDir}/report.sqlite`, { readOnly: true });
    return database.prepare("SELECT count(*) AS n FROM events").get()?.["n"];
  }

  async failsWith(...messages: readonly RegExp[]): Promise<void> {
    const before = this.rowsAtDestination();
    const { code, stdout, stderr } = await this.project.sluice("run", ["shop"]);
    equal(code, 1, stdout + stderr);
    for (const message of messages) match(stdout + stderr, message);
    equal(this.rowsAtDestination(), before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.project[Symbol.asyncDispose]();
  }
}

Deno.test("a view whose expression fails on a row fails the run, and the destination stays", async () => {
  await using shop = await Shop.create(`
    CREATE TABLE raw_events (id INTEGER, j TEXT);
    INSERT INTO raw_events SELECT n, '{"a":' || n || '}' FROM ${numbers(10)};
    CREATE VIEW events AS SELECT id, json_extract(j, '$.a') AS a FROM raw_events;`);
  makeSqlite(shop.path, "UPDATE raw_events SET j = 'oops' WHERE id = 3");
  await shop.failsWith(/view "events"/, /malformed JSON/);
});

Deno.test("an overflow late in a view fails the run, and the destination stays", async () => {
  await using shop = await Shop.create(`
    CREATE TABLE amounts (id INTEGER PRIMARY KEY, amount INTEGER);
    INSERT INTO amounts SELECT n, n FROM ${numbers(1_000)};
    CREATE VIEW events AS SELECT id, CAST(abs(amount) AS INTEGER) AS amount FROM amounts;`);
  makeSqlite(shop.path, "UPDATE amounts SET amount = -9223372036854775808 WHERE id = 800");
  await shop.failsWith(/view "events"/, /integer overflow/);
});

Deno.test("a damaged page in a table fails the run, and the destination stays", async () => {
  await using shop = await Shop.create(`
    CREATE TABLE events (id INTEGER PRIMARY KEY, note TEXT);
    INSERT INTO events SELECT n, 'the note of event number ' || n FROM ${numbers(5_000)};`);
  await damageMiddlePage(shop.path);
  await shop.failsWith(/table "events"/, /damaged/);
});
