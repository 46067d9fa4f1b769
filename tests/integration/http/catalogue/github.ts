import { below, type Call, failed, type FakeApi, numbered, withParam } from "./fake_api.ts";

/** https://docs.github.com/rest: pages by number, whose next one a Link header has. */
export function github(): FakeApi {
  const issues = [1, 2, 3, 4, 5].map((number) => ({
    id: 100 + number,
    number,
    title: `issue ${number}`,
    user: { login: "ann", id: 1 },
    labels: [{ id: 1, name: "bug" }],
    updated_at: `2026-03-0${number}T12:00:00Z`,
  }));
  const comments = [{ id: 1, body: "first", updated_at: "2026-03-01T00:00:00Z" }];
  const pulls = [{ id: 31, number: 3, title: "pull 3" }, { id: 32, number: 4, title: "pull 4" }];
  const commits = [1, 2, 3].map((n) => ({ sha: `c${n}`, commit: { message: `m${n}` } }));
  const since = <T extends { updated_at: string }>(list: readonly T[], { params }: Call): T[] =>
    list.filter(({ updated_at: at }) => at >= (params.get("since") ?? ""))
      .toSorted((a, b) => b.updated_at < a.updated_at ? -1 : 1);
  const paged = (list: readonly unknown[], { url, params }: Call): Response => {
    const page = Number(params.get("page") ?? 1);
    const last = Math.max(1, Math.ceil(list.length / 2));
    const link = (to: number, rel: string) => `<${withParam(url, "page", String(to))}>; rel="${rel}"`;
    const links = page < last ? [link(page + 1, "next"), link(last, "last")] : [];
    if (page > 1) links.unshift(link(page - 1, "prev"), link(1, "first"));
    return Response.json(numbered(list, page, 2), {
      headers: links.length > 0 ? { link: links.join(", ") } : {},
    });
  };
  return {
    name: "github",
    streams: ["issues", "pull_reviews", "commits", "releases"],
    origins: ["https://api.github.com"],
    values: { owner: "acme", repo: "shop.js" },
    secrets: { GITHUB_TOKEN: "github-token-1" },
    answer(call) {
      if (call.header("authorization") !== "Bearer github-token-1") return failed(401, "Bad credentials");
      if (call.header("x-github-api-version") !== "2022-11-28") return failed(400, "no version");
      if (call.params.get("per_page") !== "100") return failed(400, "pages are small");
      const [kind, id, inner] = below(call.path, "/repos/acme/shop.js/") ?? [];
      if (kind === "issues" && id === undefined) return paged(since(issues, call), call);
      if (kind === "issues" && id === "comments") return paged(since(comments, call), call);
      if (kind === "pulls" && id === undefined) return paged(pulls, call);
      if (kind === "pulls" && id === "comments") return paged([], call);
      if (kind === "pulls" && inner === "reviews") {
        return paged(id === "3" ? [1, 2, 3].map((n) => ({ id: n, state: "APPROVED" })) : [], call);
      }
      if (kind === "commits") return paged(commits, call);
      if (kind === "releases") return paged([{ id: 7, tag_name: "v1", assets: [] }], call);
      if (kind === "labels") return paged([{ id: 1, name: "bug" }], call);
      return kind === "milestones" ? paged([], call) : failed(404, "Not Found");
    },
    first: {
      "SELECT id, title, user.login FROM raw.issues ORDER BY id": [
        "101,issue 1,ann",
        "102,issue 2,ann",
        "103,issue 3,ann",
        "104,issue 4,ann",
        "105,issue 5,ann",
      ],
      "SELECT sha FROM raw.commits ORDER BY sha": ["c1", "c2", "c3"],
      "SELECT _pulls_number, id FROM raw.pull_reviews ORDER BY id": ["3,1", "3,2", "3,3"],
      "SELECT tag_name FROM raw.releases": ["v1"],
    },
    change() {
      Object.assign(issues[1] ?? {}, { title: "changed", updated_at: "2026-03-09T12:00:00Z" });
    },
    again: ["issues"],
    second: {
      "SELECT id, title FROM raw.issues WHERE updated_at > '2026-03-05' ORDER BY id": [
        "102,changed",
        "105,issue 5",
      ],
      "SELECT count(*) FROM raw.issues": ["5"],
    },
    asked: [/issues\?state=all&sort=updated&direction=desc&per_page=100&since=2026-03-05T11:50:00Z /],
  };
}
