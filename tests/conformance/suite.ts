import { registerConfig } from "./config.ts";
import { registerDescribe } from "./describe.ts";
import type { Fixture } from "./fixture.ts";
import { registerDeleteInsert } from "./modes/delete_insert.ts";
import { registerHistory } from "./modes/history.ts";
import { registerLoadRules } from "./load_rules.ts";
import { registerLoads } from "./loads.ts";
import { registerUserSql } from "./modes/user_sql.ts";
import { registerMergeRules } from "./modes/merge_rules.ts";
import { registerProcess } from "./process.ts";
import { registerReads } from "./reads.ts";
import { registerRoundTrips } from "./round_trips.ts";
import { registerSideBySide } from "./side_by_side.ts";

/** Those of loads alone, for a layout of a destination whose other tests another fixture has. */
export function conformanceOfLoads(fixture: Fixture): void {
  registerLoads(fixture);
  registerLoadRules(fixture);
  registerDeleteInsert(fixture);
  registerMergeRules(fixture);
  registerHistory(fixture);
  registerUserSql(fixture);
  registerSideBySide(fixture);
  registerProcess(fixture);
}

/** Registers the tests that every connector passes; fixture.ts says what it needs to know. */
export function conformance(fixture: Fixture): void {
  registerConfig(fixture);
  registerRoundTrips(fixture);
  registerReads(fixture);
  registerDescribe(fixture);
  registerLoads(fixture);
  registerLoadRules(fixture);
  registerDeleteInsert(fixture);
  registerMergeRules(fixture);
  registerHistory(fixture);
  registerUserSql(fixture);
  registerSideBySide(fixture);
  registerProcess(fixture);
}
