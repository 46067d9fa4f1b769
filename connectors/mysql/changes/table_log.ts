import type { FollowMessage } from "../../../contract/connector/changes.ts";
import { ofStream } from "../../of_stream.ts";
import { ChangeBuffer } from "./change_buffer.ts";
import { hasSameColumns } from "./changed_facts.ts";
import type { TableFacts } from "./follow_state.ts";
import type { FollowedTable } from "./followed_table.ts";
import { planLogged } from "./logged_table.ts";
import { comparePlaces, type Place } from "./log/place.ts";
import type { ServerTexts } from "./values/server_texts.ts";

/** A table that was looked at, between two places of the log. */
export interface Look {
  readonly table: FollowedTable;
  readonly from: Place;
  readonly until: Place;
}

/** How far one stream is in the log, and what its table looks like there. */
export class TableLog {
  /** What comes before is in its rows. */
  position: Place;
  /** The table as it was last looked at, which may be later in the log. */
  latest: Look;
  #facts: TableFacts;
  #buffer: ChangeBuffer | undefined;
  #isAnnounced = true;

  constructor(latest: Look, facts: TableFacts, position: Place) {
    this.latest = latest;
    this.#facts = facts;
    this.position = position;
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
    return comparePlaces(place, this.position) < 0;
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
  beginAt(latest: Look, position: Place): void {
    this.latest = latest;
    this.position = position;
    this.#facts = latest.table.facts;
    this.#buffer = undefined;
    this.#isAnnounced = true;
  }
}
