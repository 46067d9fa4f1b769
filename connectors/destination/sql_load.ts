import type {
  Load,
  LoadInput,
  LoadReceipt,
  LoadRequest,
  LoadShape,
  TransactionalDestination,
} from "../../contract/connector/destination.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import { type Defined, defineFirst } from "./define_first.ts";
import { LoadLedger } from "./ledger.ts";
import { stageGone } from "./gone.ts";
import { type Counts, moveStaged } from "./move_staged.ts";
import { countRows, deleteRows } from "./target_rows.ts";
import { hasSameShape, type LoadPlan, madeColumns, planColumns } from "./plan.ts";
import { runUserSql } from "./user_sql.ts";
import { finishTable, intoNewTable, intoTable, newKey, sendRows, type Way } from "./way.ts";
import type {
  Dialect,
  MadeColumn,
  OpenTarget,
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
  /** What is good to have behind the load, once it is committed. */
  #tidying: (() => Promise<void>) | undefined;

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
        ? await defineFirst(
          this.#target,
          input.schema,
          this.#request,
          (plan) => newKey(this.#request.mode, plan),
        )
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
        ? await intoNewTable(this.#target, this.#shape, plan, mayRebuild ? table : undefined)
        : await intoTable(this.#target, this.#shape, plan, table);
      const deleted = way.type === "direct" && this.#request.mode === "replace"
        ? await deleteRows(this.#target, way.table)
        : deletedByRebuild;
      const sent = await sendRows(this.#target, this.#shape, { way, plan }, input, this.#signal);
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
        await finishTable(this.#target, this.#shape, way, plan);
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
      this.#tidying = () => this.#tidy(counts);
      if (this.#target.afterwards === undefined) await this.#tidying();
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
    const { afterwards } = this.#target;
    if (afterwards === undefined || this.#tidying === undefined) await this.#target[Symbol.asyncDispose]();
    else afterwards(this.#tidying);
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
