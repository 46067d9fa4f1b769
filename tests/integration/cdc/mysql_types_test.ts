import { FollowedProject } from "../../support/followed_project.ts";
import { acquireMariadb } from "../../support/mariadb.ts";

/** A value that came through the log is the same as one that was read: for each type, by a whole read. */

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const TYPES: Readonly<Record<string, readonly string[]>> = {
  boolean: ["true", "false"],
  tinyint: ["-128", "127", "0"],
  "tinyint unsigned": ["255", "0"],
  smallint: ["-32768", "32767"],
  "smallint unsigned": ["65535"],
  mediumint: ["-8388608", "8388607", "-1"],
  "mediumint unsigned": ["16777215"],
  int: ["-2147483648", "2147483647"],
  "int unsigned": ["4294967295"],
  "int(7) unsigned zerofill": ["42", "12345678"],
  bigint: ["-9223372036854775808", "9223372036854775807", "9007199254740993"],
  "bigint unsigned": ["18446744073709551615", "0"],
  "bigint(20) zerofill": ["7"],
  "bit(1)": ["b'1'", "b'0'"],
  "bit(10)": ["b'1000000001'", "0"],
  "bit(64)": ["18446744073709551615"],
  float: ["1.5", "3.4028235e38", "1e-45", "0.1", "16777217", "-0e0"],
  "float(7,2)": ["1.005", "12345.67"],
  double: ["0.1", "1.7976931348623157e308", "5e-324", "-0e0", "1e15", "123456789012345680", "1e-15"],
  "double(9,3)": ["1.0005", "-123456.789", "0"],
  "double(30,2)": ["1e25", "123456789012345678.5"],
  "decimal(10,2)": ["1.005", "-99999999.99", "0", "0.01", "-0.01", "10000.1"],
  "decimal(38,10)": ["9999999999999999999999999999.9999999999", "-0.0000000001", "100000000"],
  "decimal(65,30)": ["-12345678901234567890123456789012345.123456789012345678901234567891", "0"],
  "decimal(9,9)": ["0.123456789", "-0.000000001"],
  "decimal(20,0)": ["-12345678901234567890"],
  "decimal(8,2) unsigned zerofill": ["1.5"],
  year: ["1901", "2155", "0", "2024"],
  date: ["'2024-02-29'", "'0001-01-01'", "'9999-12-31'"],
  time: ["'00:00:00'", "'23:59:59'"],
  "time(6)": ["'12:34:56.789012'", "'00:00:00.000001'"],
  "time(3)": ["'12:34:56.789'"],
  datetime: ["'2024-02-29 12:34:56'", "'0001-01-01 00:00:00'", "'9999-12-31 23:59:59'"],
  "datetime(1)": ["'2024-02-29 12:34:56.7'"],
  "datetime(4)": ["'2024-02-29 12:34:56.7890'"],
  "datetime(6)": ["'2024-02-29 12:34:56.789012'", "'1969-12-31 23:59:59.999999'"],
  "timestamp NULL": ["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"],
  "timestamp(6) NULL": ["'2024-02-29 12:34:56.000001'"],
  "timestamp(5) NULL": ["'2024-02-29 12:34:56.12345'"],
  "char(4)": ["'ab'", "''", "'  x '", "'üéß'"],
  "char(255)": ["repeat('ü', 200)"],
  "char(4) CHARACTER SET latin1": ["'ü€'", "x'8184'"],
  "varchar(5)": ["'NULL'", "'  x '", "''"],
  "varchar(300)": ["repeat('x', 300)", "'Ünï 😀 ''quoted'' \\n\\\\'"],
  "varchar(70) CHARACTER SET ucs2": ["'Ünï'", "repeat('x', 70)"],
  "char(9) CHARACTER SET utf16": ["'Ü 😀'", "''"],
  "text CHARACTER SET utf32": ["'😀x'"],
  "varchar(9) CHARACTER SET utf8mb3": ["'Ünï'"],
  "varchar(200) CHARACTER SET cp1251": ["'Привет'"],
  "text CHARACTER SET koi8r": ["'Привет'"],
  "text CHARACTER SET greek": ["'Ελλ'"],
  "char(5) CHARACTER SET hebrew": ["'שלו'"],
  "text CHARACTER SET swe7": ["'ÄÖ[x'"],
  "varchar(9) CHARACTER SET sjis": ["'日本x'"],
  "char(9) CHARACTER SET ujis": ["'日本 x'"],
  "text CHARACTER SET gbk": ["'中文'"],
  "text CHARACTER SET big5": ["'中文'"],
  "text CHARACTER SET euckr": ["'한국'"],
  tinytext: ["'t'"],
  text: ["''", "'Ünï'", "repeat('long ', 9000)"],
  mediumtext: ["repeat('m', 70000)"],
  longtext: ["'l'"],
  json: [`'{"a" : 1e2}'`, "'null'", `'[1, "x"]'`],
  "enum('x','it''s','ü','a\\\\b')": ["'it''s'", "'ü'", "'x'", "4"],
  "set('a','it''s','ü')": ["'a,ü'", "''", "'a,it''s,ü'"],
  "binary(4)": ["x'00ff'", "''", "x'01020300'"],
  "varbinary(10)": ["x'00ff0000'", "''"],
  "binary(255)": ["x'01'"],
  blob: ["x'00ff41'", "''"],
  longblob: ["repeat(x'00ff', 40000)"],
  uuid: [
    "'00112233-4455-6677-8899-aabbccddeeff'",
    "'6ccd780c-baba-1026-9564-5b8c656024db'",
    "'f47ac10b-58cc-4372-a567-0e02b2c3d479'",
    "'018f3c6e-9f2b-7cc3-98c4-dc0c0c07398f'",
    "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
    "'00000000-0000-0000-0000-000000000000'",
  ],
  inet6: ["'::1'", "'2001:db8::ff00:42:8329'", "'::ffff:1.2.3.4'", "'::'"],
  inet4: ["'1.2.3.4'", "'0.0.0.0'", "'255.0.0.0'"],
  point: ["point(1.5, -2)", "ST_GeomFromText('POINT(1 2)', 4326)"],
  geometry: ["ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')"],
  "int GENERATED ALWAYS AS (1 + 1) STORED": ["DEFAULT"],
};

/** Read as the server's own text. */
const AS_TEXT: Readonly<Record<string, readonly string[]>> = {
  time: ["'-838:59:59'", "'838:59:59'", "'-00:00:01'"],
  "time(6)": ["'-12:34:56.789012'", "'838:59:59.999999'", "'-00:00:00.000001'"],
  "time(2)": ["'-01:02:03.05'", "'-00:00:00.50'"],
  "int(7) zerofill": ["42"],
  "decimal(8,2) zerofill": ["1.5"],
  "double zerofill": ["1.5"],
  "float zerofill": ["1.5"],
  double: [
    "1e15",
    "123456789012345",
    "1e16",
    "1234567890123456789",
    "1e-14",
    "1e-15",
    "1.25e-16",
    "0.1",
    "1.7976931348623157e308",
    "5e-324",
    "-0e0",
    "100",
  ],
  float: ["1.5", "3.4028235e38", "0.1", "1e-45"],
  "double(9,3)": ["1.5", "-0.0004"],
  "bit(10)": ["b'1000000001'"],
  year: ["0", "2024"],
  date: ["'0000-00-00'", "'2024-02-30'", "'2024-00-00'"],
  datetime: ["'0000-00-00 00:00:00'", "'2024-02-31 01:02:03'"],
  "datetime(3)": ["'0000-00-00 00:00:00'"],
  "timestamp NULL": ["'0000-00-00 00:00:00'"],
  "timestamp(2) NULL": ["'0000-00-00 00:00:00'", "'2024-02-29 12:00:00.25'"],
  bigint: ["-5"],
  boolean: ["true"],
};

for (const settings of ["", "SET GLOBAL log_bin_compress = 1, GLOBAL binlog_row_metadata = 'FULL'"]) {
  Deno.test(`each type's values come through the log as a read has them ${settings}`, async () => {
    await using database = await server.createDatabase();
    const columns = [
      ...Object.entries(TYPES).map(([type, values], i) => ({ name: `c${i}`, type, values })),
      ...Object.entries(AS_TEXT).map(([type, values], i) => ({ name: `t${i}`, type, values })),
    ];
    const set = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', " +
      "character_set_client = utf8mb4";
    await database.run(
      `${set}; CREATE TABLE types (id int AUTO_INCREMENT PRIMARY KEY, ${
        columns.map(({ name, type }) => `${name} ${type}`).join(", ")
      }) ROW_FORMAT = DYNAMIC`,
    );
    const insert = () =>
      database.run(
        `${set}; ${
          columns.flatMap(({ name, values }) =>
            values.map((value) => `INSERT INTO types (${name}) VALUES (${value})`)
          ).join(";")
        }`,
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
    if (settings !== "") await database.run(settings);
    try {
      await insert();
      await database.run("UPDATE types SET c0 = NULL WHERE id = 3");
      await project.run({ types });
      await project.equalsSource({ types }, "with rows from the log");
    } finally {
      if (settings !== "") {
        await database.run("SET GLOBAL log_bin_compress = 0, GLOBAL binlog_row_metadata = 'NO_LOG'");
      }
    }
  });
}
