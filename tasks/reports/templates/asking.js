"use strict";
// What every page that asks about rows does: keep the state in the browser, write a table, offer it.
const asking = {
  restore(place, state) {
    try {
      return Object.assign(state, JSON.parse(localStorage.getItem(place) || "{}"));
    } catch {
      // A browser may keep nothing for files; the answers are then in this page only.
      return state;
    }
  },
  keep(place, state) {
    try {
      localStorage.setItem(place, JSON.stringify(state));
    } catch {
      // As above.
    }
  },
  table(lines) {
    // What a spreadsheet would compute gets a mark before, which is taken off when it is read.
    const asText = (cell) => (/^'*[=+\-@\t\r]/.test(cell) ? "'" : "") + cell;
    const quoted = (cell) => '"' + asText(String(cell)).replaceAll('"', '""') + '"';
    return lines.map((line) => line.map(quoted).join(",") + "\n").join("");
  },
  offer(name, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  },
};
