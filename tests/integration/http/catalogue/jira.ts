import { below, type Call, failed, type FakeApi } from "./fake_api.ts";

/** https://developer.atlassian.com/cloud/jira: startAt and maxResults, and for a search in JQL nextPageToken. */
export function jira(): FakeApi {
  const many = (count: number, key: string) =>
    Array.from({ length: count }, (_, at) => ({ id: String(at + 1), name: `${key} ${at + 1}` }));
  const issues = [1, 2, 3].map((id) => ({
    id: String(id),
    key: `ACME-${id}`,
    fields: { summary: `s${id}`, status: { name: "Open" }, updated: `2026-06-0${id}T10:00:00.000+0200` },
  }));
  const list = (name: string, all: readonly unknown[], { params }: Call, total = true) => {
    const from = Number(params.get("startAt") ?? 0);
    const most = Number(params.get("maxResults"));
    const found = all.slice(from, from + most);
    return {
      startAt: from,
      maxResults: most,
      ...(total ? { total: all.length } : {}),
      isLast: from + most >= all.length,
      [name]: found,
    };
  };
  const search = ({ params }: Call) => {
    const [, since] =
      /^updated >= "(\d{4}-\d\d-\d\d)" ORDER BY updated DESC$/.exec(params.get("jql") ?? "") ?? [];
    if (since === undefined) return failed(400, "Error in the JQL Query");
    const found = issues.filter(({ fields: { updated } }) => updated >= since);
    const from = Number(params.get("nextPageToken")?.slice(1) ?? 0);
    const more = from + 2 < found.length;
    return {
      issues: found.slice(from, from + 2),
      isLast: !more,
      ...(more ? { nextPageToken: `t${from + 2}` } : {}),
    };
  };
  return {
    name: "jira",
    streams: ["projects", "issue_comments", "issue_worklogs", "users", "sprints"],
    origins: ["https://acme.atlassian.net"],
    values: { site: "acme", email: "me@example.com" },
    secrets: { JIRA_API_TOKEN: "jira-token-1" },
    answer(call) {
      if (call.header("authorization") !== `Basic ${btoa("me@example.com:jira-token-1")}`) {
        return failed(401, "Client must be authenticated");
      }
      const [version, kind, id, inner] = (below(call.path, "/rest/") ?? []).slice(1);
      if (call.path.startsWith("/rest/agile/1.0/board")) {
        return inner === undefined
          ? list("values", many(2, "board"), call, false)
          : list("values", many(kind === "board" && id === "1" ? 55 : 0, "sprint"), call, false);
      }
      if (version !== "3") return failed(404, "no such path");
      if (kind === "project") return list("values", many(120, "project"), call);
      if (kind === "search" && id === "jql") return search(call);
      if (kind === "users") return [{ accountId: "u1" }].slice(Number(call.params.get("startAt")));
      if (kind === "status") return many(3, "status");
      if (inner === "comment") return list("comments", id === "2" ? many(130, "comment") : [], call);
      if (inner === "worklog") return list("worklogs", many(1, "log"), call);
      return failed(404, "no such path");
    },
    first: {
      "SELECT count(*), count(DISTINCT id) FROM raw.projects": ["120,120"],
      "SELECT key, fields__summary, fields__status__name FROM raw.issues ORDER BY key": [
        "ACME-1,s1,Open",
        "ACME-2,s2,Open",
        "ACME-3,s3,Open",
      ],
      "SELECT _issues_id, count(*) FROM raw.issue_comments GROUP BY 1": ["2,130"],
      "SELECT count(*) FROM raw.issue_worklogs": ["3"],
      "SELECT _boards_id, count(*) FROM raw.sprints GROUP BY 1": ["1,55"],
      "SELECT accountId FROM raw.users": ["u1"],
    },
    change() {
      Object.assign(issues[0]?.fields ?? {}, { summary: "new", updated: "2026-06-09T00:30:00.000+0200" });
    },
    again: ["issues"],
    second: {
      "SELECT key, fields__summary FROM raw.issues ORDER BY key": ["ACME-1,new", "ACME-2,s2", "ACME-3,s3"],
    },
    asked: [/search\/jql\?jql=updated\+>=\+"2026-06-02"\+ORDER\+BY\+updated\+DESC&/],
  };
}
