import { equal, match, ok } from "node:assert/strict";
import { FollowedProject } from "../../support/followed_project.ts";
import { acquireMariadb, type MariadbDatabase } from "../../support/mariadb.ts";

/** As for PostgreSQL: one stream that cannot be followed fails alone; repaired, it goes on without a gap. */

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const GOOD = { stream: "good", mode: "cdc" };
const BAD = { stream: "bad", mode: "cdc" };
const BOTH = { bad: BAD, good: GOOD };
const TABLES = `CREATE TABLE good (id int PRIMARY KEY, name text); INSERT INTO good VALUES (1, 'one');
  CREATE TABLE bad (id int PRIMARY KEY, name text); INSERT INTO bad VALUES (1, 'one')`;

async function withDatabase(
  work: (database: MariadbDatabase, project: FollowedProject) => Promise<void>,
): Promise<void> {
  await using database = await server.createDatabase();
  await using project = await FollowedProject.create(database.url);
  await database.run(TABLES);
  await work(database, project);
}

async function failsAlone(project: FollowedProject, expected: RegExp, when: string): Promise<void> {
  const { error, steps, log, followed } = await project.attempt(BOTH);
  match(String(error), expected, `${when}: ${error}`);
  equal(steps.get("extract:bad")?.state, "failed", when);
  equal(steps.get("extract:good")?.state, "succeeded", `${when}: ${log.join("\n")}`);
  match(followed.at(-1)?.streams[0]?.error ?? "", expected, when);
  await project.equalsSource({ good: GOOD }, when);
}

Deno.test("a table that is gone or has no key fails its stream alone, and goes on from its place in the log", () =>
  withDatabase(async (database, project) => {
    const first = await project.run(BOTH);
    const status = first.followed.at(-1);
    match(status?.position ?? "", /^binlog\.\d+:\d+$/);
    ok(status?.caught_up === true && status.up_to !== null && status.retained_bytes === null);
    await database.run(`INSERT INTO good VALUES (2, 'two'); INSERT INTO bad VALUES (2, 'two');
      ALTER TABLE bad DROP PRIMARY KEY; INSERT INTO bad VALUES (3, 'three')`);
    await failsAlone(project, /extract:bad|has no primary key/, "keyless");
    await database.run("ALTER TABLE bad ADD PRIMARY KEY (id); INSERT INTO good VALUES (3, 'three')");
    await project.run(BOTH);
    await project.equalsSource(BOTH, "repaired");
    await database.run("RENAME TABLE bad TO away; INSERT INTO good VALUES (4, 'four')");
    await failsAlone(project, /no table/, "renamed away");
    await database.run("RENAME TABLE away TO bad; INSERT INTO bad VALUES (5, 'five')");
    await project.run(BOTH);
    await project.equalsSource(BOTH, "renamed back");
    await database.run("DROP TABLE bad; INSERT INTO good VALUES (6, 'six')");
    await failsAlone(project, /no table/, "dropped");
    await database.run("CREATE TABLE bad (id int PRIMARY KEY, more int); INSERT INTO bad VALUES (1, 1)");
    await project.run(BOTH);
    await project.equalsSource(BOTH, "made anew");
  }));

Deno.test("a statement in place of rows fails the stream of its table alone", () =>
  withDatabase(async (database, project) => {
    await project.run(BOTH);
    await database.run(`INSERT INTO good VALUES (2, 'two'); SET SESSION binlog_format = STATEMENT;
      INSERT INTO bad VALUES (2, 'two'); SET SESSION binlog_format = ROW; INSERT INTO good VALUES (3, 'three')`);
    await failsAlone(project, /a statement that may change bad in place of its rows/, "statement");
    await project.run(BOTH, { fullRefresh: true });
    await project.equalsSource(BOTH, "read anew");
  }));

Deno.test("wildcards are followed: tables come, go and come back", () =>
  withDatabase(async (database, project) => {
    const name = new URL(database.url).pathname.slice(1);
    const all = { all: { stream: `${name}.*`, except: ["log_*"], mode: "cdc" } };
    await database.run("CREATE TABLE log_of_clicks (id int PRIMARY KEY)");
    const first = await project.run(all);
    const streams = [...first.steps.keys()].map((step) => step.replace("extract:", "")).toSorted();
    equal(streams.length, 2);
    await database.run(`CREATE TABLE people (id int PRIMARY KEY); INSERT INTO people VALUES (1);
      RENAME TABLE bad TO log_bad; INSERT INTO good VALUES (2, 'two')`);
    const second = await project.run(all);
    match(second.log.join("\n"), /new tables are read from now on: .*people/);
    match(second.log.join("\n"), /the table .*bad is gone at the source/);
    await project.equalsSource({ good: GOOD, people: { stream: "people", mode: "cdc" } }, "second");
    await database.run("INSERT INTO log_bad VALUES (2, 'two'); RENAME TABLE log_bad TO bad");
    await project.run(all);
    await project.equalsSource({ ...BOTH, people: { stream: "people", mode: "cdc" } }, "third");
  }));
