import assert from "node:assert/strict";
import { join } from "node:path";
import { gitCommit } from "../../../../../engine/definitions/git/work_tree.ts";
import { git } from "../../../../support/git_repository.ts";
import { ProjectFixture } from "../project_fixture.ts";

async function repository(): Promise<{ project: ProjectFixture; commit: string }> {
  const project = await ProjectFixture.create({
    "project/pipelines/a.yaml": "timeout: 1m\n",
    "project/README.md": "x",
  });
  await git(project.dir, "init", "-q", "-b", "main");
  await git(project.dir, "add", "-A");
  await git(project.dir, "commit", "-q", "-m", "first");
  return { project, commit: await git(project.dir, "rev-parse", "HEAD") };
}

Deno.test("gitCommit() is undefined where there is no work tree, or no commit yet", async () => {
  await using project = await ProjectFixture.create({ "pipelines/a.yaml": "" });
  assert.equal(await gitCommit(project.dir), undefined);
  await git(project.dir, "init", "-q");
  assert.equal(await gitCommit(project.dir), undefined);
});

Deno.test("gitCommit() answers HEAD of a project below the work tree's top", async () => {
  const { project, commit } = await repository();
  await using _project = project;
  assert.equal(await gitCommit(join(project.dir, "project")), commit);
});

Deno.test("gitCommit() says +dirty for a changed or new pipeline, not for other files", async () => {
  const { project, commit } = await repository();
  await using _project = project;
  const dir = join(project.dir, "project");
  await project.write("project/README.md", "changed");
  await project.write("project/out/result.csv", "1");
  assert.equal(await gitCommit(dir), commit);
  await project.write("project/transforms/a/new.sql", "SELECT 1");
  assert.equal(await gitCommit(dir), `${commit}+dirty`);
  await Deno.remove(join(dir, "transforms"), { recursive: true });
  assert.equal(await gitCommit(dir), commit);
  await project.write("project/pipelines/a.yaml", "timeout: 2m\n");
  assert.equal(await gitCommit(dir), `${commit}+dirty`);
});

Deno.test("gitCommit() reads packed refs, a detached HEAD and a linked work tree", async () => {
  const { project, commit } = await repository();
  await using _project = project;
  await git(project.dir, "pack-refs", "--all");
  assert.equal(await gitCommit(project.dir), commit);
  await git(project.dir, "worktree", "add", "-q", "-b", "side", join(project.dir, "linked"));
  assert.equal(await gitCommit(join(project.dir, "linked")), commit);
  await git(project.dir, "checkout", "-q", "--detach");
  assert.equal(await gitCommit(project.dir), commit);
});

Deno.test("gitCommit() is undefined for a .git that is broken", async () => {
  await using project = await ProjectFixture.create({ ".git/HEAD": "ref: refs/../../etc/passwd\n" });
  assert.equal(await gitCommit(project.dir), undefined);
  await project.write(".git/HEAD", "garbage");
  assert.equal(await gitCommit(project.dir), undefined);
});

/** A program that stands in for git and is no more than this shell text. */
async function standIn(project: ProjectFixture, script: string): Promise<string> {
  await project.write("git.sh", `#!/bin/sh\n${script}\n`);
  const path = join(project.dir, "git.sh");
  await Deno.chmod(path, 0o755);
  return path;
}

Deno.test("gitCommit() names no commit where git refuses the owner, fails, takes too long or is missing", async () => {
  const { project, commit } = await repository();
  await using _project = project;
  const dir = join(project.dir, "project");
  const honest = await standIn(project, 'exec git "$@"');
  assert.equal(await gitCommit(dir, { program: honest }), commit);
  const refusing = await standIn(project, 'GIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec git "$@"');
  assert.equal(await gitCommit(dir, { program: refusing }), undefined);
  const failing = await standIn(project, `echo "# branch.oid ${commit}"; exit 1`);
  assert.equal(await gitCommit(dir, { program: failing }), undefined);
  const slow = await standIn(project, `echo "# branch.oid ${commit}"; exec sleep 60`);
  assert.equal(await gitCommit(dir, { program: slow, timeoutMs: 50 }), undefined);
  assert.equal(await gitCommit(dir, { program: join(project.dir, "no such program") }), undefined);
});

Deno.test("gitCommit() throws where its caller has stopped waiting", async () => {
  const { project } = await repository();
  await using _project = project;
  await assert.rejects(gitCommit(project.dir, { signal: AbortSignal.abort() }));
});
