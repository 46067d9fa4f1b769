import { deepStrictEqual } from "node:assert/strict";
import { splitStatements, type SqlRules } from "../../../connectors/destination/statements.ts";

const POSTGRES: SqlRules = {
  dollarQuotes: true,
  backslashes: "escape strings",
  nestedComments: true,
  bodies: "postgres",
};
const SQLITE: SqlRules = { brackets: true, bodies: "sqlite" };
const MYSQL: SqlRules = { isMysql: true, backslashes: "all", bodies: "mysql" };

const split = (text: string, rules: SqlRules) => splitStatements(text, rules).map(({ sql }) => sql);

Deno.test("splitStatements() gives statements without what is only blank or comment", () => {
  deepStrictEqual(split(" ;; SELECT 1 ;\n-- c;\n;/* ; */; SELECT 2", POSTGRES), [
    "SELECT 1",
    "/* ; */; SELECT 2".slice(9),
  ]);
  deepStrictEqual(split("", SQLITE), []);
  deepStrictEqual(splitStatements("create temp\n-- x\ntable t (a)", SQLITE)[0]?.words.slice(0, 3), [
    "CREATE",
    "TEMP",
    "TABLE",
  ]);
});

for (
  const [rules, text] of [
    [POSTGRES, "SELECT 'a;''b;'"],
    [POSTGRES, String.raw`SELECT E'a\';b'`],
    [POSTGRES, String.raw`SELECT "a;""b"`],
    [POSTGRES, "DO $x$ BEGIN PERFORM 1; END; $x$"],
    [POSTGRES, "SELECT $$;$$, $a$;$$;$a$"],
    [POSTGRES, "SELECT 1 /* a /* ; */ ; */ + 1"],
    [
      POSTGRES,
      "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
    ],
    [POSTGRES, "CREATE OR REPLACE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC SELECT 1; END"],
    [
      SQLITE,
      "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; SELECT 1; END",
    ],
    [SQLITE, "CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN SELECT ';END;'; END"],
    [SQLITE, 'SELECT [a;b], `c;d`, "e;f"'],
    [SQLITE, "SELECT 'C:\\'"],
    [MYSQL, String.raw`SELECT 'a\';b', "c\";d", ${"`e;f`"}`],
    [MYSQL, "SELECT 1 # no; end\n + 1"],
    [MYSQL, "SELECT 5--1"],
    [MYSQL, "CREATE DEFINER=root@localhost PROCEDURE p() BEGIN SELECT 1; SELECT 2; END"],
  ] as const
) {
  Deno.test(`splitStatements() leaves one statement whole: ${text}`, () => {
    deepStrictEqual(split(text, rules), [text]);
    if (rules.bodies !== "mysql" || !text.startsWith("CREATE")) {
      deepStrictEqual(split(`${text};SELECT 2; `, rules), [text, "SELECT 2"]);
    }
  });
}

Deno.test("splitStatements() knows no quotes that the system does not know", () => {
  deepStrictEqual(split(String.raw`SELECT 'a\'; SELECT 'b'`, POSTGRES), [
    String.raw`SELECT 'a\'`,
    "SELECT 'b'",
  ]);
  deepStrictEqual(split("SELECT a$b; SELECT $1", POSTGRES), ["SELECT a$b", "SELECT $1"]);
  deepStrictEqual(split("SELECT 1 /* /* */; SELECT 2", SQLITE), ["SELECT 1 /* /* */", "SELECT 2"]);
  deepStrictEqual(split("SELECT 1 AS begin; SELECT 2", POSTGRES), ["SELECT 1 AS begin", "SELECT 2"]);
});
