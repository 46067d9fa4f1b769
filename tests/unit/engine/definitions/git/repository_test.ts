import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { checkOut } from "../../../../../engine/definitions/git/check_out.ts";
import { Repository } from "../../../../../engine/definitions/git/repository.ts";
import { commitAll, git } from "../../../../support/git_repository.ts";
import { ProjectFixture } from "../project_fixture.ts";

/** Two commits of a project in the folder `etl`. */
async function repository() {
  const project = await ProjectFixture.create({
    "etl/pipelines/a.yaml": "timeout: 1m\n",
    "etl/transforms/a/b/daily.sql": "SELECT 1 AS n\n",
    "etl/data/orders.csv": "id\n1\n",
    "README.md": "x",
  });
  await git(project.dir, "init", "-q", "-b", "main");
  const first = await commitAll(project.dir, "Begin\n\nmore of it");
  await project.write("etl/pipelines/a.yaml", "timeout: 2m\n");
  const second = await commitAll(project.dir, "Wait longer");
  return { project, dir: project.dir, etl: join(project.dir, "etl"), first, second };
}

/** `é.sql` as ISO 8859-1 has it. */
async function addLatin1Name(dir: string, oid: string): Promise<void> {
  const child = new Deno.Command("git", {
    args: ["-C", dir, "update-index", "--add", "-z", "--index-info"],
    stdin: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const name = [...new TextEncoder().encode("etl/transforms/a/"), 0xe9, ...new TextEncoder().encode(".sql")];
  await writer.write(new Uint8Array([...new TextEncoder().encode(`100644 ${oid}\t`), ...name, 0]));
  await writer.close();
  await child.status;
}

async function written(repo: Repository, commit: string): Promise<string[]> {
  const into = await Deno.makeTempDir();
  try {
    await checkOut(repo, commit, into);
    const found: string[] = [];
    const walk = async (folder: string) => {
      for await (const { name, isDirectory } of Deno.readDir(join(into, folder))) {
        const path = folder === "" ? name : `${folder}/${name}`;
        if (isDirectory) await walk(path);
        else found.push(`${path}: ${(await Deno.readTextFile(join(into, path))).trim()}`);
      }
    };
    await walk("");
    return found.sort();
  } finally {
    await Deno.remove(into, { recursive: true });
  }
}

Deno.test("commit() finds branches, tags, ids, their beginnings, HEAD and parents", async () => {
  const { project, dir, etl, first, second } = await repository();
  await using _ = project;
  await git(dir, "tag", "-a", "v1", "-m", "the first", first);
  await git(dir, "branch", "team/old", first);
  const repo = await Repository.find(etl);
  strictEqual(repo.prefix, "etl");
  const named = async (ref: string) => (await repo.commit(ref)).id;
  for (
    const ref of [
      "v1",
      "team/old",
      "refs/heads/team/old",
      first,
      first.slice(0, 8),
      "HEAD~1",
      "main^",
      "HEAD~",
    ]
  ) {
    strictEqual(await named(ref), first, ref);
  }
  for (const ref of ["main", "HEAD", " main "]) strictEqual(await named(ref), second, ref);
  const { author, subject, atMs } = await repo.commit("v1");
  deepStrictEqual([author, subject, atMs % 1000], ["Test", "Begin", 0]);
});

Deno.test("commit() says what it does not find: no ref, no repository, too far back", async () => {
  const { project, etl } = await repository();
  await using _ = project;
  const repo = await Repository.find(etl);
  for (const ref of ["nope", "", "../x", "--upload-pack=x", "main:etl", "@{u}", "0000000", "a b", "main\0"]) {
    await rejects(repo.commit(ref), { code: "not_found" }, ref);
  }
  await rejects(repo.commit("main~2"), { code: "not_found", message: /beyond the first commit/ });
  await using plain = await ProjectFixture.create({ "pipelines/a.yaml": "" });
  await rejects(Repository.find(plain.dir), { code: "invalid", message: /not in a git repository/ });
});

Deno.test("checkOut() writes the definitions of a commit, from packs and from loose objects, and not the data", async () => {
  const { project, dir, etl, first, second } = await repository();
  await using _ = project;
  const repo = await Repository.find(etl);
  const sql = "transforms/a/b/daily.sql: SELECT 1 AS n";
  deepStrictEqual(await written(repo, first), ["pipelines/a.yaml: timeout: 1m", sql]);
  await git(dir, "gc", "-q");
  await git(dir, "pack-refs", "--all");
  const packed = await Repository.find(etl);
  deepStrictEqual(await written(packed, (await packed.commit("main")).id), [
    "pipelines/a.yaml: timeout: 2m",
    sql,
  ]);
  strictEqual((await packed.commit("HEAD")).id, second);
});

Deno.test("a linked work tree has its own HEAD, and the refs of the others", async () => {
  const { project, dir, first, second } = await repository();
  await using _ = project;
  const linked = join(dir, "..", `linked-${first.slice(0, 8)}`);
  await git(dir, "worktree", "add", "-q", "-b", "other", linked, first);
  try {
    const repo = await Repository.find(join(linked, "etl"));
    strictEqual((await repo.commit("HEAD")).id, first);
    strictEqual((await repo.commit("other")).id, first);
    strictEqual((await repo.commit("main")).id, second);
  } finally {
    await Deno.remove(linked, { recursive: true });
  }
});

Deno.test("checkOut() refuses links, submodules, files of LFS and folders that are not there", async () => {
  const { project, dir, etl, first } = await repository();
  await using _ = project;
  const refuses = async (message: RegExp) => {
    const repo = await Repository.find(etl);
    const { id } = await repo.commit("HEAD");
    await rejects(written(repo, id), ({ code, message: told }) => {
      match(`${code}: ${told}`, message);
      return true;
    });
    await git(dir, "reset", "-q", "--hard", first);
  };
  await Deno.symlink("/etc/passwd", join(etl, "pipelines/b.yaml"));
  await commitAll(dir, "link");
  await refuses(/invalid: etl\/pipelines\/b.yaml is a symbolic link/);

  await git(dir, "update-index", "--add", "--cacheinfo", `160000,${first},etl/transforms/sub`);
  await git(dir, "commit", "-q", "-m", "submodule");
  await refuses(/etl\/transforms\/sub is a submodule/);

  await project.write(
    "etl/transforms/a/x.sql",
    "version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
  );
  await commitAll(dir, "lfs");
  await refuses(/x.sql is a file of git LFS/);

  const { id } = await (await Repository.find(etl)).commit("HEAD");
  const oid = await git(dir, "rev-parse", `${id}:etl/pipelines/a.yaml`);
  await addLatin1Name(dir, oid);
  await git(dir, "commit", "-q", "-m", "latin 1");
  await refuses(/invalid: etl\/transforms\/a\/\uFFFD\.sql: the file's name is not UTF-8/);

  await git(dir, "rm", "-rq", "etl");
  await git(dir, "commit", "-q", "-m", "gone");
  const repo = new Repository({ headDir: join(dir, ".git"), gitDir: join(dir, ".git"), prefix: "etl" });
  await rejects(written(repo, (await repo.commit("HEAD")).id), {
    code: "not_found",
    message: /has no folder etl/,
  });
});

Deno.test("a repository of another hash is told of", async () => {
  await using project = await ProjectFixture.create({ "pipelines/a.yaml": "" });
  await git(project.dir, "init", "-q", "--object-format=sha256");
  await rejects(Repository.find(project.dir), { code: "invalid", message: /sha256/ });
});
