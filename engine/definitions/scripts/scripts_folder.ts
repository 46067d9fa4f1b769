/** Scripts and all that they import by a path lie here: nothing else of a project gets into a sandbox. */
export const SCRIPTS_FOLDER = "scripts";
