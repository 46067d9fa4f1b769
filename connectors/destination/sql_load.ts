import type {
  Load,
  LoadInput,
  LoadMode,
  LoadReceipt,
  LoadRequest,
  LoadShape,
  TransactionalDestination,
} from "../../contract/connector/destination.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import { type Defined, defineFirst } from "./define_first.ts";
import { LoadLedger } from "./ledger.ts";
import { stageGone } from "./gone.ts";
import { checkKeys } from "./merge.ts";
import { type Counts, moveStaged } from "./move_staged.ts";
import { planByKey } from "./replace_by_key.ts";
import {
  addColumns,
  checkHeirs,
  checkTaken,
  countRows,
  deleteRows,
  refuseDependants,
} from "./target_rows.ts";
import {
  columnDefinitions,
  hasSameShape,
  isNew,
  lacksColumns,
  type LoadPlan,
  madeColumns,
  needsCast,
  planColumns,
} from "./plan.ts";
import { runUserSql } from "./user_sql.ts";
import type {
  Dialect,
  LoadColumn,
  MadeColumn,
  OpenTarget,
  RelationName,
  SentRows,
  SqlTarget,
  TargetColumn,
  TargetTable,
} from "./system.ts";

/**
 * The mode planner: replace, append, merge and delete_insert over any SQL system, in one transaction with the load's
 * row in the ledger. Where the rows can go straight into their table they do, in `stage`; nobody
 * sees them before the commit. Else they wait in a staging table, in types that hold them whole:
 *
 * | | where the rows go |
 * | --- | --- |
 * | the table is new | it is made, and filled |
 * | replace, other columns, and the table is ours | a new one is filled and takes its place |
 * | replace or append, every column as it is sent | into the table; a replace deletes the old rows first |
 * | merge, delete_insert, casts, columns that are added late | staged, checked, then moved by SQL |
 * | replace, the table has columns of its own and a key | the same; rows of a known key keep those columns |
 *
 * A system that `stagesApart` gets all rows before its transaction, into a stage or a new table beside.
 */
export function sqlDestination<Target, Column extends TargetColumn>(
  open: OpenTarget<Target, Column>,
): TransactionalDestination<Target> {
  return {
    kind: "transactional",
    async begin(request, signal) {
      return new SqlLoad(await open(request, signal), request, signal);
    },
  };
}

type Way<Column extends TargetColumn> =
  | { readonly type: "create"; readonly relation: RelationName; finish(): Promise<void> }
  | { readonly type: "direct"; readonly table: TargetTable<Column> }
  | {
    readonly type: "staged";
    readonly table: TargetTable<Column>;
    /** Of a replace that keeps what the rows lack. */
    readonly byKey?: LoadPlan<Column> | undefined;
  };

interface Staged<Column extends TargetColumn> {
  /** As it was then. */
  readonly table: TargetTable<Column> | undefined;
  /** The columns that loads had given it, where a new one takes its place. */
  readonly rebuilt: readonly MadeColumn[] | undefined;
  readonly way: Way<Column>;
  readonly plan: LoadPlan<Column>;
  readonly sent: SentRows;
  /** Of the keys whose rows are to go, where there are any. */
  readonly gone: LoadPlan<Column> | undefined;
  readonly hash: string | null;
  readonly counts: Counts;
  readonly made: readonly MadeColumn[] | undefined;
}

/** From so many changed rows on a table's statistics are taken anew. */
const ANALYZED_ROWS = 10_000;

/** Modes whose rows never go straight into a table that is there. */
const STAGED: ReadonlySet<LoadMode> = new Set(["merge", "delete_insert", "scd2"]);

class SqlLoad<Target, Column extends TargetColumn> implements Load {
  readonly #target: SqlTarget<Column>;
  readonly #dialect: Dialect<Column>;
  readonly #request: LoadRequest<Target>;
  readonly #signal: AbortSignal;
  readonly #ledger: LoadLedger;
  /** The request, but that rows which are not among those that changed are not missing. */
  #shape: LoadShape;
  /** The load that was found to be the last before this one. */
  #after: string | undefined;
  #columns: readonly string[] = [];
  #staged: Staged<Column> | undefined;

  constructor(
    target: SqlTarget<Column>,
    request: LoadRequest<Target>,
    signal: AbortSignal,
  ) {
    this.#target = target;
    this.#dialect = target.dialect;
    this.#request = request;
    this.#shape = request;
    this.#signal = signal;
    this.#ledger = new LoadLedger(target, target.dialect.ledger);
  }

  claim(): Promise<LoadReceipt | undefined> {
    return this.#explained(async () => {
      const { session } = this.#target;
      await this.#ledger.prepare(this.#request);
      if (this.#dialect.stagesApart) return await this.#ledger.claim(this.#request);
      await session.begin();
      const known = await this.#ledger.claim(this.#request);
      if (known !== undefined) await session.rollback();
      else await this.#target.lock();
      return known;
    });
  }

  isAfter(loadId: string): Promise<boolean> {
    return this.#explained(async () => {
      const { catalogue } = this.#target;
      const isAfter = await this.#ledger.isLast(loadId, this.#request.loadId) &&
        await catalogue.inspect() !== undefined;
      const made = isAfter ? await this.#ledger.madeTable() : undefined;
      const isSame = made === undefined || made.identity === await catalogue.identity();
      if (isAfter && isSame) this.#after = loadId;
      return isAfter && isSame;
    });
  }

  stage(input: LoadInput): Promise<void> {
    if (input.isPartial) this.#shape = { ...this.#request, deletesMissing: false };
    this.#columns = input.schema.fields.map(({ name }) => name);
    return this.#explained(async () => {
      const { action, catalogue } = this.#target;
      const defined = this.#dialect.definesFirst && this.#hasUserSql
        ? await defineFirst(this.#target, input.schema, this.#request, (plan) => this.#newKey(plan))
        : undefined;
      if (!this.#dialect.stagesApart) await this.#userSql("pre_sql");
      const table = await catalogue.inspect();
      const madeBefore = table === undefined ? undefined : await this.#madeBefore(table, defined);
      const mayRebuild = this.#request.mode === "replace" && madeBefore !== undefined &&
        table !== undefined && defined === undefined &&
        (this.#dialect.replacesByNewTable || !hasSameShape(this.#dialect, input.schema, table)) &&
        await catalogue.isOurs(madeBefore.columns);
      const fresh = table === undefined || mayRebuild;
      const plan = planColumns(action, this.#dialect, input.schema, fresh ? undefined : table, this.#request);
      const deletedByRebuild = mayRebuild ? await countRows(this.#target) : 0;
      const gone = table === undefined || fresh || input.gone === undefined
        ? undefined
        : await stageGone(this.#target, table, this.#request, input.gone, this.#signal);
      const way = fresh
        ? await this.#create(plan, mayRebuild ? table : undefined)
        : await this.#into(plan, table);
      const deleted = way.type === "direct" && this.#request.mode === "replace"
        ? await deleteRows(this.#target, way.table)
        : deletedByRebuild;
      const sent = await this.#send(way, plan, input);
      this.#staged = {
        table,
        rebuilt: mayRebuild ? madeBefore?.columns : undefined,
        way,
        plan,
        sent,
        gone,
        hash: await input.hash(),
        counts: { inserted: sent.sent, updated: 0, deleted },
        made: fresh
          ? madeColumns(plan.columns, [])
          : madeBefore && madeColumns(plan.columns, madeBefore.columns),
      };
    });
  }

  apply(): Promise<void> {
    return this.#explained(async () => {
      if (this.#dialect.stagesApart) {
        await this.#beginLate();
        await this.#userSql("pre_sql");
      }
      const staged = this.#stagedRows();
      const { way, plan } = staged;
      if (way.type === "create") {
        await this.#finishTable(way, plan);
      } else if (way.type === "staged") {
        const counts = await moveStaged({
          target: this.#target,
          dialect: this.#dialect,
          shape: this.#shape,
          table: way.table,
          plan,
          byKey: way.byKey,
          rows: staged.sent.sent,
          gone: staged.gone,
          isOurs: staged.made !== undefined,
        });
        this.#staged = { ...staged, counts };
      }
      if (way.type !== "create") await this.#target.moveSequences?.(plan.columns.map(({ name }) => name));
      await this.#userSql("post_sql");
    });
  }

  commit(): Promise<LoadReceipt> {
    return this.#explained(async () => {
      const { sent, counts, hash, made } = this.#stagedRows();
      const receipt = { rows: sent.sent, ...counts, hash, sizeBytes: sent.sizeBytes, repeated: false };
      await this.#ledger.finish(this.#request, receipt, made);
      this.#signal.throwIfAborted();
      await this.#target.session.commit();
      await this.#tidy(counts);
      return receipt;
    });
  }

  async #userSql(key: "pre_sql" | "post_sql"): Promise<void> {
    const { preSql = [], postSql = [] } = this.#request;
    await runUserSql(this.#target, key, key === "pre_sql" ? preSql : postSql);
  }

  get #hasUserSql(): boolean {
    const { preSql = [], postSql = [] } = this.#request;
    return preSql.length + postSql.length > 0;
  }

  /** What is good to have behind a load that is committed; where it cannot be done nothing is lost. */
  async #tidy({ inserted, updated, deleted }: Counts): Promise<void> {
    const { session, name } = this.#target;
    const forget = this.#hasUserSql ? this.#dialect.forgetSettings : undefined;
    const isMuch = (inserted ?? 0) + (updated ?? 0) + (deleted ?? 0) >= ANALYZED_ROWS;
    const analyze = isMuch ? this.#dialect.analyze?.(name) ?? [] : [];
    for (const statement of [...forget === undefined ? [] : [forget], ...analyze]) {
      try {
        await session.run(statement);
      } catch {
        return;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#target[Symbol.asyncDispose]();
  }

  /** The columns that loads have given the table; undefined where it was made by somebody else. */
  async #madeBefore(
    table: TargetTable<Column>,
    defined: Defined | undefined,
  ): Promise<{ readonly columns: readonly MadeColumn[] } | undefined> {
    if (defined?.isMade) return { columns: defined.columns };
    const made = await this.#ledger.madeTable();
    if (made === undefined || made.identity !== await this.#target.catalogue.identity()) return undefined;
    const columns = made.columns ?? table.columns.map(({ name, sql }): MadeColumn => [name, sql]);
    return { columns: [...columns, ...defined?.columns ?? []] };
  }

  /** `old` is the table that the new one replaces. */
  async #create(plan: LoadPlan<Column>, old: TargetTable<Column> | undefined): Promise<Way<Column>> {
    const { session, name } = this.#target;
    const place = old !== undefined
      ? await this.#target.rebuild()
      : await this.#target.create?.() ?? { relation: name, finish: async () => {} };
    await session.run(
      this.#dialect.createTable?.(place.relation, plan.columns, this.#keptKey(plan, old)) ??
        `CREATE TABLE ${place.relation.quoted} (${columnDefinitions(plan.columns)})`,
    );
    return { type: "create", ...place };
  }

  async #into(plan: LoadPlan<Column>, table: TargetTable<Column>): Promise<Way<Column>> {
    const { action, session } = this.#target;
    const { mode } = this.#request;
    if (mode === "replace" || mode === "delete_insert") {
      await refuseDependants(this.#target, "replacing its rows", "load with mode: merge");
    } else if (mode === "merge" && this.#shape.deletesMissing) {
      await refuseDependants(this.#target, "deleting its rows", "leave out deletes: hard");
    }
    const byKey = mode === "replace" ? await planByKey(this.#target, table, plan) : undefined;
    const added = plan.columns.some(isNew);
    if (added) checkHeirs(action, table, plan);
    const isStaged = this.#dialect.stagesApart || STAGED.has(mode) || byKey !== undefined ||
      plan.columns.some(needsCast) ||
      (added && this.#dialect.addsColumnsLate) ||
      (!this.#dialect.sendsDefaults && lacksColumns(plan, table));
    if (!isStaged) {
      if (added) await addColumns(this.#target, plan);
      return { type: "direct", table };
    }
    const { stage } = this.#dialect;
    await session.run(stage.create(columnDefinitions(plan.columns)));
    return { type: "staged", table, byKey };
  }

  async #send(way: Way<Column>, plan: LoadPlan<Column>, input: LoadInput): Promise<SentRows> {
    const { action, session, name } = this.#target;
    const relation = way.type === "create"
      ? way.relation.quoted
      : way.type === "direct"
      ? name.quoted
      : this.#dialect.stage.relation;
    const sent = await session.send(relation, plan.columns, input.batches(), this.#signal);
    this.#signal.throwIfAborted();
    if (input.rows !== null && sent.sent !== input.rows) {
      throw new AppError(
        "internal",
        `${action}: ${input.rows} rows were announced, ${sent.sent} sent and ${sent.taken} taken; nothing is changed`,
      );
    }
    if (way.type === "direct") {
      checkTaken(action, way.table, sent.sent, sent.taken);
      // Where the table has a unique key it refused by itself what comes twice.
      if (this.#request.mode === "replace" && plan.key.length > 0 && !plan.hasUniqueKey) {
        await checkKeys(session, this.#dialect, action, plan, way.table.only);
      }
    }
    if (sent.taken !== sent.sent) {
      throw new AppError(
        "internal",
        `${action}: ${sent.sent} rows were sent and ${sent.taken} taken; nothing is changed`,
      );
    }
    return sent;
  }

  async #finishTable(
    way: { readonly relation: RelationName; finish(): Promise<void> },
    plan: LoadPlan<Column>,
  ): Promise<void> {
    const { session, action } = this.#target;
    const { mode } = this.#request;
    const key = this.#newKey(plan);
    if (key.length > 0 && this.#dialect.createTable === undefined) {
      await checkKeys(session, this.#dialect, action, plan, way.relation.quoted);
      const added = this.#dialect.addKey(way.relation, key.map(({ name }) => name), { mode, isNew: true });
      for (const statement of added) await session.run(statement);
    }
    await way.finish();
  }

  /** The key of a table that takes an old one's place: the old one's, where the load names none. */
  #keptKey(plan: LoadPlan<Column>, old: TargetTable<Column> | undefined): readonly LoadColumn<Column>[] {
    const key = this.#newKey(plan);
    if (key.length > 0 || old === undefined) return key;
    const kept = old.primaryKey.map((name) => plan.columns.find((column) => column.name === name));
    return kept.every((column) => column !== undefined) ? kept : [];
  }

  /** The key that a table gets which this load makes. */
  #newKey({ key }: LoadPlan<Column>): readonly LoadColumn<Column>[] {
    // A history has many rows of a key.
    return this.#request.mode === "append" || this.#request.mode === "scd2" ? [] : key;
  }

  /** Begins the transaction of rows that were staged before it; all has to be as it was then. */
  async #beginLate(): Promise<void> {
    const { session, action, catalogue } = this.#target;
    const staged = this.#stagedRows();
    const { table, rebuilt, counts } = staged;
    await session.begin();
    await this.#target.lock();
    const known = await this.#ledger.claim(this.#request);
    const isSame = JSON.stringify(await catalogue.inspect()) === JSON.stringify(table) &&
      (rebuilt === undefined || await catalogue.isOurs(rebuilt)) &&
      (this.#after === undefined || await this.#ledger.isLast(this.#after, this.#request.loadId));
    if (known !== undefined || !isSame) {
      throw new AppError(
        "unavailable",
        `${action}: the table was changed by another while the rows were sent; nothing is changed, and it is tried again`,
      );
    }
    if (rebuilt === undefined) return;
    this.#staged = { ...staged, counts: { ...counts, deleted: await countRows(this.#target) } };
  }

  #stagedRows(): Staged<Column> {
    if (this.#staged === undefined) {
      throw new AppError("internal", `${this.#target.action}: no rows are staged`);
    }
    return this.#staged;
  }

  /** Runs a step; what it throws becomes an AppError that names the load. */
  async #explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      this.#signal.throwIfAborted();
      return await work();
    } catch (error) {
      if (this.#signal.aborted) throw toAppError(this.#signal.reason);
      throw this.#target.explain(error, this.#columns);
    }
  }
}
