/** Whether this program, or others, keep it beside the data: globs leave such names out. */
export function isHidden(name: string): boolean {
  return name.startsWith(".") || name.startsWith("_sluice");
}
