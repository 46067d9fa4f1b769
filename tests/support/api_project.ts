import { type Outcome, TestProject } from "./test_project.ts";

/** Lets endpoints of tests be called. */
export const LOOPBACK_POLICY = 'private_hosts_allow: ["127.0.0.1"]\n';

/** A project with the API as `api` below `/v1`, of which `more` are further keys, and one pipeline `p`. */
export const apiProject = (url: string, pipeline: string, more = ""): Promise<TestProject> =>
  TestProject.create({
    "policy.yaml": LOOPBACK_POLICY,
    "connectors.yaml": `api: { type: http, base_url: "${url}/v1"${more} }\nfiles: { type: file }\n`,
    "pipelines/p.yaml": pipeline,
  });

/** Runs a pipeline under the project's own policy, with a secret in TOKEN. */
export async function runUnderPolicy(
  project: TestProject,
  pipeline = "p",
  args: readonly string[] = [],
): Promise<Outcome> {
  return await project.sluice("run", [pipeline, ...args], {
    SLUICE_POLICY: `${project.projectDir}/policy.yaml`,
    TOKEN: "s3cr3t-token",
  });
}

/** The lines of the CSV file that a load has written into `out/`. */
export const linesOf = async (project: TestProject, name: string): Promise<string[]> =>
  (await Deno.readTextFile(`${project.projectDir}/out/${name}.csv`)).trim().split("\n");
