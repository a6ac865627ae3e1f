"use strict";
// What every page that asks about rows does: keep the answers in the browser, move between rows,
// count them, and save a table. `page` says what is particular to one kind of answers: the `place`
// where they are kept and the name of the `file`, whether a row is `answered` or still `open`, how
// the row is drawn, what a digit or another key does, and the `table` to save.
function ask(page, state) {
  const design = document.body.dataset.design;
  const place = page.place + design;
  const items = [...document.querySelectorAll(".item")];
  const byId = (name) => document.getElementById(name);
  const who = byId("who");
  let at = 0;

  try {
    Object.assign(state, JSON.parse(localStorage.getItem(place) || "{}"));
  } catch {
    // A browser may keep nothing for files; the answers are then in this page only.
  }

  function keep() {
    try {
      localStorage.setItem(place, JSON.stringify(state));
    } catch {
      // As above.
    }
  }

  function draw() {
    items.forEach((item, number) => (item.hidden = number !== at));
    page.draw(items[at]);
    const done = items.filter((item) => page.answered(item));
    const again = done.filter((item) => page.open(item)).length;
    byId("progress").value = done.length - again;
    byId("count").textContent =
      done.length + " of " + items.length + " answered" +
      (again ? " (" + again + " to see again)" : "");
    byId("back").disabled = at === 0;
    byId("next").disabled = at === items.length - 1;
  }

  function show(number) {
    at = Math.min(Math.max(number, 0), items.length - 1);
    draw();
  }

  function showOpen() {
    const after = items.findIndex((item, number) => number > at && page.open(item));
    show(after >= 0 ? after : Math.max(items.findIndex((item) => page.open(item)), 0));
  }

  function table(header, columns) {
    // What a spreadsheet would compute gets a mark before, which is taken off when it is read.
    const asText = (cell) => (/^'*[=+\-@\t\r]/.test(cell) ? "'" : "") + cell;
    const quoted = (cell) => '"' + asText(String(cell)).replaceAll('"', '""') + '"';
    const lines = items.filter((item) => page.answered(item)).map(columns);
    return [header, ...lines].map((line) => line.map(quoted).join(",") + "\n").join("");
  }

  function save() {
    const link = document.createElement("a");
    const text = table(page.header(), (item) => [design, item.dataset.key, ...page.line(item)]);
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = page.file + design + ".csv";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function press(event) {
    const typing = event.target.tagName === "INPUT" && event.target.type === "text";
    if (event.key === "Escape" && typing) event.target.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const number = "0123456789".indexOf(event.key);
    if (number >= 0) page.press(number);
    else if (event.key === "ArrowLeft") show(at - 1);
    else if (event.key === "ArrowRight") show(at + 1);
    else if (event.key === "n") showOpen();
    else page.key?.(event);
  }

  return {
    item: () => items[at],
    keep,
    changed() {
      keep();
      draw();
    },
    start() {
      who.value = state.who;
      who.addEventListener("input", () => {
        state.who = who.value;
        keep();
      });
      byId("back").addEventListener("click", () => show(at - 1));
      byId("next").addEventListener("click", () => show(at + 1));
      byId("open").addEventListener("click", showOpen);
      byId("save").addEventListener("click", save);
      document.addEventListener("keydown", press);
      show(0);
      if (items.some((item) => page.answered(item))) showOpen();
    },
  };
}
