import { deepStrictEqual, match } from "node:assert/strict";
import { never } from "../../support/connections.ts";
import { acquireMariadb, type MariadbDatabase } from "../../support/mariadb.ts";
import { openMysql } from "../../support/mysql_connector.ts";

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

/** What a user of the database may do, as a test of its connector says it. */
async function testAs(database: MariadbDatabase, user: string): Promise<readonly (readonly string[])[]> {
  const url = new URL(database.url);
  url.username = user;
  url.password = "pw";
  await using shop = await openMysql(url.href);
  const checks = await shop.connection.test?.(never()) ?? [];
  return checks.map(({ name, state, message }) => [name, state, message]);
}

Deno.test("grants that a user lacks are named: to read, to load, and the role that may have them", async () => {
  await using database = await server.createDatabase();
  const user = `u${crypto.randomUUID().slice(0, 8)}`;
  const role = `r${crypto.randomUUID().slice(0, 8)}`;
  const { name } = database;
  await database.run(`CREATE TABLE seen (id INT); CREATE TABLE filled (id INT);
    CREATE USER ${user} IDENTIFIED BY 'pw'; CREATE ROLE ${role};
    GRANT SELECT ON ${name}.seen TO ${user}; GRANT INSERT ON ${name}.filled TO ${user}`);
  try {
    const [read = [], write = []] = await testAs(database, user);
    deepStrictEqual([read.slice(0, 2), write.slice(0, 2)], [
      ["grants to read", "missing"],
      ["grants to write", "missing"],
    ]);
    match(
      read[2] ?? "",
      new RegExp(
        `may not be read: ${name}.filled; .*GRANT SELECT ON \`${name}\`.\`filled\` TO '${user}'@'%'$`,
      ),
    );
    match(
      write[2] ?? "",
      /loads may make no tables in .*GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, CREATE TEMPORARY TABLES ON/,
    );
    // What the message says is enough.
    for (const [, , message = ""] of [read, write]) await database.run(message.replace(/^.*(?=GRANT )/, ""));
    const [readable, writable] = await testAs(database, user);
    deepStrictEqual([readable?.[1], writable?.[1]], ["ok", "ok"]);

    await database.run(`REVOKE ALL, GRANT OPTION FROM ${user}; GRANT SELECT ON ${name}.seen TO ${user};
      GRANT ALL ON ${name}.* TO ${role}; GRANT ${role} TO ${user}`);
    const [some, idle] = await testAs(database, user);
    match(
      some?.[2] ?? "",
      /1 tables of .* may be read, and others are not seen; for all of them: GRANT SELECT ON/,
    );
    match(idle?.[2] ?? "", new RegExp(`SET DEFAULT ROLE \`${role}\` FOR '${user}'@'%'`));
    await database.run(idle?.[2]?.replace(/^.*(?=SET DEFAULT)/, "") ?? "");
    deepStrictEqual((await testAs(database, user)).map(([, state]) => state), ["ok", "ok", "missing"]);
  } finally {
    await database.run(`DROP USER ${user}; DROP ROLE ${role}`);
  }
});
