import type { DataKeyStore } from "../../contract/keys/data_keys.ts";
import type { SealedPlaces } from "../../contract/keys/sealed_places.ts";
import type { WarehouseKeyStore } from "../../contract/keys/warehouse_key.ts";
import type { PlainEntries } from "./keys/plain_entries.ts";
import type { AlertStore } from "./alerts/alert_store.ts";
import type { AuditStore } from "./audit/port.ts";
import type { BackfillStore } from "./backfills/port.ts";
import type { EnvironmentStore } from "./environments/port.ts";
import type { FactorStore, SignInStore } from "./factors/port.ts";
import type { HoldStore } from "./holds/port.ts";
import type { AccessStore } from "./ports/access.ts";
import type { PeopleStore } from "./ports/people.ts";
import type { PasswordStore } from "./ports/passwords.ts";
import type { PipelineStore, RevisionStore } from "./ports/definitions.ts";
import type { FigureStore } from "./ports/figures.ts";
import type { RunHistoryStore } from "./ports/history.ts";
import type { LogStore } from "./ports/logs.ts";
import type { Inbox, Outbox } from "./ports/messages.ts";
import type { SecretRecords } from "./ports/secrets.ts";
import type { RetentionStore } from "./ports/retention.ts";
import type { AttemptStore, RunStore } from "./ports/runs.ts";
import type { SsoStore } from "./ports/sso.ts";
import type { DependencyStore } from "./triggers/dependencies.ts";
import type { SensorStore } from "./triggers/sensors.ts";
import type { VersionStore } from "./versions/port.ts";

/**
 * The control store: what is defined, what ran, who may ask. Several processes may work on one store:
 * each attempt of a run belongs to the worker that holds its lease, every change of a run's state is
 * one guarded statement, and a row of the outbox in the same transaction.
 */
export interface Store extends AsyncDisposable {
  readonly pipelines: PipelineStore;
  readonly dependencies: DependencyStore;
  readonly sensors: SensorStore;
  readonly revisions: RevisionStore;
  /** What was in force when, and from which commits. */
  readonly versions: VersionStore;
  /** Where pipelines run apart from production. */
  readonly environments: EnvironmentStore;
  readonly runs: RunStore;
  readonly attempts: AttemptStore;
  readonly backfills: BackfillStore;
  readonly logs: LogStore;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly alerts: AlertStore;
  readonly figures: FigureStore;
  readonly history: RunHistoryStore;
  readonly retention: RetentionStore;
  readonly access: AccessStore;
  readonly people: PeopleStore;
  readonly factors: FactorStore;
  readonly signIns: SignInStore;
  readonly sso: SsoStore;
  readonly passwords: PasswordStore;
  readonly holds: HoldStore;
  readonly dataKeys: DataKeyStore;
  readonly audit: AuditStore;
  readonly secrets: SecretRecords;
  /** Where all that is sealed in it lies. */
  readonly sealedPlaces: readonly SealedPlaces[];
  /** What an older Sluice has left in plain. */
  readonly plainEntries: PlainEntries;
  readonly warehouseKeys: WarehouseKeyStore;
  /**
   * Writes all of it, as it is at one moment, into a new file, and returns the last migration that it has had.
   * Throws `invalid` for a store that is in no file here.
   */
  copyTo(path: string): Promise<number>;
}
