(() => {
  const body = document.body.dataset;
  const place = "assayline-tags-" + body.export;
  const given = JSON.parse(body.tags);
  const [prefix, seen] = [body.prefix, body.seen];
  const items = [...document.querySelectorAll(".item")];
  const earlier = new Map(items.map((item) => [item.dataset.key, JSON.parse(item.dataset.said)]));
  const byId = (name) => document.getElementById(name);
  const who = byId("who");
  // Of each answered row: the tags that it has, and those that were asked about.
  const state = asking.restore(place, { who: "", tags: [], rows: {} });
  let at = 0;

  const tags = () => [...given, ...state.tags.filter((tag) => !given.includes(tag))];
  const key = () => items[at].dataset.key;
  const before = (name) => Object.keys(earlier.get(name)).filter((tag) => earlier.get(name)[tag]);
  const open = (name) => tags().filter((tag) => !state.rows[name]?.asked.includes(tag));
  const isOpen = (item) => !state.rows[item.dataset.key] || open(item.dataset.key).length > 0;

  function said() {
    const row = state.rows[key()];
    if (!row) {
      const known = Object.entries(earlier.get(key())).map(([tag, has]) => tag + (has ? "" : " (no)"));
      return known.length ? "Tagged before: " + known.join(", ") + ". Confirm or change it." : "";
    }
    const left = open(key());
    if (left.length) return "Not answered here yet: " + left.join(", ") + ".";
    return row.yes.length ? "Answered: " + row.yes.join(", ") + "." : "Answered: none of these.";
  }

  function box(tag, number, ticked) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "checkbox";
    input.checked = ticked;
    input.dataset.tag = tag;
    input.addEventListener("change", () => toggle(tag));
    label.append(input);
    if (number < 9) {
      const mark = document.createElement("kbd");
      mark.textContent = number + 1;
      label.append(mark);
    }
    label.append(tag);
    return label;
  }

  function draw() {
    items.forEach((item, number) => (item.hidden = number !== at));
    const row = state.rows[key()];
    const yes = row ? row.yes : before(key());
    // A tick by mouse or space must not lose the place of the keyboard.
    const focused = document.activeElement?.dataset?.tag;
    byId("boxes").replaceChildren(...tags().map((tag, n) => box(tag, n, yes.includes(tag))));
    const same = [...byId("boxes").querySelectorAll("input")].find((i) => i.dataset.tag === focused);
    if (focused !== undefined && same) same.focus();
    byId("done").lastChild.textContent = yes.length ? " Only these" : " None of these";
    byId("done").setAttribute("aria-pressed", String(Boolean(row) && open(key()).length === 0));
    byId("said").textContent = said();
    const done = items.filter((item) => state.rows[item.dataset.key]);
    const again = done.filter(isOpen).length;
    byId("progress").value = done.length - again;
    byId("count").textContent =
      done.length + " of " + items.length + " answered" +
      (again ? " (" + again + " to see again)" : "");
    byId("back").disabled = at === 0;
    byId("next").disabled = at === items.length - 1;
  }

  function changed() {
    asking.keep(place, state);
    draw();
  }

  function show(number) {
    at = Math.min(Math.max(number, 0), items.length - 1);
    draw();
  }

  function showOpen() {
    const after = items.findIndex((item, number) => number > at && isOpen(item));
    show(after >= 0 ? after : Math.max(items.findIndex(isOpen), 0));
  }

  function answer(yes) {
    state.rows[key()] = { yes, asked: tags() };
  }

  function forget(tag) {
    // A tag that was made here and that no row has is gone, as if it had been a slip.
    const rows = Object.values(state.rows);
    if (!state.tags.includes(tag) || rows.some((row) => row.yes.includes(tag))) return;
    state.tags = state.tags.filter((one) => one !== tag);
    for (const row of rows) row.asked = row.asked.filter((one) => one !== tag);
  }

  function toggle(tag) {
    const row = state.rows[key()];
    const now = row ? row.yes : before(key());
    const yes = now.includes(tag) ? now.filter((one) => one !== tag) : [...now, tag];
    if (yes.length || before(key()).length) answer(yes);
    else delete state.rows[key()];
    forget(tag);
    changed();
  }

  function confirm() {
    const row = state.rows[key()];
    if (row && !row.yes.length && !open(key()).length) delete state.rows[key()];
    else answer(row ? row.yes : before(key()));
    changed();
  }

  function add(text) {
    const tag = text.trim().replace(/\s+/g, " ");
    if (!tag) return;
    const same = tags().find((one) => one.toLowerCase() === tag.toLowerCase());
    if (same === undefined) state.tags.push(tag);
    const row = state.rows[key()];
    const now = row ? row.yes : before(key());
    if (!now.includes(same ?? tag)) toggle(same ?? tag);
  }

  function table() {
    const columns = tags();
    const lines = items
      .filter((item) => state.rows[item.dataset.key])
      .map((item) => {
        const { yes, asked } = state.rows[item.dataset.key];
        const cell = (tag) => (yes.includes(tag) ? "yes" : asked.includes(tag) ? "no" : "");
        return [body.export, item.dataset.key, state.who, "yes", ...columns.map(cell)];
      });
    const header = ["export", "row_key", "who", seen, ...columns.map((tag) => prefix + tag)];
    return asking.table([header, ...lines]);
  }

  who.value = state.who;
  who.addEventListener("input", () => {
    state.who = who.value;
    asking.keep(place, state);
  });
  byId("back").addEventListener("click", () => show(at - 1));
  byId("next").addEventListener("click", () => show(at + 1));
  byId("open").addEventListener("click", showOpen);
  byId("done").addEventListener("click", confirm);
  byId("save").addEventListener("click", () => asking.offer("tags-" + body.export + ".csv", table()));
  byId("add").addEventListener("submit", (event) => {
    event.preventDefault();
    add(byId("new").value);
    byId("new").value = "";
    byId("new").blur();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.tagName === "INPUT" && event.target.type === "text";
    if (event.key === "Escape" && typing) event.target.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const number = "0123456789".indexOf(event.key);
    if (number === 0) confirm();
    else if (number > 0 && number <= tags().length) toggle(tags()[number - 1]);
    else if (event.key === "ArrowLeft") show(at - 1);
    else if (event.key === "ArrowRight") show(at + 1);
    else if (event.key === "n") showOpen();
    else if (event.key === "t") {
      event.preventDefault();
      byId("new").focus();
    }
  });
  show(0);
  if (Object.keys(state.rows).length) showOpen();
})();
