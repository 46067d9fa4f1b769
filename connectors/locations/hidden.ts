/** Whether this program, or others, keep it beside the data: globs leave such names out. Excel locks with `~$`. */
export function isHidden(name: string): boolean {
  return name.startsWith(".") || name.startsWith("_sluice") || name.startsWith("~$");
}
