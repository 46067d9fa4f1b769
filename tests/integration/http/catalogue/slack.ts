import { type Call, failed, type FakeApi } from "./fake_api.ts";

/** https://docs.slack.dev: next_cursor, empty on the last page; what goes wrong has status 200 and ok: false. */
export function slack(): FakeApi & { isGone: boolean } {
  const messages = new Map([
    ["C1", [3, 2, 1].map((n) => ({ type: "message", ts: `177000000${n}.000200`, text: `m${n}` }))],
    ["C2", [{ type: "message", ts: "1770000002.000100", text: "other" }]],
  ]);
  const list = (name: string, all: readonly unknown[], { params }: Call) => {
    const from = Number(atob(params.get("cursor") ?? "") || 0);
    const more = from + 2 < all.length;
    return {
      ok: true,
      [name]: all.slice(from, from + 2),
      has_more: more,
      response_metadata: { next_cursor: more ? btoa(String(from + 2)) : "" },
    };
  };
  return {
    name: "slack",
    streams: ["users", "channel_members", "messages"],
    origins: ["https://slack.com"],
    values: {},
    secrets: { SLACK_TOKEN: "xoxb-1" },
    isGone: false,
    answer(call) {
      if (this.isGone) return { ok: false, error: "account_inactive" };
      if (call.header("authorization") !== "Bearer xoxb-1") return { ok: false, error: "invalid_auth" };
      const channel = call.params.get("channel") ?? "";
      switch (call.path) {
        case "/api/users.list":
          return list("members", ["U1", "U2", "U3"].map((id) => ({ id })), call);
        case "/api/usergroups.list":
          return { ok: true, usergroups: [{ id: "S1", users: ["U1"] }] };
        case "/api/users.conversations":
          return list("channels", [{ id: "C1", name: "general" }, { id: "C2", name: "random" }], call);
        case "/api/conversations.members":
          return messages.has(channel)
            ? list("members", ["U1", "U2", "U3"], call)
            : { ok: false, error: "channel_not_found" };
        case "/api/conversations.history": {
          const oldest = Number(call.params.get("oldest"));
          const found = messages.get(channel)?.filter(({ ts }) => Number(ts) >= oldest);
          return found === undefined
            ? { ok: false, error: "channel_not_found" }
            : list("messages", found, call);
        }
        default:
          return failed(404, "no such method");
      }
    },
    first: {
      "SELECT _channels_id, ts, text FROM raw.messages ORDER BY 1, 2": [
        "C1,1770000001.000200,m1",
        "C1,1770000002.000200,m2",
        "C1,1770000003.000200,m3",
        "C2,1770000002.000100,other",
      ],
      "SELECT _channels_id, count(DISTINCT value) FROM raw.channel_members GROUP BY 1 ORDER BY 1": [
        "C1,3",
        "C2,3",
      ],
      "SELECT count(*) FROM raw.users": ["3"],
    },
    change() {
      messages.get("C2")?.unshift({ type: "message", ts: "1770200000.000100", text: "late" });
    },
    again: ["messages"],
    second: { "SELECT count(*), max(ts) FROM raw.messages": ["5,1770200000.000100"] },
    asked: [/conversations\.history\?channel=C2&inclusive=true&limit=200&oldest=1769913603\.000200 /],
  };
}
