import { below, type Call, failed, type FakeApi } from "./fake_api.ts";

/** https://shopify.dev/docs/api/admin-rest: a Link header whose page_info is sent with nothing but the limit. */
export function shopify(): FakeApi {
  const orders = [1, 2, 3].map((id) => ({
    id: 9_007_199_254_740_993 + 2 * id,
    name: `#${id}`,
    total_price: "10.00",
    updated_at: `2026-05-0${id}T10:00:00-04:00`,
  }));
  const pages = new Map<string, readonly unknown[]>();
  const list = (key: string, all: readonly unknown[], { url, params }: Call): Response => {
    const info = params.get("page_info");
    if (info !== null && [...params.keys()].some((name) => name !== "limit" && name !== "page_info")) {
      return failed(400, "page_info goes with limit only");
    }
    const rest = info === null ? all : pages.get(info) ?? [];
    const next = `${key}-${rest.length}`;
    pages.set(next, rest.slice(2));
    const link = `<${url.origin}${url.pathname}?limit=250&page_info=${next}>; rel="next"`;
    return Response.json({ [key]: rest.slice(0, 2) }, { headers: rest.length > 2 ? { link } : {} });
  };
  return {
    name: "shopify",
    streams: ["orders", "order_refunds", "inventory_levels"],
    origins: ["https://acme.myshopify.com"],
    values: { shop: "acme" },
    secrets: { SHOPIFY_TOKEN: "shpat_1" },
    answer(call) {
      if (call.header("x-shopify-access-token") !== "shpat_1") return failed(401, "Invalid API key");
      const [kind = "", id, inner = ""] = (below(call.path, "/admin/api/2025-10/") ?? [])
        .map((part) => part.replace(/\.json$/, ""));
      if (inner === "transactions" || inner === "refunds") {
        return list(inner, [{ id: Number(id) % 1000 }], call);
      }
      if (inner === "inventory_levels") {
        return list(
          inner,
          [1, 2, 3].map((item) => ({ location_id: Number(id), inventory_item_id: item })),
          call,
        );
      }
      if (kind === "locations") return { locations: [{ id: 4, name: "store" }] };
      if (kind !== "orders") return list(kind, [], call);
      const since = Date.parse(call.params.get("updated_at_min") ?? "1970-01-01");
      return list(kind, orders.filter(({ updated_at: at }) => Date.parse(at) >= since), call);
    },
    first: {
      "SELECT name, total_price FROM raw.orders ORDER BY name": ["#1,10.00", "#2,10.00", "#3,10.00"],
      "SELECT _orders_id = id_of FROM (SELECT _orders_id, (SELECT min(id) FROM raw.orders) AS id_of FROM raw.order_refunds) ORDER BY 1 DESC LIMIT 1":
        ["true"],
      "SELECT location_id, inventory_item_id FROM raw.inventory_levels ORDER BY 2": ["4,1", "4,2", "4,3"],
    },
    change() {
      Object.assign(orders[0] ?? {}, { total_price: "99.00", updated_at: "2026-05-09T10:00:00-04:00" });
    },
    again: ["orders"],
    second: {
      "SELECT name, total_price FROM raw.orders ORDER BY name": ["#1,99.00", "#2,10.00", "#3,10.00"],
    },
    asked: [/orders\.json\?status=any&order=updated_at\+asc&limit=250&updated_at_min=2026-05-02T14:00:00Z /],
  };
}
