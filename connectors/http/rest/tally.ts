import { addTraffic, NO_TRAFFIC, type Traffic } from "../../../contract/streams/traffic.ts";

/** Counts the requests of one stream, or of one delivery, and says so each time that there are more. */
export class Tally {
  readonly #onChange: (traffic: Traffic) => void;
  #traffic: Traffic = NO_TRAFFIC;

  constructor(onChange: (traffic: Traffic) => void = () => {}) {
    this.#onChange = onChange;
  }

  /** All so far. */
  get traffic(): Traffic {
    return this.#traffic;
  }

  add(more: Partial<Traffic>): void {
    this.#traffic = addTraffic(this.#traffic, more);
    this.#onChange(this.#traffic);
  }
}
