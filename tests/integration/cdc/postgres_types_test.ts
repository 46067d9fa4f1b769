import { FollowedProject } from "../../support/followed_project.ts";
import { acquirePostgres } from "../../support/postgres.ts";

/** A value that came through the log is the same as one that was read: for each type, by a whole read. */

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const TYPES: Readonly<Record<string, readonly string[]>> = {
  boolean: ["true", "false"],
  smallint: ["-32768", "32767", "0"],
  integer: ["-2147483648", "2147483647"],
  bigint: ["'-9223372036854775808'", "9223372036854775807", "9007199254740993"],
  oid: ["4294967295", "0"],
  real: ["1.5", "'-Infinity'", "'NaN'", "3.4028235e38", "1e-45", "0.1", "16777217", "-0.0"],
  "double precision": ["0.1", "1.7976931348623157e308", "5e-324", "'-0'", "'Infinity'", "'NaN'"],
  "numeric(10,2)": ["1.005", "-99999999.99", "0", "10000", "0.01", "-0.01", "10000.10"],
  "numeric(38,10)": ["9999999999999999999999999999.9999999999", "-0.0000000001", "100000000"],
  "numeric(5,-2)": ["1234567"],
  "numeric(2,4)": ["0.0012"],
  numeric: ["'123456789012345678901234567890123456789012.5'", "'NaN'", "1.500", "1e20", "1e-20"],
  "numeric(60,3)": ["1.5"],
  money: ["'12.34'", "'-1234567.89'", "0", "'92233720368547758.07'", "'-0.05'"],
  "money[]": ["'{1.25,-2345.6,NULL}'", "'{}'"],
  text: ["''", "'Ünï 😀 ''quoted'''", "E'a\\nb\\\\c'", "'NULL'"],
  "varchar(5)": ["'NULL'", "'  x '"],
  "char(4)": ["'ab'", "''", "'ü'"],
  name: ["'n'"],
  '"char"': ["'x'", "''"],
  bytea: ["'\\x00ff41'", "''"],
  uuid: ["'00112233-4455-6677-8899-aabbccddeeff'"],
  json: [`'{"a" : 1e2}'`, "'null'", `'"x"'`],
  jsonb: [`'{"b":[1, 2],"a":null}'`, "'1'"],
  date: [
    "'2024-02-29'",
    "'0044-03-15 BC'",
    "'infinity'",
    "'-infinity'",
    "'4713-01-01 BC'",
    "'12024-01-01'",
    "'1999-12-31'",
  ],
  time: ["'00:00'", "'24:00'", "'12:34:56.789012'"],
  timetz: ["'12:34:56.789+05:30'", "'24:00-12'"],
  timestamp: [
    "'2024-02-29 12:34:56.789012'",
    "'0044-03-15 12:00 BC'",
    "'infinity'",
    "'-infinity'",
    "'20240-01-01'",
    "'1969-12-31 23:59:59.999999'",
  ],
  timestamptz: [
    "'2024-02-29 12:34:56.5+05:30'",
    "'infinity'",
    "'0001-01-01 00:00+00 BC'",
    "'1883-11-18 12:03:58-05'",
  ],
  interval: [
    "'1 year 2 months -3 days 04:05:06.789'",
    "'-1 month +1 day'",
    "'0'",
    "'-00:00:00.000001'",
    "'2000000 hours'",
    "'-178000000 years'",
  ],
  "integer[]": ["'{1,NULL,3}'", "'{}'"],
  "text[]": [`'{"a b","NULL",NULL,"","q\\"\\\\,}"}'`],
  "numeric(6,2)[]": ["'{1.5,-2}'"],
  "timestamptz[]": [`'{"2024-01-01 00:00+02",infinity}'`],
  "jsonb[]": [`ARRAY['{"a":[1,"x"]}'::jsonb, NULL]`],
  "bytea[]": [`'{"\\\\x00ff"}'`],
  "boolean[]": ["'{t,f,NULL}'"],
  "uuid[]": ["'{00112233-4455-6677-8899-aabbccddeeff}'"],
  "date[]": [`'{"0044-03-15 BC",infinity}'`],
  "interval[]": ["'{1 day,-02:00}'"],
  "numeric[]": ["'{1.50,NaN}'"],
  inet: ["'192.168.1.1'", "'10.0.0.0/8'", "'::1'", "'fe80::/10'"],
  cidr: ["'10.0.0.0/8'", "'192.168.1.1/32'"],
  "inet[]": ["'{192.168.1.1,10.0.0.0/8}'"],
  macaddr: ["'08:00:2b:01:02:03'"],
  "bit(5)": ["B'10110'"],
  varbit: ["B''", "B'1'"],
  point: ["'(1.5,-2)'"],
  box: ["'((0,0),(1,1.5))'"],
  "box[]": ["'{((0,0),(1,1));((2,2),(3,3))}'"],
  tsvector: ["'a:1 b:2'"],
  int4range: ["'[1,5)'", "'empty'"],
  tstzrange: [`'["2024-01-01 00:00+00",)'`],
  xml: ["'<a>x</a>'"],
  pg_lsn: ["'16/B374D848'"],
  mood: ["'sad'", "'so ''so'"],
  "mood[]": ["'{sad,NULL}'"],
  positive: ["5"],
  price: ["1.25"],
  "price[]": ["'{1.25}'"],
  pair: ["'(1,\"a b\")'"],
  "int4multirange": ["'{[1,3),[5,7)}'"],
};

/** Read as text by the stream's option, where that is another text than the log's. */
const AS_TEXT: Readonly<Record<string, readonly string[]>> = {
  boolean: ["true"],
  money: ["'-1234567.8'", "0.05"],
  "money[]": ["'{1.25,-1234.5,NULL}'"],
  "char(4)": ["'ab'"],
  "char(4)[]": ["'{ab,c}'"],
  "boolean[]": ["'{t,f}'"],
  "integer[]": ["'{{1,2},{3,4}}'", "'[0:1]={1,2}'"],
  "numeric(5,2)": ["'NaN'", "1.5"],
  json: [`'{"a" : 1}'`],
  timestamptz: ["'2024-02-29 12:00+02'"],
  bytea: ["'\\x00ff'"],
  real: ["0.1"],
  "numeric(4,1)[]": ["'{1.5}'"],
};

Deno.test("each type's values come through the log as a read has them", async () => {
  await using database = await server.createDatabase();
  const { sql } = database;
  await sql.unsafe(`
    CREATE TYPE mood AS ENUM ('sad', 'so ''so');
    CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
    CREATE DOMAIN price AS numeric(8,2);
    CREATE TYPE pair AS (a integer, b text)`);
  const columns = [
    ...Object.entries(TYPES).map(([type, values], i) => ({ name: `c${i}`, type, values })),
    ...Object.entries(AS_TEXT).map(([type, values], i) => ({ name: `t${i}`, type, values })),
  ];
  await sql.unsafe(
    `CREATE TABLE types (id serial PRIMARY KEY, ${
      columns.map(({ name, type }) => `${name} ${type}`).join(", ")
    })`,
  );
  const insert = () =>
    sql.unsafe(
      columns.flatMap(({ name, type, values }) =>
        values.map((value) => `INSERT INTO types (${name}) VALUES ((${value})::${type})`)
      ).join(";"),
    );
  const types = {
    stream: "types",
    mode: "cdc",
    options: { text_columns: columns.map(({ name }) => name).filter((name) => name.startsWith("t")) },
  };
  await using project = await FollowedProject.create(database.url);
  await insert();
  await project.run({ types });
  await project.equalsSource({ types }, "the snapshot");
  await insert();
  await project.run({ types });
  await project.equalsSource({ types }, "with rows from the log");
});
