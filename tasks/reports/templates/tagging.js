(() => {
  const body = document.body.dataset;
  const given = JSON.parse(body.tags);
  const [prefix, seen] = [body.prefix, body.seen];
  const items = [...document.querySelectorAll(".item")];
  const earlier = new Map(items.map((item) => [item.dataset.key, JSON.parse(item.dataset.said)]));
  const byId = (name) => document.getElementById(name);
  // Of each answered row: the tags that it has, and those that were asked about.
  const state = { who: "", tags: [], rows: {} };

  const tags = () => [...given, ...state.tags.filter((tag) => !given.includes(tag))];
  const key = () => asked.item().dataset.key;
  const before = (name) => Object.keys(earlier.get(name)).filter((tag) => earlier.get(name)[tag]);
  const open = (name) => tags().filter((tag) => !state.rows[name]?.asked.includes(tag));

  const asked = ask(
    {
      place: "assayline-tags-",
      file: "tags-",
      answered: (item) => Boolean(state.rows[item.dataset.key]),
      open: (item) => !state.rows[item.dataset.key] || open(item.dataset.key).length > 0,
      draw,
      press(number) {
        if (number === 0) confirm();
        else if (number <= tags().length) toggle(tags()[number - 1]);
      },
      key(event) {
        if (event.key !== "t") return;
        event.preventDefault();
        byId("new").focus();
      },
      header: () => ["export", "row_key", "who", seen, ...tags().map((tag) => prefix + tag)],
      line(item) {
        const { yes, asked } = state.rows[item.dataset.key];
        const cell = (tag) => (yes.includes(tag) ? "yes" : asked.includes(tag) ? "no" : "");
        return [state.who, "yes", ...tags().map(cell)];
      },
    },
    state
  );

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
    asked.changed();
  }

  function confirm() {
    const row = state.rows[key()];
    if (row && !row.yes.length && !open(key()).length) delete state.rows[key()];
    else answer(row ? row.yes : before(key()));
    asked.changed();
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

  byId("done").addEventListener("click", confirm);
  byId("add").addEventListener("submit", (event) => {
    event.preventDefault();
    add(byId("new").value);
    byId("new").value = "";
    byId("new").blur();
  });
  asked.start();
})();
