import { equal, notEqual, rejects } from "node:assert/strict";
import { createRowCover } from "../../../../engine/runs/streams/row_cover.ts";
import { NO_WAREHOUSE_KEYS, type WarehouseKeys } from "../../../../engine/runs/warehouses/warehouse_keys.ts";

const newKeys = (): WarehouseKeys => {
  const secret = crypto.getRandomValues(new Uint8Array(32)).toBase64();
  return { ...NO_WAREHOUSE_KEYS, secret: () => Promise.resolve(secret) };
};
const yes = () => Promise.resolve(true);
const TEXT = '{"rows":[["a secret"]]}';

Deno.test("what is kept of an encrypted pipeline's rows opens in its own place and with its own key", async () => {
  const cover = createRowCover(newKeys(), yes);
  const stored = await cover.cover("shop", "previews/shop/orders", TEXT);
  equal(stored.includes("secret"), false);
  notEqual(await cover.cover("shop", "previews/shop/orders", TEXT), stored, "each time with another nonce");
  equal(await cover.uncover("shop", "previews/shop/orders", stored), TEXT);
  await rejects(cover.uncover("shop", "previews/shop/others", stored), {
    code: "invalid",
    message: /belongs to another place/,
  });
  const changed = stored.slice(0, -6) + (stored.at(-6) === "A" ? "B" : "A") + stored.slice(-5);
  await rejects(cover.uncover("shop", "previews/shop/orders", changed), { code: "invalid" });
  await rejects(createRowCover(newKeys(), yes).uncover("shop", "previews/shop/orders", stored), {
    code: "invalid",
  });
  await rejects(createRowCover(NO_WAREHOUSE_KEYS, yes).uncover("shop", "previews/shop/orders", stored), {
    message: /does not have the key of its warehouse/,
  });
  await rejects(createRowCover(NO_WAREHOUSE_KEYS, yes).cover("shop", "previews/shop/orders", TEXT), {
    code: "invalid",
  });
});

Deno.test("what is kept of a plain pipeline is as it was, and is read after it was encrypted", async () => {
  const keys = newKeys();
  const plain = createRowCover(keys, () => Promise.resolve(false));
  equal(await plain.cover("shop", "previews/shop/orders", TEXT), TEXT);
  equal(await createRowCover(keys, yes).uncover("shop", "previews/shop/orders", TEXT), TEXT);
});
