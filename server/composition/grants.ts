import { join, resolve } from "node:path";
import { NO_AUDIT } from "../../contract/audit/entry.ts";
import { systemClock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import { connectors } from "../../connectors/registry.ts";
import { Egress } from "../../engine/grants/egress/egress.ts";
import { defaultPolicy, readPolicy } from "../../engine/grants/policy.ts";
import type { GrantContext } from "../../engine/grants/provide.ts";
import { type NamedSecrets, secretFolders } from "../../engine/secrets/named_secrets.ts";
import { openSecrets } from "../../engine/secrets/open_secrets.ts";
import type { ProjectPlace } from "../backend.ts";
import { dataFolderExists } from "../data_folder.ts";
import type { Program } from "../program.ts";
import { requireStoreLine, storePlace } from "./control_store.ts";
import { env } from "./environment.ts";
import { secretsBeside } from "./store_secrets.ts";

/** What decides about every process, whichever command starts it. */
export type Grants = Awaited<ReturnType<typeof openGrants>>;

/** `stored` has the secrets of the control store. Throws `invalid` where the policy has faults. */
export async function openGrants(
  program: Program,
  { projectDir, dataDir, policyPath }: ProjectPlace,
  stored: NamedSecrets,
  log: Log,
) {
  const policy = policyPath === undefined
    ? defaultPolicy(projectDir)
    : await readPolicy(policyPath, projectDir);
  requireStoreLine(policy);
  const secrets = openSecrets({ env, rules: policy, stored, clock: systemClock, log });
  const egress = new Egress(systemClock);
  return {
    projectDir,
    dataDir,
    connectors,
    secrets,
    references: secrets.references,
    egress,
    policy,
    runProcess: program.runProcess,
    programPaths: program.programPaths,
    secretFolders: secretFolders(env),
    ...storePlace(),
    ...keyPlace(),
    log,
    async [Symbol.asyncDispose]() {
      await secrets[Symbol.asyncDispose]();
      await egress[Symbol.asyncDispose]();
    },
  };
}

/** The same for a command that opens no engine. Throws as `openGrants` does. */
export async function openGrantsBeside(
  program: Program,
  place: ProjectPlace,
  log: Log = () => {},
): Promise<Grants> {
  await using opening = new AsyncDisposableStack();
  const stored = opening.use(secretsBeside(place, (path) => grants.secrets.transit(path)));
  const grants: Grants = opening.use(await openGrants(program, place, stored, log));
  const opened = opening.move();
  return { ...grants, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** What such a command hands out to processes of its own is in no audit log. */
export async function keepBeside({ secrets, dataDir }: Grants): Promise<Pick<GrantContext, "secretKeeping">> {
  const notesFolder = await dataFolderExists(dataDir) ? leasesFolder(dataDir) : undefined;
  return { secretKeeping: secrets.keeping({ audit: NO_AUDIT, notesFolder }) };
}

/** Where the leases of processes under way are noted. */
export const leasesFolder = (dataDir: string): string => join(dataDir, "leases");

/** No run may read it, wherever it lies. */
function keyPlace(): { keyPath?: string } {
  const path = env("SLUICE_KEY_FILE") || undefined;
  return path === undefined ? {} : { keyPath: resolve(path) };
}
