/** A value of the batch that cannot be written. */
export class CellError extends Error {
  override readonly name = "CellError";
  /** Its place in the batch. */
  readonly row: number;

  constructor(row: number, message: string) {
    super(message);
    this.row = row;
  }
}
