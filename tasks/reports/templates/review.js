(() => {
  const classes = new Set([...document.querySelectorAll("#classes option")].map((o) => o.value));
  const state = { who: "", answers: {}, comments: {} };
  const answerOf = (item) => state.answers[item.dataset.key];
  const commentOf = (item) => state.comments[item.dataset.key] || "";

  const asked = ask(
    {
      place: "assayline-review-",
      file: "answers-",
      answered: (item) => answerOf(item) !== undefined,
      open: (item) => answerOf(item) === undefined,
      draw(item) {
        const answer = answerOf(item);
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
        item.querySelector(".comment input").value = commentOf(item);
      },
      press(number) {
        const buttons = [...asked.item().querySelectorAll("[data-answer]")];
        // The last one, which 0 stands for, is that of the unsure.
        if (number === 0) answer(buttons[buttons.length - 1].dataset.answer);
        else if (number < buttons.length) answer(buttons[number - 1].dataset.answer);
      },
      header: () => ["queue", "key", "given", "answer", "who", "comment"],
      line: (item) => [item.dataset.given, answerOf(item), state.who, commentOf(item)],
    },
    state
  );

  function answer(value) {
    const key = asked.item().dataset.key;
    if (value === "" || state.answers[key] === value) delete state.answers[key];
    else state.answers[key] = value;
    asked.changed();
  }

  function find(search) {
    const known = search.value === "" || classes.has(search.value);
    search.setCustomValidity(known ? "" : "No class has this name: choose one of the list.");
    if (known) answer(search.value);
    else search.reportValidity();
  }

  for (const item of document.querySelectorAll(".item")) {
    for (const button of item.querySelectorAll("[data-answer]")) {
      button.addEventListener("click", () => answer(button.dataset.answer));
    }
    const search = item.querySelector(".search");
    search?.addEventListener("change", () => find(search));
    search?.addEventListener("input", () => search.setCustomValidity(""));
    const comment = item.querySelector(".comment input");
    comment.addEventListener("input", () => {
      state.comments[item.dataset.key] = comment.value;
      asked.keep();
    });
  }
  asked.start();
})();
