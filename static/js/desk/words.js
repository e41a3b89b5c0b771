/* What the desk says by itself, in the language of the page: the server hands the words over with the desk. */
const words = document.getElementById("desk-words");

/* A sentence by its name; `values` stand in for the names in its braces. */
export const say = (name, values = {}) =>
  (words?.dataset[`say${name}`] ?? "").replace(/\{(\w+)\}/g, (all, key) => String(values[key] ?? all));
