import { type Call, failed, type FakeApi } from "./fake_api.ts";

/** https://docs.slack.dev: next_cursor, empty on the last page; what goes wrong has status 200 and ok: false. */
export function slack(): FakeApi & { isGone: boolean } {
  const threads = new Set(["1770000001.000200", "1770000003.000200"]);
  const threadOf = (ts: string) => threads.has(ts) ? { thread_ts: ts, reply_count: 3 } : {};
  const messages = new Map([
    [
      "C1",
      [3, 2, 1].map((n) => `177000000${n}.000200`)
        .map((ts) => ({ type: "message", ts, text: `m${ts.slice(9, 10)}`, ...threadOf(ts) })),
    ],
    ["C2", [{ type: "message", ts: "1770000002.000100", text: "other" }]],
  ]);
  // The message itself is the first of its thread.
  const repliesTo = (thread_ts: string) => [
    { ts: thread_ts, thread_ts, text: "itself" },
    ...[1, 2, 3].map((n) => ({ ts: `177000001${n}.000300`, thread_ts, text: `r${n}` })),
  ];
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
    streams: ["users", "channel_members", "messages", "replies"],
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
        case "/api/conversations.replies": {
          // One of them was deleted meanwhile.
          const thread = call.params.get("ts") ?? "";
          return channel === "C1" && thread === "1770000001.000200"
            ? list("messages", repliesTo(thread), call)
            : { ok: false, error: "thread_not_found" };
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
      "SELECT _messages__channels_id, thread_ts, ts, text FROM raw.replies ORDER BY ts": [
        "C1,1770000001.000200,1770000011.000300,r1",
        "C1,1770000001.000200,1770000012.000300,r2",
        "C1,1770000001.000200,1770000013.000300,r3",
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
