import { deepEqual, equal } from "node:assert/strict";
import {
  findRule,
  type HostRule,
  parseAddress,
  parseHostRule,
} from "../../../../engine/grants/host_rules.ts";

const rules = (...texts: string[]) =>
  texts.map((text) => parseHostRule(text)).filter((rule): rule is HostRule => rule !== undefined);

const MEETS: readonly [rule: string, target: string, addresses: string[], any: boolean, all: boolean][] = [
  ["db.example", "db.example:5432", [], true, true],
  ["DB.Example.", "db.example:1", [], true, true],
  ["db.example", "DB.EXAMPLE.:1", [], true, true],
  ["db.example:5432", "db.example:5433", [], false, false],
  ["db.example", "xdb.example:1", [], false, false],
  ["*.example", "db.example:1", [], true, true],
  ["*.example", "a.b.example:1", [], true, true],
  ["*.example", "example:1", [], false, false],
  ["*.example", "example.evil:1", [], false, false],
  ["*", "anything:1", [], true, true],
  ["*", "unix:/run/x", [], true, true],
  ["*:5432", "anything:5432", [], true, true],
  ["*:5432", "anything:80", [], false, false],
  ["10.0.0.0/8", "10.1.2.3:1", ["10.1.2.3"], true, true],
  ["10.0.0.0/8", "db:1", ["10.1.2.3"], true, true],
  ["10.0.0.0/8", "db:1", ["10.1.2.3", "93.184.216.34"], true, false],
  ["10.0.0.0/8", "db:1", [], false, false],
  ["10.0.0.0/8", "db:1", ["::ffff:10.1.2.3"], true, true],
  ["10.0.0.0/8", "11.0.0.1:1", ["11.0.0.1"], false, false],
  ["10.128.0.0/9", "10.127.255.255:1", ["10.127.255.255"], false, false],
  ["169.254.169.254", "169.254.169.254:80", ["169.254.169.254"], true, true],
  ["0.0.0.0/0", "[::1]:1", ["::1"], false, false],
  ["fd00::/8", "[fd12::1]:1", ["fd12::1"], true, true],
  ["[fd00::/8]:443", "[fd12::1]:443", ["fd12::1"], true, true],
  ["[fd00::/8]:443", "[fd12::1]:80", ["fd12::1"], false, false],
  ["::1", "[::1]:80", ["0:0:0:0:0:0:0:1"], true, true],
  ["unix:/run/postgresql", "unix:/run/postgresql/.s.PGSQL.5432", [], true, true],
  ["unix:/run/postgresql/", "unix:/run/postgresql-evil/x", [], false, false],
  ["10.0.0.0/8", "unix:/run/x", [], false, false],
];

for (const [rule, text, addresses, any, all] of MEETS) {
  Deno.test(`findRule() holds ${text} (${addresses.join(" ")}) against ${rule}`, () => {
    const list = rules(rule);
    equal(list.length, 1);
    deepEqual(
      [findRule(list, { text, addresses }, "any"), findRule(list, { text, addresses }, "all")].map(Boolean),
      [
        any,
        all,
      ],
    );
  });
}

Deno.test("parseHostRule() refuses what is no host, no range and no port", () => {
  for (
    const text of [
      "",
      "a b",
      "http://x",
      "a:b",
      "x:0",
      "x:65536",
      "10.0.0.0/33",
      "10.0.0/8",
      "300.1.1.1",
      "-x",
      "*.",
      "**",
      "a*",
      "fd00::/129",
      "unix:run",
      "a/b",
    ]
  ) {
    equal(parseHostRule(text), undefined, text);
  }
});

Deno.test("parseAddress() knows addresses in every form that has one meaning", () => {
  deepEqual(parseAddress("127.0.0.1"), [127, 0, 0, 1]);
  deepEqual(parseAddress("::ffff:127.0.0.1"), [127, 0, 0, 1]);
  deepEqual(parseAddress("::FFFF:7f00:1"), [127, 0, 0, 1]);
  deepEqual(parseAddress("fe80::1%eth0")?.slice(0, 2), [0xfe, 0x80]);
  equal(parseAddress("2001:db8:1:2:3:4:5:6")?.length, 16);
  for (const text of ["127.1", "0x7f.0.0.1", "localhost", "1::2::3", "256.0.0.1", ""]) {
    equal(parseAddress(text), undefined);
  }
});
