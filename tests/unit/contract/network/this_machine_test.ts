import { deepEqual } from "node:assert/strict";
import { isThisMachine } from "../../../../contract/network/this_machine.ts";

Deno.test("isThisMachine() is true of what never leaves the machine, and of nothing that looks like it", () => {
  const local = [
    "127.0.0.1",
    "127.255.3.4",
    "::1",
    "[::1]",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "[::FFFF:127.0.0.1]",
    "localhost",
    "LOCALHOST.",
    "db.localhost",
    "/run/postgresql",
    "unix:/run/postgresql",
  ];
  const others = [
    "",
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "128.0.0.1",
    "127.0.0.1.example.com",
    "1127.0.0.1",
    "127.0.0",
    "localhost.example.com",
    "notlocalhost",
    "::2",
    "1::1",
    "fe80::1",
    "::ffff:10.0.0.1",
    "::ffff:8f00:1",
    "2001:db8::ffff:127.0.0.1",
    "db",
    "127.0.0.1@evil.example",
  ];
  deepEqual([...local, ...others].filter(isThisMachine), local);
});
