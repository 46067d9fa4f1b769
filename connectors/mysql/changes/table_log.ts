import type { FollowMessage } from "../../../contract/connector/changes.ts";
import { ofStream } from "../../of_stream.ts";
import { ChangeBuffer } from "./change_buffer.ts";
import { hasSameColumns } from "./changed_facts.ts";
import type { TableFacts } from "./follow_state.ts";
import type { FollowedTable } from "./followed_table.ts";
import type { Gtid, TakenGtids } from "./gtid/gtid.ts";
import { planLogged } from "./logged_table.ts";
import { comparePlaces, type Place } from "./log/place.ts";
import type { ServerTexts } from "./values/server_texts.ts";

/** A table that was looked at, between two places of the log. */
export interface Look {
  readonly table: FollowedTable;
  readonly from: Place;
  readonly until: Place;
}

/** Where a stream is in the log. */
export interface Reached {
  readonly position: Place;
  readonly gtids: string | undefined;
  readonly taken?: TakenGtids | undefined;
}

/** How far one stream is in the log, and what its table looks like there. */
export class TableLog {
  /** What comes before is in its rows. */
  position: Place;
  /** What the server had committed up to there, where that is known. */
  gtids: string | undefined;
  #taken: TakenGtids | undefined;
  /** Whether the transaction that is read is one of those that were taken from another server. */
  #isTaken = false;
  /** The table as it was last looked at, which may be later in the log. */
  latest: Look;
  #facts: TableFacts;
  #buffer: ChangeBuffer | undefined;
  #isAnnounced = true;

  /** `taken`: what stands behind the position, and is in its rows nevertheless. */
  constructor(
    latest: Look,
    facts: TableFacts,
    { position, gtids, taken }: Reached,
  ) {
    this.latest = latest;
    this.#facts = facts;
    this.position = position;
    this.gtids = gtids;
    this.#taken = taken;
  }

  get name(): string {
    return this.latest.table.name;
  }

  /** As they are at the place in the log that was reached. */
  get facts(): TableFacts {
    return this.#facts;
  }

  /** Whether what was last seen of the table is what the log has told. */
  get isCurrent(): boolean {
    return hasSameColumns(this.#facts, this.latest.table.facts);
  }

  /** Whether the change at that place is in its rows already. */
  has(place: Place): boolean {
    return comparePlaces(place, this.position) < 0 || this.#isTaken;
  }

  /** As its state keeps it. */
  get taken(): string | null {
    return this.#taken?.text ?? null;
  }

  /** A transaction begins, or has ended where there is none. */
  begin(gtid: Gtid | undefined, at: Place): void {
    this.#isTaken = this.#taken !== undefined && gtid !== undefined &&
      comparePlaces(at, this.position) >= 0 && this.#taken.take(gtid);
  }

  /** The log was read to its end: nothing may come any more of what was taken. Returns what did not come. */
  endTaken(): string | undefined {
    const missing = this.#taken?.missing();
    this.#taken = undefined;
    return missing;
  }

  /** The changes that wait, throwing StreamsFailed where the table's columns cannot be read; those of other columns than before are to be flushed first. */
  buffer(texts: ServerTexts): ChangeBuffer {
    try {
      this.#buffer ??= new ChangeBuffer(planLogged(this.latest.table, this.#facts), texts);
    } catch (error) {
      throw ofStream(this.name, error);
    }
    this.#isAnnounced = true;
    return this.#buffer;
  }

  *flush(isReleased: boolean): Generator<FollowMessage, void, undefined> {
    if (this.#buffer === undefined) return;
    try {
      yield* this.#buffer.flush();
    } catch (error) {
      throw ofStream(this.name, error);
    }
    if (isReleased) this.#buffer.release();
  }

  /** From here on the table is as it was last looked at. What waits has to be flushed before. */
  reshape(): void {
    const isNew = !this.isCurrent;
    this.#facts = this.latest.table.facts;
    this.#buffer = undefined;
    if (isNew) this.#isAnnounced = false;
  }

  /** The columns that no change has shown yet. */
  *announce(texts: ServerTexts): Generator<FollowMessage, void, undefined> {
    if (!this.#isAnnounced) yield this.buffer(texts).empty();
  }

  /** Its rows were read as they were at a place. */
  beginAt(latest: Look, { position, gtids }: Reached): void {
    this.latest = latest;
    this.position = position;
    this.gtids = gtids;
    this.#taken = undefined;
    this.#facts = latest.table.facts;
    this.#buffer = undefined;
    this.#isAnnounced = true;
  }
}
