import { below, type Call, failed, type FakeApi } from "./fake_api.ts";

/** https://developers.hubspot.com/docs: paging.next.after of a page goes on, and is missing on the last one. */
export function hubspot(): FakeApi {
  const contacts = [1, 2, 3, 4, 5].map((id) => ({
    id: String(id),
    properties: { email: `c${id}@example.com`, company: id === 1 ? null : "Acme" },
    createdAt: "2026-01-01T00:00:00Z",
    updatedAt: `2026-02-0${id}T00:00:00Z`,
    archived: false,
  }));
  const list = (all: readonly unknown[], { url, params }: Call) => {
    const from = Number(params.get("after") ?? 0);
    const next = String(from + 2);
    return {
      results: all.slice(from, from + 2),
      ...(from + 2 < all.length
        ? { paging: { next: { after: next, link: `${url.origin}?after=${next}` } } }
        : {}),
    };
  };
  return {
    name: "hubspot",
    streams: ["contacts", "deal_contacts", "ticket_pipelines"],
    origins: ["https://api.hubapi.com"],
    values: { contact_properties: "email,company" },
    secrets: { HUBSPOT_TOKEN: "pat-eu1-1" },
    answer(call) {
      if (call.header("authorization") !== "Bearer pat-eu1-1") return failed(401, "expired");
      const [, version, kind, what, id, link] = below(call.path, "/") ?? [];
      if (version === "v4") {
        if (kind !== "objects" || link !== "associations") return failed(404, "no such path");
        const found = [11, 12, 13].map((toObjectId) => ({ toObjectId, associationTypes: [{ typeId: 3 }] }));
        return list(id === "1" && call.path.endsWith("/contacts") ? found : [], call);
      }
      if (kind === "owners") return list([{ id: "9", email: "o@example.com" }], call);
      if (kind === "pipelines") return { results: [{ id: "default", stages: [{ id: "won" }] }] };
      if (kind !== "objects") return failed(404, "no such path");
      if (call.params.get("properties") === null) return failed(400, "no properties");
      if (what === "contacts") {
        return call.params.get("properties") === "email,company"
          ? list(contacts, call)
          : failed(400, "other properties");
      }
      if (what === "deals") {
        return list([{ id: "1", properties: { amount: "12.50" } }, { id: "2", properties: {} }], call);
      }
      return list([], call);
    },
    first: {
      "SELECT id, properties__email, properties__company FROM raw.contacts ORDER BY id LIMIT 2": [
        "1,c1@example.com,null",
        "2,c2@example.com,Acme",
      ],
      "SELECT count(*) FROM raw.contacts": ["5"],
      "SELECT _deals_id, toObjectId FROM raw.deal_contacts ORDER BY 2": ["1,11", "1,12", "1,13"],
      "SELECT id FROM raw.ticket_pipelines": ["default"],
    },
  };
}
