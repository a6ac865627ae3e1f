(() => {
  const queue = document.body.dataset.queue;
  const place = "assayline-review-" + queue;
  const items = [...document.querySelectorAll(".item")];
  const byId = (name) => document.getElementById(name);
  const classes = new Set([...document.querySelectorAll("#classes option")].map((o) => o.value));
  const who = byId("who");
  let state = { who: "", answers: {}, comments: {} };
  let at = 0;

  state = asking.restore(place, state);

  function keep() {
    asking.keep(place, state);
  }

  function draw() {
    items.forEach((item, number) => {
      const answer = state.answers[item.dataset.key];
      item.hidden = number !== at;
      for (const button of item.querySelectorAll("[data-answer]")) {
        button.setAttribute("aria-pressed", String(button.dataset.answer === answer));
      }
      const search = item.querySelector(".search");
      if (search) {
        search.value = classes.has(answer) ? answer : "";
        search.setCustomValidity("");
      }
      item.querySelector(".reveal").hidden = answer === undefined;
      item.querySelector(".said").textContent = answer || "";
      item.querySelector(".comment input").value = state.comments[item.dataset.key] || "";
    });
    const done = Object.keys(state.answers).length;
    byId("progress").value = done;
    byId("count").textContent = done + " of " + items.length + " answered";
    byId("back").disabled = at === 0;
    byId("next").disabled = at === items.length - 1;
  }

  function show(number) {
    at = Math.min(Math.max(number, 0), items.length - 1);
    draw();
  }

  function showOpen() {
    const open = (item) => state.answers[item.dataset.key] === undefined;
    const after = items.findIndex((item, number) => number > at && open(item));
    show(after >= 0 ? after : Math.max(items.findIndex(open), 0));
  }

  function answer(value) {
    const key = items[at].dataset.key;
    if (value === "" || state.answers[key] === value) {
      delete state.answers[key];
    } else {
      state.answers[key] = value;
    }
    keep();
    draw();
  }

  function find(search) {
    const known = search.value === "" || classes.has(search.value);
    search.setCustomValidity(known ? "" : "No class has this name: choose one of the list.");
    if (known) answer(search.value);
    else search.reportValidity();
  }

  function table() {
    const lines = items
      .filter((item) => state.answers[item.dataset.key] !== undefined)
      .map(({ dataset: { key, given } }) =>
        [queue, key, given, state.answers[key], state.who, state.comments[key] || ""]
      );
    const header = ["queue", "key", "given", "answer", "who", "comment"];
    return asking.table([header, ...lines]);
  }

  function save() {
    asking.offer("answers-" + queue + ".csv", table());
  }

  for (const item of items) {
    for (const button of item.querySelectorAll("[data-answer]")) {
      button.addEventListener("click", () => answer(button.dataset.answer));
    }
    const search = item.querySelector(".search");
    if (search) {
      search.addEventListener("change", () => find(search));
      search.addEventListener("input", () => search.setCustomValidity(""));
    }
    const comment = item.querySelector(".comment input");
    comment.addEventListener("input", () => {
      state.comments[item.dataset.key] = comment.value;
      keep();
    });
  }
  who.value = state.who;
  who.addEventListener("input", () => {
    state.who = who.value;
    keep();
  });
  byId("back").addEventListener("click", () => show(at - 1));
  byId("next").addEventListener("click", () => show(at + 1));
  byId("open").addEventListener("click", showOpen);
  byId("save").addEventListener("click", save);
  document.addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const buttons = [...items[at].querySelectorAll("[data-answer]")];
    const number = "0123456789".indexOf(event.key);
    if (number === 0) answer(buttons[buttons.length - 1].dataset.answer);
    else if (number > 0 && number < buttons.length) answer(buttons[number - 1].dataset.answer);
    else if (event.key === "ArrowLeft") show(at - 1);
    else if (event.key === "ArrowRight") show(at + 1);
    else if (event.key === "n") showOpen();
  });
  show(0);
  if (Object.keys(state.answers).length) showOpen();
})();
