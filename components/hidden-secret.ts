/** Stands for a secret where its value is not known or must not be shown; the program takes it for a token, so that a plan needs none. */
export const hiddenSecret = "<secret>";
