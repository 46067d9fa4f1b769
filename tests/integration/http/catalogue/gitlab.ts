import { below, type Call, failed, type FakeApi, numbered, withParam } from "./fake_api.ts";

/** https://docs.gitlab.com/api/rest: pages by number, whose next one the header x-next-page has; jobs by keysets. */
export function gitlab(): FakeApi {
  const issues = [1, 2, 3].map((iid) => ({
    id: 200 + iid,
    iid,
    title: `issue ${iid}`,
    updated_at: `2026-04-0${iid}T08:00:00.123Z`,
  }));
  const jobs = [9, 8, 7, 6, 5].map((id) => ({ id, status: "success" }));
  const paged = (list: readonly unknown[], { params }: Call): Response => {
    const page = Number(params.get("page") ?? 1);
    const isLast = page * 2 >= list.length;
    return Response.json(numbered(list, page, 2), {
      headers: { "x-page": String(page), "x-next-page": isLast ? "" : String(page + 1) },
    });
  };
  const since = <T extends { updated_at: string }>(list: readonly T[], { params }: Call): T[] =>
    list.filter(({ updated_at: at }) => at >= (params.get("updated_after") ?? ""))
      .toSorted((a, b) => b.updated_at < a.updated_at ? -1 : 1);
  const keyset = ({ url, params }: Call): Response => {
    if (params.get("pagination") !== "keyset") return failed(400, "not by keyset");
    const before = Number(params.get("cursor") ?? Infinity);
    const left = jobs.filter(({ id }) => id < before);
    const found = left.slice(0, 2);
    const next = withParam(url, "cursor", String(found.at(-1)?.id));
    return Response.json(found, { headers: left.length > 2 ? { link: `<${next}>; rel="next"` } : {} });
  };
  return {
    name: "gitlab",
    streams: ["issue_notes", "jobs", "commits", "releases"],
    origins: ["https://gitlab.com"],
    values: { project: "acme/tools/shop" },
    secrets: { GITLAB_TOKEN: "gitlab-token-1" },
    answer(call) {
      if (call.header("private-token") !== "gitlab-token-1") return failed(401, "401 Unauthorized");
      const [kind, id, inner] = below(call.path, "/api/v4/projects/acme%2Ftools%2Fshop/") ?? [];
      switch (`${kind} ${inner ?? ""}`) {
        case "issues ":
          return paged(since(issues, call), call);
        case "issues notes":
          return paged([1, 2, 3].slice(0, Number(id)).map((n) => ({ id: Number(id) * 10 + n })), call);
        case "merge_requests ":
          return paged(since([{ id: 41, iid: 1, updated_at: "2026-04-01T00:00:00.000Z" }], call), call);
        case "merge_requests notes":
          return paged([{ id: 77, body: "fine" }], call);
        case "pipelines ":
          return paged(
            since([{ id: 51, status: "success", updated_at: "2026-04-01T00:00:00.000Z" }], call),
            call,
          );
        case "jobs ":
          return keyset(call);
        case "repository ":
          return paged(["a", "b", "c"].map((sha) => ({ id: sha, title: sha })), call);
        case "members ":
        case "labels ":
        case "milestones ":
          return paged([{ id: 1 }], call);
        case "releases ":
          return paged([{ tag_name: "v1" }], call);
        default:
          return failed(404, "404 Not Found");
      }
    },
    first: {
      "SELECT id, title FROM raw.issues ORDER BY id": ["201,issue 1", "202,issue 2", "203,issue 3"],
      "SELECT _issues_iid, count(*) FROM raw.issue_notes GROUP BY 1 ORDER BY 1": ["1,1", "2,2", "3,3"],
      "SELECT id FROM raw.jobs ORDER BY id": ["5", "6", "7", "8", "9"],
      "SELECT id FROM raw.commits ORDER BY id": ["a", "b", "c"],
      "SELECT tag_name FROM raw.releases": ["v1"],
    },
    change() {
      issues.push({ id: 204, iid: 1, title: "new", updated_at: "2026-04-08T00:00:00.000Z" });
    },
    again: ["issues"],
    second: { "SELECT max(id), count(*) FROM raw.issues": ["204,4"] },
    asked: [/ \/api\/v4\/projects\/acme%2Ftools%2Fshop\/issues\?.*&updated_after=2026-04-03T07:50:00Z /],
  };
}
