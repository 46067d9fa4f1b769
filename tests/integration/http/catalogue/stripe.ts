import { below, type Call, failed, type FakeApi } from "./fake_api.ts";

/** https://docs.stripe.com/api: newest first; has_more says that there are more, and starting_after goes on behind an id. */
export function stripe(): FakeApi {
  const made = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, at) => ({
      id: `${prefix}_${count - at}`,
      object: prefix,
      created: 1_770_000_000 + 86_400 * (count - at),
      metadata: {},
    }));
  const customers = made("cus", 5);
  const invoices = made("in", 2);
  const events = made("evt", 3);
  const list = (all: readonly { readonly id: string; readonly created?: number }[], { params }: Call) => {
    const since = Number(params.get("created[gte]") ?? 0);
    const fitting = all.filter(({ created = 0 }) => created >= since);
    const after = params.get("starting_after");
    const from = after === null ? 0 : fitting.findIndex(({ id }) => id === after) + 1;
    if (after !== null && from === 0) return failed(400, `No such object: ${after}`);
    return { object: "list", data: fitting.slice(from, from + 2), has_more: from + 2 < fitting.length };
  };
  return {
    name: "stripe",
    streams: ["customers", "invoice_lines", "events"],
    origins: ["https://api.stripe.com"],
    values: {},
    secrets: { STRIPE_KEY: "rk_test_1" },
    answer(call) {
      if (call.header("authorization") !== "Bearer rk_test_1") return failed(401, "Invalid API Key");
      if (call.header("stripe-version") === "" || call.params.get("limit") !== "100") {
        return failed(400, "no version or limit");
      }
      const [kind, id, inner] = below(call.path, "/v1/") ?? [];
      if (inner === "lines") return list(["il_2", "il_1"].map((line) => ({ id: `${line}_${id}` })), call);
      if (kind === "customers") return list(customers, call);
      if (kind === "invoices") return list(invoices, call);
      if (kind === "events") return list(events, call);
      if (kind === "subscriptions" && call.params.get("status") !== "all") return failed(400, "not all");
      return list([], call);
    },
    first: {
      "SELECT id FROM raw.customers ORDER BY id": ["cus_1", "cus_2", "cus_3", "cus_4", "cus_5"],
      "SELECT _invoices_id, id FROM raw.invoice_lines ORDER BY 1, 2": [
        "in_1,il_1_in_1",
        "in_1,il_2_in_1",
        "in_2,il_1_in_2",
        "in_2,il_2_in_2",
      ],
      "SELECT id, created FROM raw.events ORDER BY id": [
        "evt_1,1770086400",
        "evt_2,1770172800",
        "evt_3,1770259200",
      ],
    },
    change() {
      events.unshift({ id: "evt_4", object: "evt", created: 1_770_300_000, metadata: {} });
      customers.shift();
    },
    again: ["events", "customers"],
    second: {
      "SELECT id FROM raw.events ORDER BY id": ["evt_1", "evt_2", "evt_3", "evt_4"],
      "SELECT count(*) FROM raw.customers": ["4"],
    },
    asked: [
      /GET \/v1\/events\?limit=100&created\[gte\]=1770255600 /,
      /customers\?limit=100&starting_after=cus_3 /,
    ],
  };
}
