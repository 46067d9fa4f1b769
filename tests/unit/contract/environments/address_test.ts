import { strictEqual } from "node:assert/strict";
import { addressOf } from "../../../../contract/environments/address.ts";

Deno.test("an address is that of the place, whoever signs in and however it is written", () => {
  const same = [
    { type: "postgres", url: "postgres://ann:secret@Db.example.com/shop?sslmode=require" },
    { type: "postgres", url: "postgresql://db.example.com:5432/shop" },
    { type: "postgres", host: "db.example.com", port: 5432, database: "shop", user: "bob", password: "x" },
  ];
  for (const entry of same) strictEqual(addressOf(entry), addressOf({ ...same[0], type: "postgres" }));
  strictEqual(
    addressOf({ type: "mysql", host: "localhost", database: "a" }),
    addressOf({ type: "mysql", url: "mysql://root@127.0.0.1/a" }),
  );
  const others = [
    { type: "postgres", url: "postgres://db.example.com/other" },
    { type: "postgres", url: "postgres://db.example.com:5433/shop" },
    { type: "mysql", url: "mysql://db.example.com:5432/shop" },
    { type: "postgres", url: "${secret:SHOP_URL}" },
  ];
  strictEqual(new Set([...others, same[0] ?? {}].map(addressOf)).size, others.length + 1);
});
