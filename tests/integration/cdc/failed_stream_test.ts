import { equal, match, ok } from "node:assert/strict";
import { FollowedProject } from "../../support/followed_project.ts";
import { acquirePostgres, type TestDatabase } from "../../support/postgres.ts";

/** One stream that cannot be followed fails alone; repaired, it goes on without a gap. */

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const GOOD = { stream: "good", mode: "cdc" };
const BAD = { stream: "bad", mode: "cdc" };
const BOTH = { bad: BAD, good: GOOD };
const TABLES = `CREATE TABLE good (id int PRIMARY KEY, name text); INSERT INTO good VALUES (1, 'one');
  CREATE TABLE bad (id int PRIMARY KEY, name text); INSERT INTO bad VALUES (1, 'one');`;

async function withDatabase(
  work: (database: TestDatabase, project: FollowedProject) => Promise<void>,
): Promise<void> {
  await using database = await server.createDatabase();
  await using project = await FollowedProject.create(database.url);
  await work(database, project);
}

/** The run fails and says which stream; the other one has all that its source has. */
async function failsAlone(project: FollowedProject, expected: RegExp, when: string): Promise<void> {
  const { error, steps, log } = await project.attempt(BOTH);
  match(String(error), expected, `${when}: ${error}`);
  match(String(error), /extract:bad/, when);
  equal(steps.get("extract:bad")?.state, "failed", `${when}: ${log.join("\n")}`);
  equal(steps.get("extract:good")?.state, "succeeded", `${when}: ${log.join("\n")}`);
  await project.equalsSource({ good: GOOD }, when);
}

async function goesOn(project: FollowedProject, when: string): Promise<void> {
  await project.run(BOTH);
  await project.equalsSource(BOTH, when);
}

Deno.test("a table that is gone, keyless or without a replica identity fails its stream alone", () =>
  withDatabase(async ({ sql }, project) => {
    await sql.unsafe(TABLES);
    await project.run(BOTH);
    const change = async (n: number) => {
      await sql`INSERT INTO good VALUES (${n}, 'more')`;
      await sql`INSERT INTO bad VALUES (${n}, 'more')`;
    };
    await change(2);
    await sql`ALTER TABLE bad DROP CONSTRAINT bad_pkey`;
    await change(3);
    await failsAlone(project, /has no replica identity.*ADD PRIMARY KEY/, "keyless");
    await change(4);
    await failsAlone(project, /has no replica identity/, "still keyless");
    await sql`ALTER TABLE bad ADD PRIMARY KEY (id)`;
    await change(5);
    const repaired = await project.run(BOTH);
    // From its place in the log: nothing is read again.
    equal(repaired.steps.get("extract:bad")?.rows, 4);
    await project.equalsSource(BOTH, "repaired");
    await sql`ALTER TABLE bad RENAME TO away`;
    await sql`INSERT INTO good VALUES (6, 'more')`;
    await failsAlone(project, /there is no table public\.bad/, "renamed away");
    await sql`ALTER TABLE away RENAME TO bad`;
    await sql`INSERT INTO bad VALUES (7, 'more')`;
    await goesOn(project, "renamed back");
    await sql`DROP TABLE bad`;
    await sql`INSERT INTO good VALUES (8, 'more')`;
    await failsAlone(project, /there is no table public\.bad/, "dropped");
    await sql`CREATE TABLE bad (id int PRIMARY KEY, name text, more int)`;
    await sql`INSERT INTO bad VALUES (9, 'new', 1)`;
    await goesOn(project, "made anew");
  }));

Deno.test("a stream that fails at its first run is read when it is repaired; nothing was published of it", () =>
  withDatabase(async ({ sql }, project) => {
    await sql.unsafe(`${TABLES} ALTER TABLE bad DROP CONSTRAINT bad_pkey`);
    await failsAlone(project, /has no replica identity/, "first run");
    // The server itself would refuse this of a published table.
    await sql`UPDATE bad SET name = 'uno'`;
    await sql`INSERT INTO good VALUES (2, 'more')`;
    await failsAlone(project, /has no replica identity/, "second run");
    await sql`ALTER TABLE bad ADD PRIMARY KEY (id)`;
    await goesOn(project, "repaired");
  }));

Deno.test("a value that does not fit fails its stream alone, in the log and in a snapshot", () =>
  withDatabase(async ({ sql }, project) => {
    await sql.unsafe(
      TABLES.replace(
        "bad (id int PRIMARY KEY, name text)",
        "bad (id int PRIMARY KEY, name text, n numeric(10, 2))",
      ),
    );
    await project.run(BOTH);
    await sql.unsafe(`INSERT INTO good VALUES (2, 'before'); INSERT INTO bad VALUES (2, 'fits', 2);
      INSERT INTO bad VALUES (3, 'does not', 'NaN'); INSERT INTO good VALUES (3, 'after')`);
    await failsAlone(project, /column "n".*NaN.*text_columns/, "in the log");
    equal((await project.rows("SELECT count(*) AS n FROM raw.bad"))[0]?.["n"], 1);
    await sql`INSERT INTO good VALUES (4, 'after')`;
    await failsAlone(project, /column "n".*NaN/, "again");
    const again = await project.attempt(BOTH, { fullRefresh: true });
    match(String(again.error), /extract:bad.*"n".*NaN/, "in a snapshot");
    await project.equalsSource({ good: GOOD }, "in a snapshot");
    await sql`DELETE FROM bad WHERE id = 3`;
    await project.run(BOTH, { fullRefresh: true });
    await project.equalsSource(BOTH, "repaired");
  }));

Deno.test("a contract that a table breaks, and a table that may not be read, fail their stream alone", () =>
  withDatabase(async ({ sql }, project) => {
    await sql.unsafe(TABLES);
    const both = { good: GOOD, bad: { ...BAD, contract: { columns: "freeze" } } };
    await project.run(both);
    await sql.unsafe(`ALTER TABLE bad ADD COLUMN more int; INSERT INTO bad VALUES (2, 'two', 2);
      INSERT INTO good VALUES (2, 'two')`);
    const frozen = await project.attempt(both);
    match(String(frozen.error), /extract:bad.*freezes columns/);
    equal(frozen.steps.get("extract:good")?.rows, 1);
    await project.equalsSource({ good: GOOD }, "frozen");
    await sql.unsafe("INSERT INTO bad VALUES (3, 'three', 3); INSERT INTO good VALUES (3, 'three')");
    await goesOn(project, "evolves");
  }));

Deno.test("where no stream is left, the run fails with the first one's reason and the slot stays where it is", () =>
  withDatabase(async ({ sql }, project) => {
    await sql.unsafe(TABLES);
    await project.run(BOTH);
    await sql.unsafe("INSERT INTO good VALUES (2, 'two'); INSERT INTO bad VALUES (2, 'two')");
    await sql.unsafe("ALTER TABLE bad RENAME TO bad2; ALTER TABLE good RENAME TO good2");
    const { error, steps } = await project.attempt(BOTH);
    match(String(error), /there is no table/);
    ok([...steps.values()].every(({ state }) => state === "failed"));
    await sql.unsafe("ALTER TABLE bad2 RENAME TO bad; ALTER TABLE good2 RENAME TO good");
    const { steps: after } = await project.run(BOTH);
    equal(after.get("extract:good")?.rows, 1);
    await project.equalsSource(BOTH);
  }));
