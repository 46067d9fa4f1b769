import { deepEqual, equal } from "node:assert/strict";
import { GtidTracker } from "../../../../connectors/mysql/changes/gtid/gtid_tracker.ts";
import { AwaitedGtids, MariadbGtids } from "../../../../connectors/mysql/changes/gtid/mariadb_gtids.ts";
import { MysqlGtids, SetOfTaken } from "../../../../connectors/mysql/changes/gtid/mysql_gtids.ts";
import { EVENT, readEvent, UNKNOWN_FORMAT } from "../../../../connectors/mysql/changes/log/log_event.ts";
import { gtidRequest } from "../../../../connectors/mysql/changes/log/log_reader.ts";

/** Numbers of transactions, by the servers' documentation; those of MySQL as bytes that were written by it. */

const UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const OTHER = "00000000-0000-0000-0000-000000000001";
const UUID_HEX = UUID.replaceAll("-", "");

const mariadb = (origin: string, server: number, sequence: bigint) => ({ origin, server, sequence });
const mysql = (sequence: bigint, origin = UUID) => ({ origin, server: 1, sequence });

/** One event: a header of 19 bytes, and the body. */
function event(type: number, body: string, serverId = 1) {
  const bytes = Uint8Array.fromHex("00".repeat(19) + body.replaceAll(" ", ""));
  const view = new DataView(bytes.buffer);
  view.setUint8(4, type);
  view.setUint32(5, serverId, true);
  view.setUint32(9, bytes.length, true);
  return readEvent(bytes, UNKNOWN_FORMAT);
}

Deno.test("MariadbGtids has the last transaction of each domain", () => {
  const gtids = MariadbGtids.parse("7-2-5,0-1-100");
  equal(gtids?.text, "0-1-100,7-2-5");
  gtids?.add(mariadb("0", 2, 101n));
  gtids?.add(mariadb("12", 4294967295, 18446744073709551615n));
  equal(gtids?.text, "0-2-101,7-2-5,12-4294967295-18446744073709551615");
  equal(
    gtids?.without(MariadbGtids.parse("0-2-101,7-2-6") ?? new MariadbGtids()).text,
    "7-2-5,12-4294967295-18446744073709551615",
  );
  equal(MariadbGtids.parse("")?.text, "");
  for (const text of ["0-1", "x-1-2", "0-1-2-3", `${UUID}:1-5`]) {
    equal(MariadbGtids.parse(text), undefined, text);
  }
});

Deno.test("AwaitedGtids takes a domain's transactions up to the one that it names, and says what did not come", () => {
  const awaited = new AwaitedGtids(MariadbGtids.parse("0-1-100,7-2-5") ?? new MariadbGtids());
  // A smaller number of another server may come later in the domain's order.
  deepEqual(
    [
      mariadb("1", 1, 1n),
      mariadb("0", 1, 99n),
      mariadb("0", 2, 101n),
      mariadb("0", 1, 100n),
      mariadb("0", 1, 98n),
    ]
      .map((gtid) => awaited.take(gtid)),
    [false, true, true, true, false],
  );
  equal(awaited.missing(), "7-2-5");
  equal(awaited.take(mariadb("7", 2, 5n)), true);
  equal(awaited.text, undefined);
  equal(awaited.missing(), undefined);
});

Deno.test("MysqlGtids joins numbers that follow one another", () => {
  const gtids = MysqlGtids.parse(`${UUID.toUpperCase()}:1-5:9,\n${OTHER}:4`);
  equal(gtids?.text, `${OTHER}:4,${UUID}:1-5:9`);
  for (const number of [7n, 6n, 8n, 12n]) gtids?.add(mysql(number));
  gtids?.add(mysql(5n, OTHER));
  equal(gtids?.text, `${OTHER}:4-5,${UUID}:1-9:12`);
  deepEqual([1n, 9n, 10n, 12n, 13n].map((number) => gtids?.has(mysql(number))), [
    true,
    true,
    false,
    true,
    false,
  ]);
  equal(gtids?.has(mysql(1n, OTHER)), false);
  equal(
    MysqlGtids.parse(`${UUID}:1-3:10-12`)?.with(
      MysqlGtids.parse(`${UUID}:4-9,${OTHER}:1`) ?? new MysqlGtids(),
    ).text,
    `${OTHER}:1,${UUID}:1-12`,
  );
  // With a tag, as MySQL 8.3 has them, and MariaDB's.
  for (const text of [`${UUID}:1-5:blue:1-3`, UUID, "0-1-100"]) {
    equal(MysqlGtids.parse(text), undefined, text);
  }
  const taken = new SetOfTaken(MysqlGtids.parse(`${UUID}:1-5`) ?? new MysqlGtids());
  deepEqual([5n, 6n].map((number) => taken.take(mysql(number))), [true, false]);
});

/** One UUID, two ranges, whose second number is the one behind them: 1 to 5, and 9. */
const ENCODED = `0100000000000000 ${UUID_HEX} 0200000000000000
  0100000000000000 0600000000000000 0900000000000000 0a00000000000000`.replaceAll(/\s/g, "");

Deno.test("MysqlGtids are read from the event at the begin of a file, and written into a request", () => {
  const gtids = MysqlGtids.decode(Uint8Array.fromHex(ENCODED));
  equal(gtids?.text, `${UUID}:1-5:9`);
  equal(gtids?.encode().toHex(), ENCODED);
  equal(new MysqlGtids().encode().toHex(), "0000000000000000");
  // The form with tags has its number in the last of the first eight bytes.
  equal(MysqlGtids.decode(Uint8Array.fromHex("0101000000000001" + ENCODED.slice(16))), undefined);
  equal(
    gtidRequest(gtids ?? new MysqlGtids(), 7).toHex(),
    // COM_BINLOG_DUMP_GTID, not blocking and through GTID, the reader's number, no file, from 4 on, the set's size.
    "1e" + "0500" + "07000000" + "00000000" + "0400000000000000" + "40000000" + ENCODED,
  );
});

Deno.test("GtidTracker follows both servers' events, and knows nothing behind a transaction without a number", () => {
  const ofMariadb = new GtidTracker(MariadbGtids.parse("0-1-100"));
  // Its number, the domain, flags; the server stands in the event's head.
  deepEqual(
    ofMariadb.see(event(EVENT.mariadbGtid, "6500000000000000 00000000 00 000000000000", 2)),
    mariadb("0", 2, 101n),
  );
  equal(ofMariadb.text, "0-1-100");
  ofMariadb.end();
  ofMariadb.end();
  equal(ofMariadb.text, "0-2-101");
  const ofMysql = new GtidTracker(undefined);
  ofMysql.see(event(EVENT.gtid, `01 ${UUID_HEX} 0600000000000000 02`));
  ofMysql.end();
  equal(ofMysql.text, undefined);
  ofMysql.see(event(EVENT.previousGtids, ENCODED));
  deepEqual(ofMysql.see(event(EVENT.gtid, `01 ${UUID_HEX} 0600000000000000 02`)), mysql(6n));
  ofMysql.end();
  equal(ofMysql.text, `${UUID}:1-6:9`);
  ofMysql.see(event(EVENT.rowsQuery, "00"));
  equal(ofMysql.text, `${UUID}:1-6:9`);
  ofMysql.see(event(EVENT.anonymousGtid, `01 ${"00".repeat(16)} 0000000000000000 02`));
  ofMysql.end();
  equal(ofMysql.text, undefined);
});
