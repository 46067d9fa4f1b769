import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import { type OwnMariadbServer, startMariadb } from "../../support/mariadb.ts";
import { MysqlLoader } from "../../support/mysql_loader.ts";

/** A server whose settings are other ones than ours: what is loaded is the same. */

const MODES = [
  "",
  "ANSI,PIPES_AS_CONCAT,IGNORE_SPACE,NO_BACKSLASH_ESCAPES",
  "TRADITIONAL,HIGH_NOT_PRECEDENCE,PAD_CHAR_TO_FULL_LENGTH",
  "NO_AUTO_VALUE_ON_ZERO,NO_DIR_IN_CREATE,ALLOW_INVALID_DATES,EMPTY_STRING_IS_NULL",
  "ORACLE",
  "MSSQL",
];

const ROWS = `SELECT * FROM (VALUES
  (0, 'it''s "a" \\ back\`tick\\n', '\\x00\\xFF\\x5C\\x27'::BLOB, DATE '2024-02-29', TIMESTAMP '2024-02-29 12:34:56.789', 1e300::DOUBLE, true),
  (1, '', ''::BLOB, NULL, NULL, -0.1::DOUBLE, NULL), (2, NULL, NULL, NULL, NULL, NULL, false),
  (3, chr(0) || chr(9) || chr(10) || '🦆', 'NULL'::BLOB, DATE '0001-01-01', TIMESTAMP '9999-12-31 23:59:59.999999', 5e-324::DOUBLE, true)
) AS t(id, text, bytes, day, moment, number, flag)`;

const DUMP =
  "SELECT id, hex(text), hex(bytes), CAST(day AS DATE) AS day, moment, number, flag, text IS NULL, bytes IS NULL FROM %s ORDER BY id";

async function loadEverywhere(server: OwnMariadbServer): Promise<string[][]> {
  const dumps: string[][] = [];
  for (const mode of MODES) {
    await using loader = await MysqlLoader.open(server);
    await loader.database.run(`SET GLOBAL sql_mode = '${mode}'`);
    await loader.database.run(
      `CREATE TABLE theirs (id int AUTO_INCREMENT PRIMARY KEY, text longtext, bytes longblob, day date, moment timestamp(6) NULL,
         number double, flag bit(1), noted timestamp DEFAULT current_timestamp) ENGINE=InnoDB CHARACTER SET utf8mb4`,
    );
    await loader.load("made", ROWS, { mode: "merge", primaryKey: ["id"] });
    await loader.load("made", ROWS, { mode: "merge", primaryKey: ["id"] });
    await loader.load("theirs", ROWS.replace("9999-", "2037-"), { mode: "append" });
    const made = await loader.rows(DUMP.replace("%s", "made"));
    const theirs = await loader.rows(DUMP.replace("%s", "theirs").replace("flag", "flag + 0"));
    dumps.push(made);
    deepStrictEqual(theirs, made.map((row) => row.replace("9999-", "2037-")), mode);
  }
  await using loader = await MysqlLoader.open(server);
  await loader.database.run("SET GLOBAL sql_mode = DEFAULT");
  return dumps;
}

Deno.test("mysql: sql_mode, and whether the server takes files of clients, change nothing in what is loaded", async () => {
  await using files = await startMariadb();
  await using none = await startMariadb({
    settings: { "local-infile": 0, "max-allowed-packet": "1M", "default-storage-engine": "MyISAM" },
  });
  const dumps = [...await loadEverywhere(files), ...await loadEverywhere(none)];
  for (const dump of dumps) deepStrictEqual(dump, dumps[0]);
  ok(dumps[0]?.[0]?.startsWith("0 69742773"), dumps[0]?.[0]);

  await using loader = await MysqlLoader.open(none);
  await loader.load("many", "SELECT i AS id, repeat('x', i % 3000) AS text FROM range(5000) AS r(i)");
  deepStrictEqual(
    await loader.rows("SELECT count(*), sum(length(text) = id % 3000) FROM many"),
    ["5000 5000"],
  );
  const failure = async (select: string) => {
    const error = await loader.load("many", select, { mode: "append" }).then(
      () => undefined,
      (error) => error,
    );
    ok(error instanceof AppError && error.code === "invalid", String(error));
    return error.message;
  };
  ok(
    /row 2: it is larger than a statement may be \(max_allowed_packet is 1048576 bytes\)/.test(
      await failure("SELECT 1 AS id, 'a' AS text UNION ALL SELECT 2, repeat('x', 2000000)"),
    ),
  );
  await loader.database.run("CREATE TABLE few (id int PRIMARY KEY, at timestamp NULL) ENGINE=InnoDB");
  await rejects(
    loader.load(
      "few",
      "SELECT i AS id, make_timestamp(2030 + i, 1, 1, 0, 0, 0) AS at FROM range(40) AS r(i)",
    ),
    /row 1?\d, column "at": Incorrect datetime value: '20[34]\d-01-01 00:00:00'/,
  );
  await rejects(
    loader.load("few", "SELECT i % 5 AS id FROM range(10) AS r(i)"),
    /the key \(id\) = \(0\) comes 2 times/,
  );
  deepStrictEqual(await loader.rows("SELECT count(*) FROM few"), ["0"]);
});
