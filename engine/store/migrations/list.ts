import { initial } from "./first/0001_initial.ts";
import { attempts } from "./first/0002_attempts.ts";
import { stepReceipts } from "./first/0003_step_receipts.ts";
import { unusedRevisions } from "./first/0004_unused_revisions.ts";
import { definitionText } from "./first/0005_definition_text.ts";
import { runRange } from "./first/0006_run_range.ts";
import { lastLoads } from "./first/0007_last_loads.ts";
import { orchestration } from "./first/0008_orchestration.ts";
import { seeing } from "./first/0009_seeing.ts";
import { traces } from "./first/0010_traces.ts";
import { listing } from "./first/0011_listing.ts";
import { people } from "./first/0012_people.ts";
import { sealed } from "./0013_sealed.ts";
import { factors } from "./0014_factors.ts";
import { sso } from "./0015_sso.ts";
import { audit } from "./0016_audit.ts";
import { passwords } from "./0017_passwords.ts";
import { rotatedTokens } from "./0018_rotated_tokens.ts";
import { warehouseKeys } from "./0019_warehouse_keys.ts";
import { versions } from "./0020_versions.ts";
import { sealedEntries } from "./0021_sealed_entries.ts";
import { lineage } from "./0022_lineage.ts";
import { environments } from "./0023_environments.ts";
import { promotions } from "./0024_promotions.ts";
import type { Migration } from "./migration.ts";

/** In order of id. */
export const MIGRATIONS: readonly Migration[] = [
  initial,
  attempts,
  stepReceipts,
  unusedRevisions,
  definitionText,
  runRange,
  lastLoads,
  orchestration,
  seeing,
  traces,
  listing,
  people,
  sealed,
  factors,
  sso,
  audit,
  passwords,
  rotatedTokens,
  warehouseKeys,
  versions,
  sealedEntries,
  lineage,
  environments,
  promotions,
];
