/** `> 10`, `>= 1%`: how many failing rows, or which share of the rows that were looked at. */
export const THRESHOLD_PATTERN = /^\s*(>=|<=|!=|<>|==|=|>|<)\s*(\d+(?:\.\d+)?)\s*(%?)\s*$/;

/** Whether so many failures are what the threshold says; `text` matched THRESHOLD_PATTERN. */
export function isReached(text: string, failures: number, total: number): boolean {
  const [, operator = "!=", amount = "0", percent] = THRESHOLD_PATTERN.exec(text) ?? [];
  const limit = Number(amount);
  const value = percent !== "%" ? failures : total === 0 ? 0 : (failures * 100) / total;
  switch (operator) {
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case "=":
    case "==":
      return value === limit;
    default:
      return value !== limit;
  }
}
